/**
 * The channels of `node:diagnostics_channel`: what anybody in the process can hear without being
 * passed to `connect` or `listen`.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { Tsel } from '../../core/tsel.js';
import type { ConnectionInfo } from '../connection-info.js';
import type { TracedConnection } from './entry.js';

/** Channel of every TPDU of this process; its messages are `TraceEntry`. */
export const TPDU_CHANNEL = 'cotp:tpdu';

/** Channel of connections that open, close and are refused; its messages are {@link ConnectionEvent}. */
export const CONNECTION_CHANNEL = 'cotp:connection';

/**
 * What is heard on `cotp:connection`: `'open'` after the CC, and `'close'` when the stream beneath is
 * gone. The close comes for each connection of which an open, a refusal or a TPDU was reported before,
 * also one that never opened. `'refused'` comes from servers: this side has refused a CR.
 */
export type ConnectionEvent = ConnectionOpen | ConnectionClose | ConnectionRefused;

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

/**
 * Why a server refused a CR: `selector`: it is not the `localTsel` of `listen`; `limit`: too many
 * connections; `user`: `onConnectRequest` refused it, or failed; `class`: no class in it is supported;
 * `invalid`: it breaks the standard.
 */
export type RefusalCause = 'selector' | 'limit' | 'user' | 'class' | 'invalid';

export interface ConnectionRefused extends TracedConnection {
  readonly event: 'refused';
  readonly time: number;
  readonly cause: RefusalCause;
  /** Reason of the DR (X.224 13.5.3); `undefined` where the answer was an ER. */
  readonly reason: number | undefined;
  /** Reject cause of the ER (X.224 13.12.3); `undefined` where the answer was a DR. */
  readonly rejectCause: number | undefined;
  /** The T-selector that was called; `undefined` where there is none, or the CR cannot be read. */
  readonly localTsel: Tsel | undefined;
}

export const tpduChannel: Channel = channel(TPDU_CHANNEL);
export const connectionChannel: Channel = channel(CONNECTION_CHANNEL);
