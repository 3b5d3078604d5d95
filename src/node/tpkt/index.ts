/**
 * `cotp/tpkt`: packets on a TCP stream (RFC 1006 §6) as a service of its own, without COTP.
 */
export type { Address, FullAddress } from '../address.js';
export type { Data, WaitOptions } from '../message-connection.js';
export type { ErrorContext, ErrorListener } from '../options/stream.js';
export type { ConnectOptions, ListenOptions } from '../options/tpkt.js';
export type { ServerStats } from '../server-stats.js';
export { connect } from './connect.js';
export { Connection, type ConnectionCb, type ConnectionInfo } from './connection.js';
export { listen, Server } from './listen.js';
