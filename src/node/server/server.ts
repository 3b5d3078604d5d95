/**
 * A server: what it accepts, its handshakes and its connections. Knows no protocol: the `OnStream` callback turns a
 * stream into a connection.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { ConnectionClosedError } from '../../core/errors.js';
import { type FullAddress, UNKNOWN_ADDRESS } from '../address.js';
import { runCallback } from '../callbacks.js';
import type { Connection } from '../connection/connection.js';
import type { MessageConnection } from '../connection/message-connection.js';
import { startTimeout } from '../deadline-timer.js';
import type { ProxySources } from '../options/proxy-sources.js';
import { integer } from '../options/rows.js';
import { Resource } from '../resource.js';
import { type Incoming, incomingStream, peerOf } from '../stream/incoming.js';
import { overLimit } from '../stream/tls.js';
import type { DropCause } from '../trace/events.js';
import { whenAborted } from '../waiting.js';
import { type AcceptStreamOptions, acceptedStream } from './accepted-stream.js';
import { Admission, type ReachedLimit } from './admission.js';
import type { ListenTarget } from './listen-address.js';
import { type ListeningOptions, ListeningSocket } from './listening-socket.js';
import { ProxyAcceptor } from './proxy-acceptor.js';
import { ServedStreams } from './served-streams.js';
import { ServerCounts, type ServerStats } from './server-stats.js';
import { TlsAcceptor } from './tls-acceptor.js';

/** What a server needs of its options. */
export interface ServerOptions extends ListeningOptions {
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number | undefined;
  readonly bindConnections: boolean;
  readonly signal: AbortSignal | undefined;
  readonly tls: TlsOptions | undefined;
  readonly proxyProtocol: ProxySources | undefined;
}

/**
 * Called with each stream, after TLS. If `isExcess`, a limit is reached: the callback must refuse the stream,
 * by a TPDU if the protocol has one for that.
 */
export type OnStream<C extends MessageConnection<unknown>> = (
  incoming: Incoming,
  server: Server<C>,
  isExcess: boolean,
) => void;

/** Called with each stream that was dropped before it was passed to {@link OnStream}. */
export type OnDrop = (
  incoming: Incoming,
  server: FullAddress | undefined,
  cause: DropCause,
  error: Error | undefined,
) => void;

const graceTime = integer(0, 2 ** 31 - 1, 'milliseconds');

/** A listening server, returned by `listen`. `C` is the type of its connections. */
export class Server<C extends MessageConnection<unknown> = Connection> extends Resource {
  /** @internal What has become of each stream. */
  readonly counts = new ServerCounts<C>();
  readonly #socket: ListeningSocket;
  readonly #options: ServerOptions;
  readonly #onStream: OnStream<C>;
  readonly #onDrop: OnDrop;
  readonly #report: (error: unknown, peer: string) => void;
  readonly #streams = new ServedStreams(this.counts);
  readonly #admission: Admission;
  readonly #proxies: ProxyAcceptor | undefined;
  readonly #tls: TlsAcceptor | undefined;
  #dropped = 0;
  #hasClosed = false;

  private constructor(
    target: ListenTarget,
    options: ServerOptions,
    onStream: OnStream<C>,
    report: (error: unknown, peer: string) => void,
    onDrop: OnDrop,
  ) {
    super();
    const { tls, handshakeTimeout, proxyProtocol } = options;
    this.#options = options;
    this.#onStream = onStream;
    this.#report = report;
    this.#onDrop = onDrop;
    this.#admission = new Admission(options);
    const onFailed = (error: Error, incoming: Incoming, cause: DropCause) => {
      report(error, peerOf(incoming));
      this.#countDrop(incoming, cause, error);
    };
    const onLost = ({ stream }: Incoming) => this.counts.left(stream);
    this.#proxies =
      proxyProtocol && new ProxyAcceptor(proxyProtocol, handshakeTimeout, { onFailed, onLost });
    this.#tls =
      tls &&
      new TlsAcceptor(tls, handshakeTimeout, {
        onSecured: (stream, beneath) => this.#onSecured(stream, beneath),
        onFailed,
        onLost,
        onCallbackFailed: (thrown) => report(thrown, this.#socket.name),
      });
    // A FIN during a TLS handshake ends TCP. After the handshake the acceptor allows half-open TLS.
    this.#socket = new ListeningSocket(target, options, tls === undefined, {
      onSocket: (socket) => this.#onSocket(socket),
      onError: (error) => report(error, this.#socket.name),
      onClosed: () => this.close(),
    });
  }

  /** @internal Listens; rejects with the error of the system, or the reason of the signal. */
  static async listen<C extends MessageConnection<unknown>>(
    target: ListenTarget,
    options: ServerOptions,
    onStream: OnStream<C>,
    report: (error: unknown, peer: string) => void,
    onDrop: OnDrop = () => {},
  ): Promise<Server<C>> {
    const { signal } = options;
    signal?.throwIfAborted();
    const server = new Server(target, options, onStream, report, onDrop);
    await server.#socket.bind(signal);
    if (signal?.aborted) {
      server.close();
    }
    signal?.throwIfAborted();
    if (signal !== undefined) {
      void server.waitClosing().then(whenAborted(signal, () => server.close()));
    }
    return server;
  }

