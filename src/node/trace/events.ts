/**
 * The events of connections, as the channel `cotp:connection` publishes them.
 */
import type { Tsel } from '../../core/tsel.js';
import type { FullAddress } from '../address.js';
import type { ConnectionInfo } from '../connection/connection.js';
import type { TracedConnection } from './entry.js';

/** What all events have in common. */
export interface EventSource extends TracedConnection {
  /** The same as `connection`: `id` of the connection and of its request. */
  readonly id: number;
  /** The peer as `host:port`; for a client the address that was given to `connect`. */
  readonly peer: string;
  /** The address on which the server listens, the same object as in `server.addresses`; `undefined` for a client. */
  readonly server: FullAddress | undefined;
}

/** An event, beside what is special to its type. */
export interface EventBase extends EventSource {
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
}

/**
 * An event on `cotp:connection`, by its field `event`:
 *
 * - `'request'`: a server has received a CR.
 * - `'open'`: the CC was sent or received.
 * - `'refused'`: a server has refused the CR.
 * - `'drop'`: a server has closed the stream before a CR was accepted or refused.
 * - `'error'`: the connection has failed: it is the error that `onError` gets. On a server also if the peer sent
 *   something other than a CR, or left before its CR was answered.
 * - `'close'`: the stream has closed. It is published for each connection that was open, and for any other of which
 *   an event or a TPDU was published before.
 *
 * After `'request'` a server publishes one of `'open'`, `'refused'`, `'drop'` and `'error'`; an open connection may
 * publish `'error'` later. A stream that is dropped before it could send a CR has no other event than `'drop'`.
 */
export type ConnectionEvent =
  | ConnectionRequested
  | ConnectionOpen
  | ConnectionRefused
  | ConnectionDropped
  | ConnectionFailed
  | ConnectionClose;

/** A server has received a CR. */
export interface ConnectionRequested extends EventBase {
  /** Tells this event from the others of {@link ConnectionEvent}. */
  readonly event: 'request';
  /** The T-selector that was called; `undefined` if there is none, or the CR is refused because it is not valid. */
  readonly localTsel: Tsel | undefined;
  /** The calling T-selector, in the same way. */
  readonly remoteTsel: Tsel | undefined;
}

/** A connection is open. */
export interface ConnectionOpen extends EventBase {
  /** Tells this event from the others of {@link ConnectionEvent}. */
  readonly event: 'open';
  /** What the two sides have agreed on: `info` of the connection. */
  readonly info: ConnectionInfo;
}

/** The stream of a connection has closed. */
export interface ConnectionClose extends EventBase {
  /** Tells this event from the others of {@link ConnectionEvent}. */
  readonly event: 'close';
  /** How TCP ended: by FIN of both sides, or by a reset. */
  readonly how: 'fin' | 'reset';
  /** Which side ended TCP first. */
  readonly by: 'local' | 'remote';
  /** Octets received from the stream, headers included. */
  readonly bytesRead: number;
  /** Octets written to the stream, headers included. */
  readonly bytesWritten: number;
  /** TSDUs received. */
  readonly messagesRead: number;
  /** TSDUs written. */
  readonly messagesWritten: number;
}

/** A connection has failed. */
export interface ConnectionFailed extends EventBase {
  /** Tells this event from the others of {@link ConnectionEvent}. */
  readonly event: 'error';
  /** The error that `onError` gets. */
  readonly error: Error;
}

/**
 * Why a server refused a CR.
 *
 * - `'selector'`: it calls another T-selector than `localTsel` of `listen`.
 * - `'limit'`: there are too many connections.
 * - `'user'`: `onConnectRequest` refused it, failed, or did not decide.
 * - `'class'`: `tpClass` of `listen` has no class that it proposes.
 * - `'invalid'`: it breaks the standard.
 */
export type RefusalCause = 'selector' | 'limit' | 'user' | 'class' | 'invalid';

/** A server has refused a CR. */
export interface ConnectionRefused extends EventBase {
  /** Tells this event from the others of {@link ConnectionEvent}. */
  readonly event: 'refused';
  /** Which rule or whose decision refused it. */
  readonly cause: RefusalCause;
  /** Reason of the DR (X.224 13.5.3); `undefined` if the answer was an ER. */
  readonly reason: number | undefined;
  /** Reject cause of the ER (X.224 13.12.3); `undefined` if the answer was a DR. */
  readonly rejectCause: number | undefined;
  /** The T-selector that was called; `undefined` if there is none, or the CR cannot be read. */
  readonly localTsel: Tsel | undefined;
}

/**
 * Why a server closed a stream before a CR was accepted or refused.
 *
 * - `'limit'`: there are too many connections, and the client could not be refused by a DR.
 * - `'proxy'`: the PROXY header was missing, wrong or not allowed.
 * - `'tls'`: the TLS handshake failed.
 * - `'timeout'`: the PROXY header, TLS, the CR or the decision on it took longer than `handshakeTimeout`.
 * - `'closing'`: the server was closed.
 */
export type DropCause = 'limit' | 'proxy' | 'tls' | 'timeout' | 'closing';

/** A server has closed a stream before a CR was accepted or refused. */
export interface ConnectionDropped extends EventBase {
  /** Tells this event from the others of {@link ConnectionEvent}. */
  readonly event: 'drop';
  /** What went wrong before a CR could be answered. */
  readonly cause: DropCause;
  /** The error that `onError` gets; `undefined` if it gets none. */
  readonly error: Error | undefined;
}
