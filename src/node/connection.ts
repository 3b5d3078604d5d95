/**
 * A COTP connection as users hold it.
 */
import type { ConnectionInfo } from './connection-info.js';
import { MessageConnection } from './message-connection.js';

/**
 * An open transport connection. One `write` is one TSDU of at least one octet, one `read` is one
 * TSDU, whatever TCP, TPKT and the TPDU size do in between (X.224 6.3, RFC 1006 §6).
 *
 * Connections come from {@link connect} and from the callback of {@link listen}.
 */
export class Connection extends MessageConnection<ConnectionInfo> {}

/** Called with each connection that a server has opened; what it throws closes that connection. */
export type ConnectionCb = (conn: Connection) => void | Promise<void>;