  /**
   * The bound addresses, with their real ports; `{ host, port: 0, path }` for a path, where `host` is the path too. Empty
   * for a file descriptor of a Unix socket, whose path the system does not report.
   */
  get addresses(): readonly FullAddress[] {
    return this.#socket.addresses;
  }

  /** Number of {@link connections}: those that are open or closing now. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /**
   * The connections that are open or closing now: a read-only view, which changes with them.
   *
   * @example
   * ```ts
   * import { connect, listen } from 'cotp';
   *
   * const server = await listen((conn) => void conn.write(Buffer.from('welcome')), {
   *   host: '127.0.0.1',
   *   port: 0,
   * });
   * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
   * await conn.read();
   * for (const { info, messagesWritten } of server.connections) {
   *   console.log(info.tpClass, messagesWritten); // 0 1
   * }
   * await conn.asyncClose();
   * await server.asyncClose();
   * ```
   */
  get connections(): ReadonlySet<C> {
    return this.counts.view;
  }

  /**
   * What has become of all streams since the server began to listen: a snapshot, frozen; see {@link ServerStats}.
   *
   * @example
   * ```ts
   * import { connect, listen } from 'cotp';
   *
   * const server = await listen(() => {}, { host: '127.0.0.1', port: 0 }, { localTsel: 0x0102 });
   * const address = server.addresses[0] ?? { host: '127.0.0.1' };
   * const conn = await connect(address, { remoteTsel: 0x0102 });
   * await connect(address, { remoteTsel: 0x0103 }).catch(() => {});
   * const { accepted, open, refused } = server.stats();
   * console.log(accepted, open, refused[3]); // 2 1 1
   * await conn.asyncClose();
   * await server.asyncClose();
   * ```
   */
  stats(): ServerStats {
    return this.counts.stats;
  }

  /**
   * The listening socket no longer keeps the process alive, as with `unref` of `net.Server`. Connections
   * still do.
   */
  unref(): this {
    this.#socket.unref();
    return this;
  }

  /** The listening socket keeps the process alive, which is the default. Undoes {@link unref}. */
  ref(): this {
    this.#socket.ref();
    return this;
  }

  /**
   * Serves a stream that did not come from the listening socket: an SSH channel, a socket of another process, a stream
   * that was decrypted before. It is treated like an accepted TCP connection: limits, TLS if `listen` has `tls`,
   * handshake, connection callback. The connection closes the stream. A socket of the system gets `noDelay` and
   * `keepAlive` of `listen`.
   *
   * @throws TypeError or RangeError for a bad argument
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`) if the stream has ended, or the server is closed or closing
   *
   * @example
   * ```ts
   * import { duplexPair } from 'node:stream';
   * import { connect, listen } from 'cotp';
   *
   * const server = await listen(
   *   (conn) => {
   *     console.log(conn.info.remoteAddr.host); // 192.0.2.1
   *     conn.close();
   *   },
   *   { host: '127.0.0.1', port: 0 },
   * );
   * const [ours, theirs] = duplexPair();
   * server.accept(ours, { remoteAddr: { host: '192.0.2.1' } });
   * const conn = await connect({ host: 'channel' }, { socket: theirs });
   * await conn.waitClosed();
   * await server.asyncClose();
   * ```
   */
  accept(stream: Duplex, options: AcceptStreamOptions = {}): void {
    if (this.isClosing) {
      throw new ConnectionClosedError('the server must be open, but it is closing or closed', {
        phase: 'tcp',
        ending: 'local',
      });
    }
    const { incoming, tls } = acceptedStream(stream, options, this.#options);
    this.#begin(incoming, tls);
  }

  /**
   * Stops listening. Open connections stay open unless `bindConnections` is set. Connections in their
   * handshake are dropped.
   */
  override close(): void {
    if (this.#hasClosed) {
      return;
    }
    this.#hasClosed = true;
    this.markClosing();
    this.#socket.close();
    for (const stream of this.#streams.handshakes) {
      const waiting = this.#proxies?.abandon(stream) ?? this.#tls?.abandon(stream);
      if (waiting !== undefined) {
        this.#countDrop(waiting, 'closing', undefined);
      }
      stream.destroy();
    }
    const bound = this.#options.bindConnections ? [...this.connections] : [];
    const closed = bound.map((connection) => connection.asyncClose());
    // The port is free after one turn of the event loop. The `close` event of Node would wait for every
    // connection.
    const released = new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    void Promise.all([...closed, released]).then(() => this.markClosed());
  }

  /**
   * Stops listening without losing a client that has begun to connect: accepts the connections that the system has
   * queued, lets all handshakes finish and waits until every connection has ended by itself. From the call on
   * `isClosing` is `true` and `signal` is aborted, so that connections can finish their work. `close()` ends the
   * handshakes at once, and the connections if `bindConnections` is set.
   *
   * A client that connects while the last process closes the port is refused by the system. In a restart let the next
   * process listen before: by `node:cluster`, a socket of systemd, or `reusePort` (on Linux with the setting
   * `net.ipv4.tcp_migrate_req`, for otherwise the system resets the clients in the queue of the socket that is closed).
   *
   * @param grace milliseconds from the call on, 0 to 2147483647, after which handshakes are dropped and connections are
   * closed as by `close()` of each. Default: no limit for connections; handshakes have `handshakeTimeout`. If it is
   * called again, the shortest time counts
   * @returns resolves when the last connection is closed, also if the server was closed before
   * @throws TypeError or RangeError for a bad `grace`
   */
  async shutdown(grace?: number): Promise<void> {
    const limit = grace === undefined ? undefined : graceTime('grace', grace);
    const stop =
      limit === undefined ? undefined : startTimeout(Math.max(limit, 1), () => this.#closeAll());
    this.markClosing();
    await this.#socket.drain();
    await this.#streams.whenEmpty();
    stop?.();
    this.close();
    await this.waitClosed();
  }

  /** @internal True once a failure of a handshake is no longer reported, because the server drops them. */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  /**
   * @internal Registers an open connection and calls the callback of the user. If it throws or rejects, the
   * connection is closed.
   */
  opened(
    stream: Duplex,
    connection: C,
    connectionCb: (connection: C) => void | Promise<void>,
    report: (error: unknown) => void,
  ): void {
    this.#streams.opened(stream, connection);
    const failed = (error: unknown) => {
      // The callback may rethrow the error that ended its connection. That error was already reported.
      if (!connection.hasEndedBy(error)) {
        report(error);
      }
      connection.close();
    };
    runCallback(() => connectionCb(connection), failed);
  }

  /** The grace of a shutdown is over. */
  #closeAll(): void {
    this.close();
    for (const connection of this.connections) {
      connection.close();
    }
  }

  #onSocket(socket: Socket): void {
    if (this.#hasClosed || socket.destroyed) {
      drop(socket);
      return;
    }
    const [own = UNKNOWN_ADDRESS] = this.addresses;
    const otherwise = own.path === undefined ? UNKNOWN_ADDRESS : own;
    this.#begin(incomingStream(socket, otherwise, this.#socket.localAddr), this.#tls !== undefined);
  }

