/**
 * The tracing channel around `connect`, for tools that time operations or follow an asynchronous context.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import type { FullAddress } from '../address.js';
import type { Connection } from '../connection/connection.js';

/** The message of all events of one call of `connect`: the same object in each. */
export interface ConnectTrace {
  /** Number of the connection: `id` of the connection and of its events on `cotp:connection`. */
  readonly id: number;
  /** Where to connect to. */
  readonly addr: FullAddress;
  /** The `name` option. */
  readonly name: string | undefined;
  /** The connection, from `asyncStart` on if it has opened. */
  result?: Connection;
  /** What `connect` rejects with, from `error` on. */
  error?: unknown;
}

/** Name of the channel: its events are `tracing:cotp:connect:start`, `end`, `asyncStart`, `asyncEnd` and `error`. */
const channel = tracingChannel<unknown, ConnectTrace>('cotp:connect');

/** Calls `open`, and publishes how it goes if anybody has subscribed. */
export function traceConnect(
  trace: ConnectTrace,
  open: () => Promise<Connection>,
): Promise<Connection> {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  const isObserved =
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers;
  return isObserved ? channel.tracePromise(open, trace) : open();
}
