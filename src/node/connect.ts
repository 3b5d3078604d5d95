/**
 * `connect`: from an address to an open transport connection.
 */
import { isIPv4 } from 'node:net';
import { type ConnectRequestInit, connectionRequest } from '../core/connection/handshake.js';
import { TransportEngine } from '../core/connection/transport-engine.js';
import type { EngineEvent } from '../core/engine.js';
import { CotpError, TimeoutError } from '../core/errors.js';
import { offerSize } from '../core/negotiation/tpdu-size.js';
import { NO_OCTETS } from '../core/octets/octets.js';
import { MAX_CR_LENGTH } from '../core/tpdu/codecs/connection.js';
import { encode } from '../core/tpdu/encode.js';
import type { RemoteDesktopInit } from '../core/tpdu/types.js';
import {
  type Address,
  type Ends,
  type FullAddress,
  formatAddress,
  localEnd,
  type PathAddress,
  resolveAddress,
  socketEnds,
} from './address.js';
import { reportTo } from './callbacks.js';
import {
  Connection,
  connectDataFromWire,
  connectionInfo,
  diagnosticsOf,
  remoteDesktopFromWire,
  tselFromWire,
} from './connection/connection.js';
import { now } from './deadline-timer.js';
import { engineOptions, messageOptions } from './engine-options.js';
import {
  CONNECT_OPTIONS,
  type ConnectOptions,
  type ResolvedConnectOptions,
} from './options/cotp.js';
import { resolveOptions } from './options/rows.js';
import { takeReference } from './references.js';
import { checkClientStream, openClientStream } from './stream/client-stream.js';
import { Driver, type DriverUser } from './stream/driver.js';
import {
  clientTlsError,
  isTcpConnected,
  isTlsFailure,
  tlsError,
  tlsTimeout,
} from './stream/tls.js';
import { traceConnect } from './trace/connect-channel.js';
import { ConnectionTrace, takeConnectionNumber } from './trace/observer.js';
import { whenAborted } from './waiting.js';

/**
 * Opens a transport connection: TCP, TLS if `tls` is set, CR, CC.
 *
 * @param addr address of the peer; the default port is 102. Or `{ path }`: a Unix socket or named pipe
 * @throws TypeError or RangeError for a bad address or option, before anything is opened
 * @throws the error of the system (`ECONNREFUSED`, `ENOTFOUND`, TLS errors …) when TCP or TLS cannot be
 * connected
 * @throws ConnectionRefusedError (`ERR_COTP_REFUSED`) when the peer answers by DR or ER, or by a CC in which
 * the negotiation of remote desktop fails
 * @throws ConnectionClosedError (`ERR_COTP_CLOSED`) when the peer closes TCP instead of answering, as many controllers
 * do
 * @throws ProtocolError (`ERR_COTP_PROTOCOL`) when the answer is not an acceptable CC
 * @throws TimeoutError (`ERR_COTP_TIMEOUT`) when `timeout` has passed
 * @throws CotpError (`ERR_COTP_NO_REFERENCE`) when this process has 65535 connections already
 * @throws the reason of `signal` when it aborts
 *
 * @example
 * ```ts
 * import { connect, listen } from 'cotp';
 *
 * const server = await listen((conn) => void conn.write(Buffer.from('welcome')), {
 *   host: '127.0.0.1',
 *   port: 0,
 * });
 * const [address] = server.addresses;
 * const conn = await connect(address ?? { host: '127.0.0.1' }, { remoteTsel: 0x0102 });
 * console.log(String(await conn.read())); // welcome
 * await conn.asyncClose();
 * await server.asyncClose();
 * ```
 */
//= X.224 6.1.1.3 para 1
//= X.224 6.1.1.3 para 2
//= X.224 14.4 a
//= RFC 1006 5 N-CONNECT request
//= RFC 2126 3.2.3.1 open
export async function connect(
  addr: Address | PathAddress,
  options: ConnectOptions = {},
): Promise<Connection> {
  const address = resolveAddress(addr, 1);
  const resolved = resolveOptions(CONNECT_OPTIONS, options);
  checkClientStream(address, resolved);
  const request = connectRequest(resolved);
  resolved.signal?.throwIfAborted();
  const id = takeConnectionNumber();
  const connection = await traceConnect({ id, addr: address, name: resolved.name }, () => {
    return new Promise<Connection>((resolve, reject) => {
      new Initiator({ id, address, options: resolved, request }, resolve, reject);
    });
  });
  return resolved.expedited ? startingExpedited(connection) : connection;
}

