/**
 * A server: its listening socket, its handshakes and its connections. Knows no protocol: the `OnStream`
 * callback turns a stream into a connection.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { type FullAddress, formatAddress, UNKNOWN_ADDRESS } from './address.js';
import { Admission, type ReachedLimit } from './admission.js';
import { runCallback } from './callbacks.js';
import { KEEP_ALIVE_DELAY } from './client-stream.js';
import type { Connection } from './connection.js';
import { type Incoming, incomingSocket, peerOf } from './incoming.js';
import type { MessageConnection } from './message-connection.js';
import { Resource } from './resource.js';
import { ServerCounts, type ServerStats } from './server-stats.js';
import { whenClosed } from './streams.js';
import { overLimit } from './tls.js';
import { TlsAcceptor } from './tls-acceptor.js';
import type { DropCause } from './trace/events.js';

/** What a server needs of its options. */
export interface ServerOptions {
  readonly keepAlive: boolean;
  readonly noDelay: boolean;
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number | undefined;
  readonly backlog: number;
  readonly bindConnections: boolean;
  readonly tls: TlsOptions | undefined;
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

/**
 * Most clients beyond the limit that are refused by the protocol at the same time. Further ones are dropped.
 */
const MAX_REFUSALS = 64;

/** A listening server, returned by `listen`. `C` is the type of its connections. */
export class Server<C extends MessageConnection<unknown> = Connection> extends Resource {
  /** @internal What has become of each stream. */
  readonly counts = new ServerCounts<C>();
  readonly #server: NetServer;
  readonly #options: ServerOptions;
  readonly #onStream: OnStream<C>;
  readonly #onDrop: OnDrop;
  readonly #report: (error: unknown, peer: string) => void;
  /** Streams that are not connections yet; they end with the server. */
  readonly #handshakes = new Set<Duplex>();
  readonly #admission: Admission;
  readonly #tls: TlsAcceptor | undefined;
  #refusals = 0;
  #dropped = 0;
  #addresses: readonly FullAddress[] = [];

  private constructor(
    options: ServerOptions,
    onStream: OnStream<C>,
    report: (error: unknown, peer: string) => void,
    onDrop: OnDrop,
  ) {
    super();
    const { tls, handshakeTimeout } = options;
    this.#options = options;
    this.#onStream = onStream;
    this.#report = report;
    this.#onDrop = onDrop;
    this.#admission = new Admission(options);
    this.#tls =
      tls &&
      new TlsAcceptor(tls, handshakeTimeout, {
        onSecured: (stream, beneath) => this.#onSecured(stream, beneath),
        onFailed: (error, beneath, cause) => {
          report(error, peerOf(beneath));
          this.#countDrop(beneath, cause, error);
        },
        onLost: ({ stream }) => this.counts.left(stream),
        onCallbackFailed: (thrown) => report(thrown, this.#ownAddress),
      });
    this.#server = createServer(
      {
        // A FIN during a TLS handshake ends TCP. After the handshake the acceptor allows half-open TLS.
        allowHalfOpen: tls === undefined,
        noDelay: options.noDelay,
        keepAlive: options.keepAlive,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY,
      },
      (socket) => this.#onSocket(socket),
    );
  }

  /** @internal Binds the address; rejects with the system's error. */
  static async listen<C extends MessageConnection<unknown>>(
    addr: FullAddress,
    options: ServerOptions,
    onStream: OnStream<C>,
    report: (error: unknown, peer: string) => void,
    onDrop: OnDrop = () => {},
  ): Promise<Server<C>> {
    const server = new Server(options, onStream, report, onDrop);
    await server.#bind(addr);
    return server;
  }

  /** The bound addresses, with their real ports. */
  get addresses(): readonly FullAddress[] {
    return this.#addresses;
  }

  /** Connections open now. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /**
   * The connections that are open now, or close now: a read-only view, which changes with them.
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
   * Counts since the server listens: a snapshot, frozen. Each stream is in one of the counts, see {@link ServerStats}.
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
    this.#server.unref();
    return this;
  }

  /** The listening socket keeps the process alive, which is the default. Undoes {@link unref}. */
  ref(): this {
    this.#server.ref();
    return this;
  }

