/**
 * `cotp`: the ISO transport service over TCP. The front door: it re-exports what users import.
 */
export type { Disconnection } from './core/disconnection.js';
export {
  ConnectionClosedError,
  ConnectionRefusedError,
  CotpError,
  type CotpErrorCode,
  type Ending,
  type Phase,
  ProtocolError,
  TimeoutError,
  type TimerName,
  TsduTooLargeError,
} from './core/errors.js';
export type { TpClassChoice } from './core/negotiation/class-and-options.js';
export type { SizeOffer } from './core/negotiation/tpdu-size.js';
export type {
  DiagnosticCode,
  RemoteDesktop,
  RemoteDesktopInit,
  RemoteDesktopNegotiation,
  Tpdu,
} from './core/tpdu/types.js';
export { formatTsel, parseTsel, type Tsel } from './core/tsel.js';
export type { Address, FullAddress, PathAddress } from './node/address.js';
export { connect } from './node/connect.js';
export type {
  AcceptOptions,
  ConnectRequest,
  OnConnectRequest,
  RefuseOptions,
} from './node/connect-request.js';
export {
  Connection,
  type ConnectionCb,
  type ConnectionInfo,
  type DisconnectOptions,
  type OnExpedited,
} from './node/connection/connection.js';
export type { Data, WaitOptions } from './node/connection/message-connection.js';
export { type Inspector, inspect } from './node/inspector/inspect.js';
export { listen } from './node/listen.js';
export type { ConnectOptions, ExtraParameter, ListenOptions } from './node/options/cotp.js';
export type { InspectOptions } from './node/options/inspector.js';
export type { ProxyProtocolOptions } from './node/options/proxy-sources.js';
export type { ErrorContext, ErrorListener } from './node/options/stream.js';
export { type RelayedData, type RelayOptions, type RelayResult, relay } from './node/relay.js';
export type { AcceptStreamOptions } from './node/server/accepted-stream.js';
export type { FdAddress, ListenAddress } from './node/server/listen-address.js';
export { Server } from './node/server/server.js';
export type { ServerStats } from './node/server/server-stats.js';
export type { ProxyInfo, ProxyTlv } from './node/stream/incoming.js';
export type { ConnectTrace } from './node/trace/connect-channel.js';
export type { TracedConnection, TraceEntry, TraceListener } from './node/trace/entry.js';
export type {
  ConnectionClose,
  ConnectionDropped,
  ConnectionEvent,
  ConnectionFailed,
  ConnectionOpen,
  ConnectionRefused,
  ConnectionRequested,
  DropCause,
  RefusalCause,
} from './node/trace/events.js';
export { jsonLinesSink, textSink } from './node/trace/lines.js';
export { type PcapngOptions, type PcapngSink, pcapngSink } from './node/trace/pcapng.js';
export type { Destination, SinkOptions, TraceSink } from './node/trace/sink.js';
