/**
 * `cotp/tpkt`: packets on a TCP stream (RFC 1006 §6) as a service of its own, without COTP.
 */

export type { Address, FullAddress, PathAddress } from '../address.js';
export type { Data, WaitOptions } from '../connection/message-connection.js';
export type { ProxyProtocolOptions } from '../options/proxy-sources.js';
export type { ErrorContext, ErrorListener } from '../options/stream.js';
export type { ConnectOptions, ListenOptions } from '../options/tpkt.js';
export type { AcceptStreamOptions } from '../server/accepted-stream.js';
export type { FdAddress, ListenAddress } from '../server/listen-address.js';
export type { ServerStats } from '../server/server-stats.js';
export type { ProxyInfo, ProxyTlv } from '../stream/incoming.js';
export { connect } from './connect.js';
export { Connection, type ConnectionCb, type ConnectionInfo } from './connection.js';
export { listen, Server } from './listen.js';
