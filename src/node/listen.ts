/**
 * `listen`: from an accepted TCP connection to an open transport connection.
 */
import type { Duplex } from 'node:stream';
import { TransportEngine } from '../core/connection/transport-engine.js';
import type { EngineEvent } from '../core/engine.js';
import { ConnectionClosedError, TimeoutError } from '../core/errors.js';
import { reportTo } from './callbacks.js';
import {
  Connection,
  type ConnectionCb,
  connectDataFromWire,
  connectionInfo,
  diagnosticsOf,
  remoteDesktopFromWire,
  tselFromWire,
} from './connection/connection.js';
import { ReceiveBudget } from './connection/receive-budget.js';
import { now } from './deadline-timer.js';
import { Decision, type Indication } from './decision.js';
import { engineOptions, messageOptions } from './engine-options.js';
import { LISTEN_OPTIONS, type ListenOptions, type ResolvedListenOptions } from './options/cotp.js';
import { resolveOptions, wrongType } from './options/rows.js';
import { takeReference } from './references.js';
import {
  DEFAULT_LISTEN_ADDRESS,
  type ListenAddress,
  resolveListenAddress,
} from './server/listen-address.js';
import { Server } from './server/server.js';
import type { ServerCounts } from './server/server-stats.js';
import { Driver, type DriverUser } from './stream/driver.js';
import type { Incoming } from './stream/incoming.js';
import type { DropCause } from './trace/events.js';
import { ConnectionTrace, publishDrop, type Refusal } from './trace/observer.js';

/**
 * Listens for transport connections.
 *
 * @param connectionCb called with each connection once its CC is sent. When it throws or rejects, that connection is
 * closed and the error is reported to `onError`
 * @param addr address to listen on; default: all IPv4 addresses, port 102. With port 0 the system chooses a
 * free port, which `server.addresses` contains. Or `{ path }`: a Unix socket or named pipe; `{ fd }`: a listening socket
 * that the process was started with; or a `net.Server`, which the returned server closes
 * @throws TypeError or RangeError for a bad argument, before anything is opened
 * @throws the error of the system (`EADDRINUSE`, `EACCES` …)
 * @throws the reason of `signal` when it aborts
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
  addr: ListenAddress = DEFAULT_LISTEN_ADDRESS,
  options: ListenOptions = {},
): Promise<Server> {
  if (typeof connectionCb !== 'function') {
    throw wrongType('connectionCb', 'a function', connectionCb);
  }
  const resolved = resolveOptions(LISTEN_OPTIONS, options);
  const target = resolveListenAddress(addr, resolved);
  const receiveBudget = new ReceiveBudget(resolved.maxReceiveBuffer);
  const service: Service = { connectionCb, options: resolved, receiveBudget };
  return Server.listen(
    target,
    resolved,
    (incoming, server, isExcess) => {
      new Responder(incoming, server, service, isExcess);
    },
    (error, peer) => reportTo(resolved.onError, peer)(error),
    ({ localAddr, remoteAddr }, server, cause, error) => {
      publishDrop({ name: resolved.name, server, localAddr, remoteAddr }, { cause, error });
    },
  );
}

/** What all connections of one server have in common. */
interface Service {
  readonly connectionCb: ConnectionCb;
  readonly options: ResolvedListenOptions;
  readonly receiveBudget: ReceiveBudget;
}

/** An accepted stream whose connection is not open yet. */
class Responder implements DriverUser {
  readonly #incoming: Incoming;
  readonly #server: Server;
  readonly #service: Service;
  readonly #isExcess: boolean;
  readonly #engine: TransportEngine;
  readonly #driver: Driver;
  readonly #trace: ConnectionTrace;
  readonly #report: (error: unknown) => void;
  readonly #decision: Decision;

  constructor(incoming: Incoming, server: Server, service: Service, isExcess: boolean) {
    const { options } = service;
    this.#incoming = incoming;
    const { stream } = incoming;
    this.#server = server;
    this.#service = service;
    const report = reportTo(options.onError, incoming.remoteAddr);
    this.#report = report;
    const reference = isExcess ? undefined : takeReference(stream);
    this.#isExcess = reference === undefined;
    const trace = new ConnectionTrace(
      'server',
      incoming.remoteAddr,
      () => incoming,
      options,
      report,
      { server: server.addresses[0] },
    );
    this.#trace = trace;
    const engine = TransportEngine.responder(
      engineOptions(options, options.handshakeTimeout, reference ?? 0, '', trace),
      now(),
    );
    this.#engine = engine;
    const driver = new Driver(stream, engine, this, options, trace);
    this.#driver = driver;
    const onRefused = (refusal: Refusal) => this.#onRefused(refusal);
    this.#decision = new Decision({ engine, driver, trace, options, incoming, report, onRefused });
  }

