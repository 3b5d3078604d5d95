/**
 * `cotp/tpkt`: packets on a TCP stream (RFC 1006 §6) as a service of its own, without COTP.
 */
export type { AcceptStreamOptions } from '../accepted-stream.js';
export type { Address, FullAddress, PathAddress } from '../address.js';
export type { ProxyInfo, ProxyTlv } from '../incoming.js';
export type { FdAddress, ListenAddress } from '../listen-address.js';
export type { Data, WaitOptions } from '../message-connection.js';
export type { ErrorContext, ErrorListener } from '../options/stream.js';
export type { ConnectOptions, ListenOptions } from '../options/tpkt.js';
export type { ProxyProtocolOptions } from '../proxy-sources.js';
export type { ServerStats } from '../server-stats.js';
export { connect } from './connect.js';
export { Connection, type ConnectionCb, type ConnectionInfo } from './connection.js';
export { listen, Server } from './listen.js';