/**
 * Calls `onExpedited` from two microtasks on: after the caller has reacted to the promise of `connect`, and before the
 * first read of the caller settles.
 */
function startingExpedited(connection: Connection): Connection {
  queueMicrotask(() => queueMicrotask(() => connection.startExpedited()));
  return connection;
}

/** Selectors and user data of at most so many octets always fit into the 128 octets of a CR (X.224 13.3). */
const SURELY_FITS = 64;

/** The parts of the CR that the options determine. */
function connectRequest(options: ResolvedConnectOptions): ConnectRequestInit {
  const { tpClass, expedited, expeditedAck } = options;
  if (expeditedAck && (!expedited || tpClass === 0)) {
    const missing = expedited ? "options.tpClass 2 or '2,0'" : 'options.expedited';
    throw new TypeError(`options.expeditedAck requires ${missing}`);
  }
  if (options.remoteDesktop !== undefined) {
    return remoteDesktopRequest(options.remoteDesktop, options);
  }
  const {
    localTsel,
    remoteTsel,
    connectData = NO_OCTETS,
    maxTpduSize,
    sizeOffer,
    strict,
    extraParameters = [],
  } = options;
  // With `strict`, a CC of class 0 with more than 2048 octets in 0xC0 is refused, so such a size is not
  // offered.
  const form = strict && sizeOffer === 'deployed' ? 'standard' : sizeOffer;
  const { tpduSize, preferredMaxTpduSize } = offerSize(maxTpduSize, form);
  const request = {
    parameters: { callingTsel: localTsel, calledTsel: remoteTsel, tpduSize, preferredMaxTpduSize },
    extraParameters,
    tpClass,
    expedited,
    expeditedAck,
    userData: connectData,
  };
  const selectors = (localTsel?.length ?? 0) + (remoteTsel?.length ?? 0);
  if (extraParameters.length > 0 || selectors + connectData.length > SURELY_FITS) {
    checkFits(request);
  }
  return request;
}

/** @throws RangeError before TCP is opened if the options do not fit into one CR */
function checkFits(request: ConnectRequestInit): void {
  try {
    encode(connectionRequest(1, request));
  } catch (error) {
    const names = 'options.localTsel, remoteTsel, connectData and extraParameters';
    const { message } = error as RangeError;
    throw new RangeError(`${names} must fit into a CR of ${MAX_CR_LENGTH} octets (${message})`, {
      cause: error,
    });
  }
}

/** The same in the form of remote desktop, which has no parameters and is not possible with `strict`. */
function remoteDesktopRequest(
  remoteDesktop: RemoteDesktopInit,
  options: ResolvedConnectOptions,
): ConnectRequestInit {
  const { localTsel, remoteTsel, strict, tpClass, expedited, extraParameters } = options;
  const { connectData = NO_OCTETS } = options;
  const excluded = {
    localTsel,
    remoteTsel,
    extraParameters,
    strict: strict || undefined,
    tpClass: tpClass || undefined,
    expedited: expedited || undefined,
  };
  for (const [name, value] of Object.entries(excluded)) {
    if (value !== undefined) {
      throw new TypeError(`options.${name} cannot be combined with options.remoteDesktop`);
    }
  }
  const request = { parameters: {}, remoteDesktop, userData: connectData };
  encode({ type: 'CR', srcRef: 1, ...request });
  return request;
}

/** What an {@link Initiator} opens. */
interface Opening {
  readonly id: number;
  readonly address: FullAddress;
  readonly options: ResolvedConnectOptions;
  readonly request: ConnectRequestInit;
}

/** A connection that is not open yet. */
class Initiator implements DriverUser {
  readonly #address: FullAddress;
  readonly #options: ResolvedConnectOptions;
  readonly #engine: TransportEngine;
  readonly #driver: Driver;
  readonly #trace: ConnectionTrace;
  readonly #resolve: (connection: Connection) => void;
  readonly #reject: (error: unknown) => void;
  /** Stops listening to the signal. */
  #stopWaiting: (() => void) | undefined;

