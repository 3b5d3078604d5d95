/**
 * Rules on the errors that the library reports: `error`, `timer`, and `honest` for those of honest pairs.
 */
import type { Context } from '../context.js';
import { codeOf, describe } from '../event-log.js';
import type { Side } from '../sides.js';

/** Codes of errors that the library may report. */
const KNOWN_CODES = /^ERR_COTP_/;
/** A timer must not overlook octets that arrived earlier than this time before it, in milliseconds. */
const OVERLOOKED = 5;

type TimeoutError = Error & { readonly timer: string };

/** Later calls fail with the same error: only the first time a timer is reported can its rule be checked. */
const checkedTimeouts = new WeakSet<Error>();

/** A call of the library has failed, or `onError` was called. */
export function checkFailure(context: Context, side: Side, where: string, error: unknown): void {
  const { events } = context;
  events.note(`${side.name}: ${where} failed ${codeOf(error)}`, side.port, 0);
  checkError(context, side, where, error);
  if (side.isHonest) {
    events.fail('honest', `${side.name}: ${where}: ${describe(error)}`);
  }
}

/** Reads, writes and connects fail with documented errors only. */
export function checkError(context: Context, side: Side, where: string, error: unknown): void {
  const code = codeOf(error);
  const mayBeSystem = where === 'connect';
  const isKnown = error instanceof Error && (KNOWN_CODES.test(code) || mayBeSystem);
  if (!isKnown && !(where === 'onError' && error instanceof TypeError)) {
    context.events.fail('error', `${side.name}: ${where}: ${describe(error)}`);
  }
  if (code === 'ERR_COTP_TIMEOUT' && !checkedTimeouts.has(error as Error)) {
    checkedTimeouts.add(error as Error);
    timer(context, side, error as TimeoutError);
  }
}

/** A timer must not end a connection while octets that arrived during a block are unprocessed. */
function timer({ network, events }: Context, side: Side, { timer: name }: TimeoutError): void {
  const isServer = side.server !== undefined;
  const handle =
    side.handle ??
    [...network.open].find(({ end }) => (isServer ? end.peer.port : end.port) === side.port);
  if (handle === undefined || name === 'writeTimeout' || name === 'closeTimeout') {
    return;
  }
  const overlooked = handle.overlookedSince;
  if (overlooked !== undefined && overlooked.at - overlooked.since > OVERLOOKED) {
    const { what, since, at } = overlooked;
    events.fail(
      'timer',
      `${side.name}: ${name} expired at ${at.toFixed(1)} ms, but ${what} had arrived at ${since.toFixed(1)} ms`,
    );
  }
}
