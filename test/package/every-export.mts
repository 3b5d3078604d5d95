/**
 * What somebody's own TypeScript might look like: it names every export of every entry point. It is
 * compiled against the packed types and never run.
 */
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type AcceptOptions,
  type AcceptStreamOptions,
  type Address,
  Connection,
  type ConnectionCb,
  type ConnectionClose,
  ConnectionClosedError,
  type ConnectionDropped,
  type ConnectionEvent,
  type ConnectionFailed,
  type ConnectionInfo,
  type ConnectionOpen,
  type ConnectionRefused,
  ConnectionRefusedError,
  type ConnectionRequested,
  type ConnectOptions,
  type ConnectRequest,
  type ConnectTrace,
  CotpError,
  type CotpErrorCode,
  connect,
  type Data,
  type Destination,
  type DiagnosticCode,
  type Disconnection,
  type DisconnectOptions,
  type DropCause,
  type Ending,
  type ErrorContext,
  type ErrorListener,
  type ExtraParameter,
  type FdAddress,
  type FullAddress,
  formatTsel,
  type InspectOptions,
  type Inspector,
  inspect,
  jsonLinesSink,
  type ListenAddress,
  type ListenOptions,
  listen,
  type OnConnectRequest,
  type OnExpedited,
  type PathAddress,
  type PcapngOptions,
  type PcapngSink,
  type Phase,
  ProtocolError,
  type ProxyInfo,
  type ProxyProtocolOptions,
  type ProxyTlv,
  parseTsel,
  pcapngSink,
  type RefusalCause,
  type RefuseOptions,
  type RelayedData,
  type RelayOptions,
  type RelayResult,
  type RemoteDesktop,
  type RemoteDesktopInit,
  type RemoteDesktopNegotiation,
  relay,
  Server,
  type ServerStats,
  type SinkOptions,
  type SizeOffer,
  TimeoutError,
  type TimerName,
  type TpClassChoice,
  type Tpdu,
  type TracedConnection,
  type TraceEntry,
  type TraceListener,
  type TraceSink,
  TsduTooLargeError,
  type Tsel,
  textSink,
  type WaitOptions,
} from 'cotp';
import { describeTpdu, TpktReader } from 'cotp/browser';
import type * as tpdus from 'cotp/tpdu';
import {
  CotpError as BaseError,
  decode,
  decodeNsdu,
  disconnectReason,
  encode,
  explainTpdu,
  FAULTS,
  ProtocolError as FaultError,
  rejectCauseText,
} from 'cotp/tpdu';
import * as tpkt from 'cotp/tpkt';

/** Compiles only if both types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;

export const literalCodes: [
  Same<ConnectionRefusedError['code'], 'ERR_COTP_REFUSED'>,
  Same<ConnectionClosedError['code'], 'ERR_COTP_CLOSED'>,
  Same<ProtocolError['code'], 'ERR_COTP_PROTOCOL'>,
  Same<TsduTooLargeError['code'], 'ERR_COTP_TSDU_TOO_LARGE'>,
  Same<TimeoutError['code'], 'ERR_COTP_TIMEOUT'>,
  Same<CotpError['code'], CotpErrorCode>,
] = [true, true, true, true, true, true];

/** Errors are told apart by class or by code. */
export function told(error: unknown): string | number | undefined {
  if (error instanceof ConnectionRefusedError) {
    return error.reason ?? error.rejectCause ?? error.reasonText;
  }
  if (error instanceof ConnectionClosedError) {
    return error.reason;
  }
  if (error instanceof ProtocolError) {
    const fault: tpdus.Fault = error.fault;
    return fault;
  }
  if (error instanceof TimeoutError) {
    const timer: TimerName = error.timer;
    return timer;
  }
  if (error instanceof TsduTooLargeError || error instanceof CotpError) {
    const phase: Phase | undefined = error.phase;
    const ending: Ending | undefined = error.ending;
    return `${phase} ${ending}`;
  }
  return undefined;
}

const onError: ErrorListener = (error: Error, context: ErrorContext) => {
  process.stderr.write(`${context.peer} ${error.message}`);
};
const trace: TraceListener = (entry: TraceEntry) => {
  const tpdu: Tpdu | CotpError = entry.tpdu;
  process.stderr.write(`${entry.direction} ${tpdu instanceof Error ? tpdu.code : tpdu.type}`);
};

