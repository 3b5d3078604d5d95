/**
 * `listen`: from an accepted TCP connection to an open transport connection.
 */
import type { Socket } from 'node:net';
import { TransportConnection } from '../core/connection/connection.js';
import type { EngineEvent } from '../core/engine.js';
import { ConnectionClosedError, type CotpError, ProtocolError } from '../core/errors.js';
import { equalOctets } from '../core/octets/octets.js';
import {
  type Address,
  type FullAddress,
  formatAddress,
  resolveAddress,
  socketAddresses,
} from './address.js';
import { now } from './deadline-timer.js';
import { reportTo, runCallback } from './callbacks.js';
import {
  type AcceptOptions,
  type ConnectRequest,
  resolveAccept,
  resolveReason,
} from './connect-request.js';
import {
  Connection,
  type ConnectionCb,
  connectDataFromWire,
  connectionInfo,
  diagnosticsOf,
  remoteDesktopFromWire,
  tselFromWire,
} from './connection.js';
import { Driver, type DriverUser } from './driver.js';
import { resolveOptions, wrongType } from './options/rows.js';
import { LISTEN_OPTIONS, type ListenOptions, type ResolvedListenOptions } from './options/cotp.js';
import { takeReference } from './references.js';
import { ReceiveBudget } from './receive-budget.js';
import { Server } from './server.js';
import type { RefusalCause } from './trace/entry.js';
import { ConnectionTrace } from './trace/observer.js';
import { engineOptions, messageOptions } from './engine-options.js';

/** DR reasons of X.224 13.5.3. */
const NOT_SPECIFIED = 0;
const CONGESTION = 1;
const ADDRESS_UNKNOWN = 3;

/** All IPv4 addresses. The port is then 102, which requires privileges on most systems. */
const DEFAULT_ADDRESS: Address = { host: '0.0.0.0' };

/**
 * Listens for transport connections.
 *
 * @param connectionCb called with each connection once its CC is sent. When it throws or rejects,
 * that connection is closed and the error is reported to `onError`
 * @param addr address to listen on; default: all IPv4 addresses, port 102. With port 0 the system chooses a
 * free port, which `server.addresses` contains
 * @throws TypeError or RangeError for a bad argument, before anything is opened
 * @throws the error of the system, unchanged (`EADDRINUSE`, `EACCES` …)
 *
 * @example
 * ```ts
 * import { connect, listen } from 'cotp';
 *
 * const server = await listen(
 *   async (conn) => {
 *     for await (const tsdu of conn) {
 *       conn.write(tsdu);
 *     }
 *   },
 *   { host: '127.0.0.1', port: 0 },
 *   { maxConnections: 10 },
 * );
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
 * conn.write(Buffer.from('echo'));
 * console.log(String(await conn.read())); // echo
 * await conn.asyncClose();
 * await server.asyncClose();
 * ```
 */
//= X.224 14.4 a
//= RFC 1006 5 N-CONNECT indication
//= RFC 2126 3.2.3.1 open
export async function listen(
  connectionCb: ConnectionCb,
  addr: Address = DEFAULT_ADDRESS,
  options: ListenOptions = {},
): Promise<Server> {
  if (typeof connectionCb !== 'function') {
    throw wrongType('connectionCb', 'a function', connectionCb);
  }
  const address = resolveAddress(addr, 0);
  const resolved = resolveOptions(LISTEN_OPTIONS, options);
  const receiveBudget = new ReceiveBudget(resolved.maxReceiveBuffer);
  const service: Service = { connectionCb, options: resolved, receiveBudget };
  return Server.listen(
    address,
    resolved,
    (stream, server, isExcess) => {
      new Responder(stream, server, service, isExcess);
    },
    (error, peer) => reportTo(resolved.onError, peer)(error),
  );
}

/** What all connections of one server have in common. */
interface Service {
  readonly connectionCb: ConnectionCb;
  readonly options: ResolvedListenOptions;
  readonly receiveBudget: ReceiveBudget;
}