  get awaitsPeer(): boolean {
    return false;
  }

  onChunkEnd(): void {}

  onEvent(event: EngineEvent): void {
    switch (event.type) {
      case 'connectIndication':
        this.#decision.decide(event, this.#isExcess);
        break;
      case 'open':
        this.#opened(event);
        break;
      case 'disconnect':
        this.#decision.withdraw(event.error);
        this.#ended(event.error);
        // Not reported: the local user refused it, or the server dropped it while closing.
        if (!(event.error.ending === 'local' && this.#decision.isDecided)) {
          this.#reportUnlessClosing(event.error);
        }
        break;
      default:
    }
  }

  onWritten(): void {}

  onTimeout(error: TimeoutError): void {
    this.#decision.withdraw(error);
    this.#ended(error);
    this.#report(error);
    this.#driver.reset();
  }

  onStreamClosed(): void {
    // Before a CR has come, the end of the stream is no error, so the engine does not report it.
    const { counts, hasClosed } = this.#server;
    const { stream } = this.#incoming;
    if (hasClosed && this.#driver.ending.by === 'local') {
      this.#dropped('closing', undefined);
    }
    counts.left(stream);
  }

  #onRefused(refusal: Refusal): void {
    this.#server.counts.refused(this.#incoming.stream, refusal.reason);
    this.#trace.refused(refusal);
  }

  /** The stream has ended, or ends, before the connection was open. A refused one is counted already. */
  #ended(error: Error): void {
    const cause = this.#dropCauseOf(error);
    if (cause !== undefined) {
      this.#dropped(cause, cause === 'closing' ? undefined : error);
    } else if (this.#server.counts.failed(this.#incoming.stream)) {
      this.#trace.failed(error);
    }
  }

  #dropped(cause: DropCause, error: Error | undefined): void {
    if (this.#server.counts.dropped(this.#incoming.stream)) {
      this.#trace.dropped({ cause, error });
    }
  }

  /** Why this side ends the stream; `undefined` if the peer has ended it, or has broken the protocol. */
  #dropCauseOf(error: Error): DropCause | undefined {
    if (error instanceof TimeoutError) {
      return 'timeout';
    }
    const isByUs = error instanceof ConnectionClosedError && this.#driver.ending.by === 'local';
    return isByUs && this.#server.hasClosed ? 'closing' : undefined;
  }

  #reportUnlessClosing(error: Error): void {
    if (!this.#server.hasClosed) {
      this.#report(error);
    }
  }

  #opened({ agreement }: Extract<EngineEvent, { type: 'open' }>): void {
    const { connectionCb, options, receiveBudget } = this.#service;
    const tpdu = this.#decision.request as Indication['request'];
    const { stream, localAddr, remoteAddr, proxy } = this.#incoming;
    const info = connectionInfo(agreement, {
      localAddr,
      remoteAddr,
      localTsel: tselFromWire(tpdu.parameters.calledTsel),
      remoteTsel: tselFromWire(tpdu.parameters.callingTsel),
      respondingTsel: undefined,
      connectData: connectDataFromWire(tpdu.userData),
      diagnostics: diagnosticsOf(tpdu),
      remoteDesktop: remoteDesktopFromWire(tpdu.remoteDesktop),
      proxy,
      name: options.name,
    });
    this.#trace.opened(info);
    const onFailure = failing(stream, this.#server.counts, this.#trace, this.#report);
    const connection = Connection.of({
      driver: this.#driver,
      engine: this.#engine,
      options: messageOptions(options, receiveBudget, this.#trace.id, onFailure),
      info,
      onExpedited: options.onExpedited,
      report: this.#report,
      context: this.#decision.context,
    });
    this.#server.opened(stream, connection, connectionCb, this.#report);
    connection.startExpedited();
  }
}

/** What is done when an open connection fails. A function of its own, so that it keeps nothing of the handshake. */
function failing(
  stream: Duplex,
  counts: ServerCounts<Connection>,
  trace: ConnectionTrace,
  report: (error: unknown) => void,
): (error: Error) => void {
  return (error) => {
    counts.failed(stream);
    trace.failed(error);
    report(error);
  };
}