/** Sinks, and what is heard of connections. */
export async function sinks(destination: Destination, event: ConnectionEvent): Promise<string> {
  const options: SinkOptions = { redact: true, maxFileSize: 10_000 };
  const pcapngOptions: PcapngOptions = { ...options, serverPort: 102 };
  const pcapng: PcapngSink = pcapngSink(destination, pcapngOptions);
  const all: readonly TraceSink[] = [
    textSink(destination, options),
    jsonLinesSink(destination),
    pcapng,
  ];
  await Promise.all(all.map((sink) => sink.close()));
  const { connection, role }: TracedConnection = event;
  const told = (seen: ConnectionOpen | ConnectionClose | ConnectionRefused) => {
    const cause: RefusalCause | undefined = seen.event === 'refused' ? seen.cause : undefined;
    return seen.event === 'open' ? seen.info.name : seen.event === 'close' ? seen.how : cause;
  };
  const toldOfOthers = (seen: ConnectionRequested | ConnectionDropped | ConnectionFailed) => {
    const cause: DropCause | undefined = seen.event === 'drop' ? seen.cause : undefined;
    return seen.event === 'request' ? seen.localTsel : (cause ?? seen.error?.message);
  };
  const isOther = event.event === 'request' || event.event === 'drop' || event.event === 'error';
  return `${connection} ${role} ${isOther ? toldOfOthers(event) : told(event)}`;
}

/** What is counted, and how long a connect takes. */
export function counted(server: Server, { id, addr, result }: ConnectTrace): number {
  const { accepted, refused }: ServerStats = server.stats();
  const ofReasons: number = (refused[3] ?? 0) + (refused.invalid ?? 0);
  const expedited: boolean[] = [...server.connections].map(
    (conn: Connection) => conn.info.expedited,
  );
  return accepted + ofReasons + expedited.length + id + (addr.port ?? 0) + (result?.bytesRead ?? 0);
}

const sizeOffer: SizeOffer = 'absent';
const tsel: Tsel = parseTsel('0x0102');
const extra: ExtraParameter = { code: 0x91, value: Uint8Array.of(1) };
const connectOptions: ConnectOptions = {
  trace,
  sizeOffer,
  remoteTsel: tsel,
  localTsel: undefined,
  extraParameters: [extra],
  family: 4,
};
const answer: RemoteDesktopInit = { negotiation: { type: 'response', selectedProtocol: 1 } };
const decide: OnConnectRequest = (request: ConnectRequest) => {
  const desktop: RemoteDesktop | undefined = request.tpdu.remoteDesktop;
  const asked: RemoteDesktopNegotiation | undefined = desktop?.negotiation;
  const limits: AcceptOptions = { maxTpduSize: 1024, remoteDesktop: asked && answer };
  const refusal: RefuseOptions = { userData: Buffer.from('why') };
  if (request.tpClasses.includes(2)) {
    request.accept(limits);
  } else {
    request.refuse(0, refusal);
  }
};
const tpClass: TpClassChoice = '2,0';
const onExpedited: OnExpedited = (data: Buffer, conn: Connection) => {
  conn.writeExpedited(data);
};
const proxyProtocol: ProxyProtocolOptions = { from: ['10.0.0.0/8'] };
const fieldsOf = (proxy: ProxyInfo | undefined): readonly ProxyTlv[] => proxy?.tlvs ?? [];
const listenOptions: ListenOptions = {
  proxyProtocol,
  onConnectRequest: decide,
  onError,
  tls: {},
  tpClass,
  expedited: true,
  onExpedited,
};

/** The service. */
export async function service(address: Address, data: Data): Promise<FullAddress | undefined> {
  const callback: ConnectionCb = async (conn: Connection) => {
    for await (const tsdu of conn) {
      const octets: Same<typeof tsdu, Buffer> extends true ? Buffer : never = tsdu;
      conn.write(octets);
    }
  };
  await using server: Server = await listen(callback, address, listenOptions);
  await using conn: Connection = await connect(server.addresses[0] ?? address, connectOptions);
  const { localTsel, maxTpduSize, tpClass, diagnostics }: ConnectionInfo = conn.info;
  const letPass: readonly DiagnosticCode[] = diagnostics;
  const room: boolean = conn.write(data);
  const patience: WaitOptions = { signal: AbortSignal.timeout(1_000) };
  await conn.drain(patience);
  const signal: AbortSignal = conn.signal;
  process.stdout.write(
    `${formatTsel(localTsel ?? 0)} ${maxTpduSize} ${tpClass} ${room} ${signal} ${letPass}`,
  );
  const expedited: Buffer = await conn.readExpedited(patience);
  const how: DisconnectOptions = { userData: expedited, disruptive: true };
  const ended: Disconnection = await conn.disconnect(how);
  process.stdout.write(`${ended.ending} ${ended.unsent} ${conn.disconnection?.confirmed}`);
  // Selectors of the info are options again.
  await connect(conn.info.remoteAddr, { remoteTsel: conn.info.remoteTsel });
  return server.addresses[0];
}

/** Where a server can be. */
export async function places(fd: FdAddress, path: PathAddress, socket: Duplex): Promise<void> {
  const all: readonly ListenAddress[] = [fd, path, new NetServer(), { host: '::' }];
  const how: AcceptStreamOptions = { remoteAddr: { host: '192.0.2.1' }, tls: false };
  for (const place of all) {
    const server = await listen((conn) => void process.stdout.write(`${conn.context}`), place);
    server.accept(socket, how);
    const name: string | undefined = server.addresses[0]?.path;
    process.stdout.write(name ?? '');
    await server.shutdown(1_000);
  }
  await connect(path);
}