  /**
   * The handshake of a stream begins, if no limit is reached.
   *
   * @param tls with TLS first
   */
  #begin(incoming: Incoming, tls: boolean): void {
    const { stream } = incoming;
    this.counts.accepted(stream);
    const limit = this.#admission.admit(stream, () => this.#streams.ended(stream));
    if (limit !== undefined) {
      this.#onExcess(incoming, limit, tls, (onPeer) => this.#withPeer(incoming, false, onPeer));
      return;
    }
    this.#streams.begin(stream);
    this.#withPeer(incoming, tls, (known) => {
      const limitOfPeer = this.#admission.admitPeer(known);
      if (limitOfPeer !== undefined) {
        this.#onExcess(known, limitOfPeer, tls, (onPeer) => onPeer(known));
      } else if (tls) {
        this.#tls?.begin(known);
      } else {
        this.#onStream(known, this, false);
      }
    });
  }

  /** Goes on when the peer of a stream is known: after its PROXY header, if it has one. */
  #withPeer(incoming: Incoming, tls: boolean, onPeer: (incoming: Incoming) => void): void {
    if (this.#proxies === undefined) {
      onPeer(incoming);
    } else {
      this.#proxies.begin(incoming, tls, onPeer);
    }
  }

  /** @param withPeer calls its argument when the peer is known */
  #onExcess(
    incoming: Incoming,
    { option, value }: ReachedLimit,
    tls: boolean,
    withPeer: (onPeer: (known: Incoming) => void) => void,
  ): void {
    const { stream } = incoming;
    if (tls) {
      // A TLS handshake is expensive, so none is done only to refuse the client.
      this.#dropped += 1;
      const error = overLimit(option, value, this.#dropped);
      this.#report(error, peerOf(incoming));
      this.#countDrop(incoming, 'limit', error);
      drop(stream);
    } else if (this.#streams.refuse(stream)) {
      withPeer((known) => this.#onStream(known, this, true));
    } else {
      this.#countDrop(incoming, 'limit', undefined);
      drop(stream);
    }
  }

  /** Counts and reports a stream that is dropped before it was passed on. */
  #countDrop(incoming: Incoming, cause: DropCause, error: Error | undefined): void {
    if (this.counts.dropped(incoming.stream)) {
      this.#onDrop(incoming, this.addresses[0], cause, error);
    }
  }

  #onSecured(stream: Duplex, beneath: Incoming): void {
    this.#streams.secured(stream, beneath.stream);
    this.#onStream({ ...beneath, stream }, this, false);
  }
}

/** Destroys a stream that has no owner. Its errors are ignored. */
function drop(stream: Duplex): void {
  stream.on('error', () => {});
  stream.destroy();
}