  /**
   * Stops listening. Open connections stay open unless `bindConnections` is set. Connections in their
   * handshake are dropped.
   */
  override close(): void {
    if (!this.markClosing()) {
      return;
    }
    this.#server.close();
    for (const stream of this.#handshakes) {
      const handshake = this.#tls?.abandon(stream);
      if (handshake !== undefined) {
        this.#countDrop(handshake, 'closing', undefined);
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
   * @internal Registers an open connection and calls the callback of the user. If it throws or rejects, the
   * connection is closed.
   */
  opened(
    stream: Duplex,
    connection: C,
    connectionCb: (connection: C) => void | Promise<void>,
    report: (error: unknown) => void,
  ): void {
    this.#handshakes.delete(stream);
    this.counts.opened(stream, connection);
    whenClosed(stream, () => this.counts.closed(stream, connection));
    const failed = (error: unknown) => {
      // The callback may rethrow the error that ended its connection. That error was already reported.
      if (!connection.hasEndedBy(error)) {
        report(error);
      }
      connection.close();
    };
    runCallback(() => connectionCb(connection), failed);
  }

  #bind({ host, port }: FullAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: this.#options.backlog }, () => {
        this.#server.off('error', reject);
        // For instance, no file descriptor is free. The server continues to listen.
        this.#server.on('error', (error) => this.#report(error, this.#ownAddress));
        const bound = this.#server.address();
        if (bound !== null && typeof bound === 'object') {
          this.#addresses = Object.freeze([
            Object.freeze({ host: bound.address, port: bound.port }),
          ]);
        }
        resolve();
      });
    });
  }

  /** The address of this server, for errors that concern no peer. */
  get #ownAddress(): string {
    return formatAddress(this.#addresses[0] ?? UNKNOWN_ADDRESS);
  }

  #onSocket(socket: Socket): void {
    if (this.isClosing || socket.destroyed) {
      drop(socket);
      return;
    }
    this.#begin(incomingSocket(socket));
  }

  /** The handshake of a stream begins, if no limit is reached. */
  #begin(incoming: Incoming): void {
    const { stream } = incoming;
    this.counts.accepted(stream);
    const limit = this.#admission.admit(incoming, () => this.#handshakes.delete(stream));
    if (limit !== undefined) {
      this.#onExcess(incoming, limit);
      return;
    }
    this.#handshakes.add(stream);
    if (this.#tls === undefined) {
      this.#onStream(incoming, this, false);
    } else {
      this.#tls.begin(incoming);
    }
  }

  #onExcess(incoming: Incoming, { option, value }: ReachedLimit): void {
    const { stream } = incoming;
    if (this.#tls !== undefined) {
      // A TLS handshake is expensive, so none is done only to refuse the client.
      this.#dropped += 1;
      const error = overLimit(option, value, this.#dropped);
      this.#report(error, peerOf(incoming));
      this.#countDrop(incoming, 'limit', error);
      drop(stream);
    } else if (this.#refusals < MAX_REFUSALS) {
      this.#refusals += 1;
      this.#handshakes.add(stream);
      whenClosed(stream, () => {
        this.#refusals -= 1;
        this.#handshakes.delete(stream);
      });
      this.#onStream(incoming, this, true);
    } else {
      this.#countDrop(incoming, 'limit', undefined);
      drop(stream);
    }
  }

  /** Counts and reports a stream that is dropped before it was passed on. */
  #countDrop(incoming: Incoming, cause: DropCause, error: Error | undefined): void {
    if (this.counts.dropped(incoming.stream)) {
      this.#onDrop(incoming, this.#addresses[0], cause, error);
    }
  }

  #onSecured(stream: Duplex, beneath: Incoming): void {
    this.#handshakes.delete(beneath.stream);
    this.#handshakes.add(stream);
    this.counts.secured(beneath.stream, stream);
    whenClosed(stream, () => this.#handshakes.delete(stream));
    this.#onStream({ ...beneath, stream }, this, false);
  }
}

/** Destroys a stream that has no owner. Its errors are ignored. */
function drop(stream: Duplex): void {
  stream.on('error', () => {});
  stream.destroy();
}