/** A relay, and what it says. */
export async function relayed(a: Connection, b: Connection): Promise<string> {
  const options: RelayOptions = { signal: AbortSignal.timeout(60_000) };
  const result: RelayResult = await relay(a, b, options);
  const { tsdus, octets, expedited, unsent }: RelayedData = result.aToB;
  const ended: Disconnection = result.b;
  return `${result.closedBy} ${ended.ending} ${result.error?.code} ${tsdus + octets + expedited + unsent}`;
}

export const classes: readonly unknown[] = [Connection, Server, BaseError, FaultError];

/** TPKT alone. */
export async function packets(address: tpkt.Address, data: tpkt.Data): Promise<void> {
  const callback: tpkt.ConnectionCb = (conn: tpkt.Connection) => conn.close();
  const errors: tpkt.ErrorListener = (_error: Error, _context: tpkt.ErrorContext) => {};
  const proxies: tpkt.ProxyProtocolOptions = proxyProtocol;
  const listening: tpkt.ListenOptions = { onError: errors, proxyProtocol: proxies };
  const server: tpkt.Server = await tpkt.listen(callback, address, listening);
  const options: tpkt.ConnectOptions = { noDelay: false };
  const path: tpkt.PathAddress = { path: '/run/cotp.sock' };
  const fd: tpkt.FdAddress = { fd: 3 };
  const places: readonly tpkt.ListenAddress[] = [path, fd];
  const how: tpkt.AcceptStreamOptions = {};
  process.stdout.write(`${places.length} ${how.tls}`);
  const conn = await tpkt.connect(address, options);
  const info: tpkt.ConnectionInfo = conn.info;
  const local: tpkt.FullAddress = info.localAddr;
  const proxy: tpkt.ProxyInfo | undefined = info.proxy;
  const fields: readonly tpkt.ProxyTlv[] = fieldsOf(proxy);
  conn.write(data);
  const patience: tpkt.WaitOptions = {};
  await conn.read(patience);
  await Promise.all([conn.asyncClose(), server.asyncClose()]);
  process.stdout.write(`${local.host} ${fields.length}`);
}

/** Every type of the codec. */
export type Types = [
  tpdus.ConnectionConfirm,
  tpdus.ConnectionRequest,
  tpdus.CotpErrorCode,
  tpdus.Data,
  tpdus.DataAcknowledgement,
  tpdus.DataForm,
  tpdus.Decoded,
  tpdus.DecodeOptions,
  tpdus.Diagnostic,
  tpdus.DiagnosticCode,
  tpdus.DisconnectConfirm,
  tpdus.DisconnectRequest,
  tpdus.EncodeOptions,
  tpdus.ExpeditedAcknowledgement,
  tpdus.ExpeditedData,
  tpdus.Explanation,
  tpdus.Fault,
  tpdus.FaultRow,
  tpdus.FlowControlConfirmation,
  tpdus.Parameters,
  tpdus.ParametersInit,
  tpdus.RawParameter,
  tpdus.RemoteDesktop,
  tpdus.RemoteDesktopInit,
  tpdus.RemoteDesktopNegotiation,
  tpdus.Reject,
  tpdus.RejectCause,
  tpdus.ResidualErrorRate,
  tpdus.Tpdu,
  tpdus.ErrorTpdu,
  tpdus.TpduFields,
  tpdus.TpduInit,
  tpdus.TpduInitOf<'CR'>,
  tpdus.TpduType,
  tpdus.TransportClass,
];

/** The codec. */
export function codec(init: tpdus.TpduInit): string {
  const octets: Uint8Array = encode(init);
  const tpdu: tpdus.Tpdu = decode(octets, { strict: true });
  const all: readonly tpdus.Tpdu[] = decodeNsdu(octets);
  const sentence: string = FAULTS['li-exceeds'].sentence;
  const explained: readonly tpdus.Explanation[] = explainTpdu(octets);
  const words = explained.map(({ field, value, meaning }) => `${field} ${value} ${meaning}`);
  return `${tpdu.type} ${all.length} ${disconnectReason(3)} ${rejectCauseText(1)} ${sentence} ${words}`;
}

/** An inspector for the whole process. */
export async function inspected(): Promise<void> {
  const options: InspectOptions = { port: 0, title: 'gateway', redact: true };
  const inspector: Inspector = await inspect(options);
  process.stderr.write(`${inspector.url} ${inspector.address.port}`);
  await inspector.asyncClose();
}

/** The parts for pages. */
export function described(stream: Uint8Array): readonly string[] {
  const found: string[] = [];
  const reader = new TpktReader((tpdu: Uint8Array) => found.push(describeTpdu(decode(tpdu))));
  reader.push(stream);
  const { held }: { readonly held: number } = reader;
  return held === 0 ? found : [];
}
