/**
 * A server: its listening socket, and the count of what it has let in. Knows no protocol: whoever
 * listens says what becomes of a stream.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type FullAddress, formatAddress } from './address.js';
import { runCallback } from './callbacks.js';
import { KEEP_ALIVE_DELAY } from './client-stream.js';
import type { MessageConnection } from './message-connection.js';
import { Resource } from './resource.js';
import { serverTlsError } from './tls-errors.js';

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
 * A stream that came in. `isExcess` says that there are too many already: it is to be refused in the
 * words of the protocol, if that has any.
 */
export type OnStream = (stream: Socket, server: Server, isExcess: boolean) => void;

/** Connections beyond the limit that are refused politely at the same time; more are dropped. */
const MAX_REFUSALS = 64;

/** A listening server; it comes from `listen`. */
export class Server extends Resource {
  readonly #server: NetServer;
  readonly #options: ServerOptions;
  readonly #onStream: OnStream;
  readonly #report: (error: unknown, peer: string) => void;
  readonly #connections = new Set<MessageConnection<unknown>>();
  /** Streams that are not connections yet; they end with the server. */
  readonly #handshakes = new Set<Socket>();
  /** Sockets with TLS on them, by their two ends. */
  readonly #beneathTls = new Map<string, Socket>();
  readonly #perAddress = new Map<string, number>();
  #admitted = 0;
  #refusals = 0;
  #addresses: readonly FullAddress[] = [];

  private constructor(
    options: ServerOptions,
    onStream: OnStream,
    report: (error: unknown, peer: string) => void,
  ) {
    super();
    this.#options = options;
    this.#onStream = onStream;
    this.#report = report;
    const tcpOptions = {
      allowHalfOpen: true,
      noDelay: options.noDelay,
      keepAlive: options.keepAlive,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY,
    };
    if (options.tls === undefined) {
      this.#server = createServer(tcpOptions, (socket) => this.#onSocket(socket));
    } else {
      const { handshakeTimeout } = options;
      const server = createTlsServer({ handshakeTimeout, ...options.tls, ...tcpOptions });
      server.on('connection', (socket: Socket) => this.#admitTls(socket));
      server.on('secureConnection', (socket) => {
        this.#onSecured(socket);
        this.#onStream(socket, this, false);
      });
      server.on('tlsClientError', (error, socket) => {
        this.#report(serverTlsError(error), peerOf(socket));
        socket.destroy();
      });
      this.#server = server;
    }
  }

  /** @internal Binds the address; rejects with the system's error. */
  static async listen(
    addr: FullAddress,
    options: ServerOptions,
    onStream: OnStream,
    report: (error: unknown, peer: string) => void,
  ): Promise<Server> {
    const server = new Server(options, onStream, report);
    await server.#bind(addr);
    return server;
  }

  /** The bound addresses, with their real ports. */
  get addresses(): readonly FullAddress[] {
    return this.#addresses;
  }

  /** Connections open now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * Stops listening. Connections that are open stay so unless `bindConnections` is set; those still
   * in their handshake are dropped.
   */
  override close(): void {
    if (!this.markClosing()) {
      return;
    }
    this.#server.close();
    for (const socket of this.#handshakes) {
      socket.destroy();
    }
    const bound = this.#options.bindConnections ? [...this.#connections] : [];
    const closed = bound.map((connection) => connection.asyncClose());
    // The port is free once the loop has gone round; Node's own event waits for every connection.
    const released = new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    void Promise.all([...closed, released]).then(() => this.markClosed());
  }

  /**
   * @internal A stream has become a connection, and this is its user's callback. One that throws or
   * rejects closes the connection.
   */
  opened<C extends MessageConnection<unknown>>(
    stream: Socket,
    connection: C,
    connectionCb: (connection: C) => void | Promise<void>,
    report: (error: unknown) => void,
  ): void {
    this.#handshakes.delete(stream);
    this.#connections.add(connection);
    stream.on('close', () => this.#connections.delete(connection));
    const failed = (error: unknown) => {
      // What a read was told of is no failure of who read, and was reported if it was one at all.
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
        // Running out of file descriptors, for instance: the server goes on with those it has.
        this.#server.on('error', (error) => this.#report(error, formatAddress({ host, port })));
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

  #onSocket(socket: Socket): void {
    if (this.#admit(socket)) {
      this.#onStream(socket, this, false);
    } else if (this.#refusals < MAX_REFUSALS && !this.isClosing) {
      this.#refusals += 1;
      this.#handshakes.add(socket);
      socket.on('close', () => {
        this.#refusals -= 1;
        this.#handshakes.delete(socket);
      });
      this.#onStream(socket, this, true);
    } else {
      socket.on('error', () => {});
      socket.destroy();
    }
  }

  /** A TLS handshake is dear: beyond the limit there is none. */
  #admitTls(socket: Socket): void {
    if (this.#admit(socket)) {
      const ends = endsOf(socket);
      this.#beneathTls.set(ends, socket);
      socket.on('close', () => {
        // The peer may have come again from the same port before this one was seen to end.
        if (this.#beneathTls.get(ends) === socket) {
          this.#beneathTls.delete(ends);
        }
      });
    } else {
      socket.on('error', () => {});
      socket.destroy();
    }
  }

  /** From now on the stream above stands for the one beneath it; Node does not say which that is. */
  #onSecured(socket: Socket): void {
    const beneath = this.#beneathTls.get(endsOf(socket));
    if (beneath !== undefined) {
      this.#handshakes.delete(beneath);
      this.#handshakes.add(socket);
      socket.on('close', () => this.#handshakes.delete(socket));
    }
  }

  /** Counts a stream in; gives `false` when there are too many. */
  #admit(socket: Socket): boolean {
    const { maxConnections, maxConnectionsPerAddress = maxConnections } = this.#options;
    const address = socket.remoteAddress ?? '';
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (
      this.isClosing ||
      this.#admitted >= maxConnections ||
      ofAddress >= maxConnectionsPerAddress
    ) {
      return false;
    }
    this.#admitted += 1;
    this.#perAddress.set(address, ofAddress + 1);
    this.#handshakes.add(socket);
    socket.on('close', () => {
      this.#admitted -= 1;
      this.#handshakes.delete(socket);
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left === 0) {
        this.#perAddress.delete(address);
      } else {
        this.#perAddress.set(address, left);
      }
    });
    return true;
  }
}

/** What tells a TCP connection from every other one. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

function peerOf(socket: Socket): string {
  return formatAddress({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
}
