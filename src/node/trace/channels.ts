/**
 * The channels of `node:diagnostics_channel`: what anybody in the process can hear without being
 * passed to `connect` or `listen`.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { ConnectionInfo } from '../connection-info.js';
import type { TracedConnection } from './entry.js';

/** Channel of every TPDU of this process; its messages are `TraceEntry`. */
export const TPDU_CHANNEL = 'cotp:tpdu';

/** Channel of connections that open and close; its messages are {@link ConnectionEvent}. */
export const CONNECTION_CHANNEL = 'cotp:connection';

/**
 * What is heard on `cotp:connection`: `'open'` after the CC, and `'close'` when the stream beneath is
 * gone. The close comes for each connection of which an open or a TPDU was heard before, also one
 * that was refused and never opened.
 */
export type ConnectionEvent = ConnectionOpen | ConnectionClose;

export interface ConnectionOpen extends TracedConnection {
  readonly event: 'open';
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly info: ConnectionInfo;
}

export interface ConnectionClose extends TracedConnection {
  readonly event: 'close';
  readonly time: number;
  /** By a FIN or by a reset. */
  readonly how: 'fin' | 'reset';
  /** Which side was the first to end. */
  readonly by: 'local' | 'remote';
}

export const tpduChannel: Channel = channel(TPDU_CHANNEL);
export const connectionChannel: Channel = channel(CONNECTION_CHANNEL);