/** True if the octets that broke the protocol are a CR (X.224 13.3). */
function isRequest({ octets, rejectCause }: ProtocolError): boolean {
  return rejectCause !== undefined && octets !== undefined && ((octets[1] ?? 0) & 0xf0) === 0xe0;
}

/** An accepted stream whose connection is not open yet. */
class Responder implements DriverUser {
  readonly #stream: Socket;
  readonly #server: Server;
  readonly #connectionCb: ConnectionCb;
  readonly #options: ResolvedListenOptions;
  readonly #receiveBudget: ReceiveBudget;
  readonly #isExcess: boolean;
  readonly #engine: TransportConnection;
  readonly #driver: Driver;
  readonly #trace: ConnectionTrace;
  readonly #addresses: { readonly localAddr: FullAddress; readonly remoteAddr: FullAddress };
  readonly #peer: string;
  readonly #report: (error: unknown) => void;
  /** The connection ended before it was open. */
  #isWithdrawn = false;
  /** Created only for `onConnectRequest`. */
  #withdrawn: AbortController | undefined;
  #request: Extract<EngineEvent, { type: 'connectIndication' }>['request'] | undefined;
  #decided = false;

  constructor(
    stream: Socket,
    server: Server,
    { connectionCb, options, receiveBudget }: Service,
    isExcess: boolean,
  ) {
    this.#stream = stream;
    this.#server = server;
    this.#connectionCb = connectionCb;
    this.#options = options;
    this.#receiveBudget = receiveBudget;
    this.#addresses = socketAddresses(stream, { host: 'unknown', port: 0 });
    this.#peer = formatAddress(this.#addresses.remoteAddr);
    this.#report = reportTo(options.onError, this.#peer);
    const reference = isExcess ? undefined : takeReference(stream);
    this.#isExcess = reference === undefined;
    this.#trace = new ConnectionTrace(
      'server',
      stream,
      this.#addresses.remoteAddr,
      options,
      this.#report,
    );
    this.#engine = TransportConnection.responder(
      engineOptions(options, options.handshakeTimeout, reference ?? 0, this.#peer, this.#trace),
      now(),
    );
    this.#driver = new Driver(stream, this.#engine, this, options);
    this.#trace.watch(this.#driver);
  }

  onChunkEnd(): void {}

  onEvent(event: EngineEvent): void {
    switch (event.type) {
      case 'connectIndication':
        this.#request = event.request;
        this.#decide(event.request);
        break;
      case 'open':
        this.#opened(event);
        break;
      case 'disconnect':
        this.#isWithdrawn = true;
        this.#traceRefusalByRule(event.error);
        this.#withdrawn?.abort(event.error);
        // Not reported: the local user refused it, or the server dropped it while closing.
        if ((event.error.ending !== 'local' || !this.#decided) && !this.#server.isClosing) {
          this.#report(event.error);
        }
        break;
      default:
    }
  }

  onWritten(): void {}

  onTimeout(error: Error): void {
    this.#report(error);
    this.#driver.reset();
  }

  onStreamClosed(): void {}

  #decide({ parameters }: ConnectRequest['tpdu']): void {
    const { localTsel, onConnectRequest } = this.#options;
    const called = parameters.calledTsel;
    if (this.#isExcess) {
      this.#refuse(CONGESTION, 'limit');
    } else if (localTsel !== undefined && !(called && equalOctets(called, localTsel))) {
      this.#refuse(ADDRESS_UNKNOWN, 'selector');
    } else if (onConnectRequest === undefined) {
      this.#acceptAny();
    } else {
      this.#ask(onConnectRequest);
    }
  }

  /** Accepts without a decision of the user. There is no caller to catch an error, so it must not throw. */
  #acceptAny(): void {
    try {
      this.#accept({});
    } catch (error) {
      this.#failToDecide(error);
    }
  }

  #failToDecide(error: unknown): void {
    this.#report(error);
    if (!this.#decided) {
      this.#refuse(NOT_SPECIFIED, 'user');
    }
  }

  /** If the callback throws, rejects or does not decide, the request is refused. */
  #ask(onConnectRequest: (request: ConnectRequest) => void | Promise<void>): void {
    const failed = (error: unknown) => this.#failToDecide(error);
    const checkDecided = () => {
      if (!this.#decided && !this.#isWithdrawn) {
        failed(
          new TypeError('options.onConnectRequest must call request.accept() or request.refuse()'),
        );
      }
    };
    runCallback(() => onConnectRequest(this.#connectRequest()), failed, checkDecided);
  }

  #connectRequest(): ConnectRequest {
    const tpdu = this.#request as ConnectRequest['tpdu'];
    this.#withdrawn = new AbortController();
    const driver = this.#driver;
    const decide = () => {
      if (this.#decided) {
        throw new TypeError(
          'this connection request was already accepted or refused; call accept() or refuse() once',
        );
      }
    };
    return {
      ...this.#addresses,
      localTsel: tselFromWire(tpdu.parameters.calledTsel),
      remoteTsel: tselFromWire(tpdu.parameters.callingTsel),
      connectData: connectDataFromWire(tpdu.userData),
      tpdu,
      get socket() {
        return driver.handOut();
      },
      signal: this.#withdrawn.signal,
      accept: (options: AcceptOptions = {}) => {
        const resolved = resolveAccept(options);
        decide();
        this.#accept(resolved);
      },
      refuse: (reason: number = NOT_SPECIFIED) => {
        const resolved = resolveReason(reason, tpdu.class);
        decide();
        this.#refuse(resolved, 'user');
      },
    };
  }

  #accept(options: AcceptOptions): void {
    const { maxTpduSize, maxTsduSize, connectData: userData, remoteDesktop } = options;
    const acceptance = { maxTpduSize, maxTsduSize, userData, remoteDesktop };
    this.#answer(() => this.#engine.accept(acceptance, now()));
  }

  #refuse(reason: number, cause: RefusalCause): void {
    this.#answer(() => {
      this.#engine.refuse(reason, now());
      const localTsel = tselFromWire(this.#request?.parameters.calledTsel);
      this.#trace.refused({ cause, reason, rejectCause: undefined, localTsel });
    });
  }

  /** Traces a CR that the engine itself refused (X.224 6.6), without a decision of the user. */
  #traceRefusalByRule(error: CotpError): void {
    if (this.#decided || this.#request !== undefined) {
      return;
    }
    const localTsel = undefined;
    if (error instanceof ConnectionClosedError && error.reason !== undefined) {
      const { reason } = error;
      this.#trace.refused({ cause: 'class', reason, rejectCause: undefined, localTsel });
    } else if (error instanceof ProtocolError && isRequest(error)) {
      const { rejectCause } = error;
      this.#trace.refused({ cause: 'invalid', reason: undefined, rejectCause, localTsel });
    }
  }

  /** Answers the request. If the engine throws, the request is still undecided and can be answered again. */
  #answer(answer: () => void): void {
    // A closing server drops its handshakes before their `disconnect` event.
    if (this.#isWithdrawn || this.#stream.destroyed) {
      this.#decided = true;
      return;
    }
    this.#driver.command(() => {
      answer();
      this.#decided = true;
    });
  }

  #opened({ agreement }: Extract<EngineEvent, { type: 'open' }>): void {
    const tpdu = this.#request as ConnectRequest['tpdu'];
    const { localAddr, remoteAddr } = this.#addresses;
    const info = connectionInfo(agreement, {
      localAddr,
      remoteAddr,
      localTsel: tselFromWire(tpdu.parameters.calledTsel),
      remoteTsel: tselFromWire(tpdu.parameters.callingTsel),
      respondingTsel: undefined,
      connectData: connectDataFromWire(tpdu.userData),
      diagnostics: diagnosticsOf(tpdu),
      remoteDesktop: remoteDesktopFromWire(tpdu.remoteDesktop),
      name: this.#options.name,
    });
    this.#trace.opened(info);
    const options = messageOptions(this.#options, this.#receiveBudget, this.#report);
    const connection = Connection.of(this.#driver, this.#engine, options, info);
    this.#server.opened(this.#stream, connection, this.#connectionCb, this.#report);
  }
}
