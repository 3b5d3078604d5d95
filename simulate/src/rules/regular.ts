/**
 * Rules that are checked on all connections at regular intervals: `gone`, `order`, `close` and `drain`.
 */
import type { Context } from '../context.js';
import { closeTimeout, writeTimeout } from '../library-options.js';
import { nameOf } from '../ports.js';
import type { Side } from '../sides.js';
import type { Handle } from '../sockets.js';

/** A connection whose TCP was reset must end within this time, in milliseconds. */
export const GONE_WITHIN = 10_000;
/** Interval at which these rules are checked, in milliseconds. */
export const CHECK_EVERY = 20;
/** Largest delay of timers and callbacks, in milliseconds. */
const SLACK = 60;

export function checkRegularly(context: Context): void {
  for (const handle of context.network.open) {
    gone(context, handle);
  }
  for (const side of context.sides) {
    order(context, side);
    close(context, side);
    drain(context, side);
  }
}

function gone({ clock, events }: Context, handle: Handle): void {
  const { resetAt } = handle.end;
  if (resetAt !== undefined && clock.now > resetAt + GONE_WITHIN + clock.blocked + SLACK) {
    events.fail(
      'gone',
      `the TCP connection of socket ${nameOf(handle)} was reset at ${resetAt.toFixed(0)} ms, but it is still open`,
    );
  }
}

function order({ events }: Context, { name, incoming }: Side): void {
  if (incoming.fault !== undefined) {
    events.fail('order', `${name}: ${incoming.fault}`);
  }
}

function close({ clock, events }: Context, side: Side): void {
  const { connection } = side;
  if (connection === undefined || connection.isClosed || !connection.isClosing) {
    return;
  }
  side.closingSince ??= { at: clock.now, blocked: clock.blockedLongAgo };
  const since = side.closingSince;
  const limit = closeTimeout(side.options);
  // A timer that a block has delayed waits once more for the same time, so that octets received meanwhile
  // can be processed.
  const delay = 2 * (clock.blocked - since.blocked) + CHECK_EVERY + SLACK;
  if (clock.now > since.at + limit + delay) {
    events.fail(
      'close',
      `${side.name} has been closing since ${since.at.toFixed(0)} ms; closeTimeout is ${limit} ms`,
    );
  }
}

/** Who waits for a peer that takes nothing is answered. */
function drain({ clock, events }: Context, side: Side): void {
  const { connection } = side;
  if (connection === undefined || connection.isClosed || side.drains === 0) {
    side.stuckSince = undefined;
    return;
  }
  const written = connection.bytesWritten;
  if (side.stuckSince?.written !== written) {
    side.stuckSince = { at: clock.now, blocked: clock.blockedLongAgo, written };
  }
  const since = side.stuckSince;
  // Twice: the time for an EA begins only once reading is paused and drain waits.
  const limit = 2 * writeTimeout(side.options);
  const delay = 2 * (clock.blocked - since.blocked) + CHECK_EVERY + SLACK;
  if (clock.now > since.at + limit + delay) {
    events.fail(
      'drain',
      `${side.name} waits for drain since ${since.at.toFixed(0)} ms, and nothing was written to its stream`,
    );
  }
}