  constructor(
    { id, address, options, request }: Opening,
    resolve: (connection: Connection) => void,
    reject: (error: unknown) => void,
  ) {
    this.#address = address;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    const { stream, ready } = openClientStream(address, options);
    const reference = takeReference(stream);
    const peer = formatAddress(address);
    this.#trace = new ConnectionTrace(
      'client',
      address,
      () => this.#ends(),
      options,
      reportTo(options.onError, address),
      { id },
    );
    this.#engine = TransportEngine.initiator(
      engineOptions(options, options.timeout, reference ?? 0, peer, this.#trace),
      request,
      now(),
    );
    this.#driver = new Driver(stream, this.#engine, this, options, this.#trace);
    if (reference === undefined) {
      this.#giveUp(noReference());
      return;
    }
    if (options.signal !== undefined) {
      this.#stopWaiting = whenAborted(options.signal, (reason) => this.#onAbort(reason));
      // The user's `lookup` may have aborted it while the stream was opened.
      if (options.signal.aborted) {
        this.#onAbort(options.signal.reason);
        return;
      }
    }
    const connected = () => this.#driver.command((time) => this.#engine.streamConnected(time));
    if (ready === undefined) {
      connected();
    } else {
      stream.once(ready, connected);
    }
  }

  get awaitsPeer(): boolean {
    return false;
  }

  onChunkEnd(): void {}

  onEvent(event: EngineEvent): void {
    if (event.type === 'open') {
      this.#resolve(this.#opened(event));
      this.#settled();
    } else if (event.type === 'disconnect') {
      this.#reject(this.#failure(event.error));
      this.#settled();
    }
  }

  onWritten(): void {}

  onTimeout(error: Error): void {
    this.#giveUp(error);
  }

  onStreamClosed(): void {
    this.#settled();
  }

  #opened({ agreement, confirm }: Extract<EngineEvent, { type: 'open' }>): Connection {
    const options = this.#options;
    const { localAddr, remoteAddr } = this.#ends();
    const info = connectionInfo(agreement, {
      localAddr,
      remoteAddr,
      localTsel: tselFromWire(options.localTsel),
      remoteTsel: tselFromWire(options.remoteTsel),
      respondingTsel: tselFromWire(confirm?.parameters.calledTsel),
      connectData: connectDataFromWire(confirm?.userData ?? NO_OCTETS),
      diagnostics: diagnosticsOf(confirm),
      remoteDesktop: remoteDesktopFromWire(confirm?.remoteDesktop),
      proxy: undefined,
      name: options.name,
    });
    this.#trace.opened(info);
    const report = reportTo(options.onError, remoteAddr);
    const onFailure = failing(this.#trace, report);
    return Connection.of({
      driver: this.#driver,
      engine: this.#engine,
      options: messageOptions(options, undefined, this.#trace.id, onFailure),
      info,
      onExpedited: options.onExpedited,
      report,
      context: undefined,
    });
  }

  /**
   * The system is not asked for an IPv4 address that Node has connected to: it has one spelling only. The options of TLS
   * may lead elsewhere.
   */
  #ends(): Ends {
    const { stream } = this.#driver;
    const { socket, tls } = this.#options;
    const isKnown = socket === undefined && tls === undefined && isIPv4(this.#address.host);
    return isKnown
      ? { localAddr: localEnd(stream, this.#address), remoteAddr: this.#address }
      : socketEnds(stream, this.#address);
  }

  /** The error to reject with. Until TCP and TLS are connected, it is the error of the system or of TLS. */
  #failure(error: CotpError): Error {
    const { phase, cause } = error;
    const { tls, timeout } = this.#options;
    if (phase === 'tcp' && error instanceof TimeoutError) {
      return isTcpConnected(this.#driver.stream) ? tlsTimeout(timeout) : error;
    }
    if (!(cause instanceof Error)) {
      return error;
    }
    if (phase === 'tcp') {
      return tls === undefined ? cause : clientTlsError(cause);
    }
    // With TLS 1.3 a client continues before the server has verified its certificate.
    if (isTlsFailure(cause)) {
      tlsError(cause);
    }
    return error;
  }

  /** If the peer answers the CR by a CC of class 2, the connection is open for it: the engine waits to send a DR. */
  #onAbort(reason: unknown): void {
    if (!this.#engine.endsByTpdu) {
      this.#giveUp(reason);
      return;
    }
    this.#reject(reason);
    this.#settled();
    this.#driver.command((time) => this.#engine.disconnect(time));
  }

  #giveUp(error: unknown): void {
    this.#reject(error);
    this.#settled();
    this.#driver.reset();
  }

  #settled(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }
}

function noReference(): CotpError {
  return new CotpError('ERR_COTP_NO_REFERENCE', 'all 65535 transport references are in use');
}

/** What is done when an open connection fails. A function of its own, so that it keeps nothing of the opening. */
function failing(trace: ConnectionTrace, report: (error: unknown) => void): (error: Error) => void {
  return (error) => {
    trace.failed(error);
    report(error);
  };
}
