/**
 * The TLS handshakes of a server: from an accepted TCP connection to a TLS socket. Each handshake ends in
 * exactly one way: it succeeds, it fails and is reported, or the server abandons it.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import { toError } from '../callbacks.js';
import { startTimeout } from '../deadline-timer.js';
import type { Incoming } from '../stream/incoming.js';
import { whenClosed } from '../stream/streams.js';
import { serverTlsError, serverTlsOptions, tlsHandshakeTimeout } from '../stream/tls.js';

/** What the handshakes report. */
export interface TlsAcceptorUser {
  /** The handshake has succeeded. The TLS socket replaces the TCP socket beneath it; both close together. */
  onSecured(stream: TLSSocket, beneath: Incoming): void;
  /** The handshake failed, or has taken too long; the connection is gone. */
  onFailed(error: Error, beneath: Incoming, cause: 'tls' | 'timeout'): void;
  /** TCP has ended, and TLS has reported nothing. */
  onLost(beneath: Incoming): void;
  /** A function in the TLS options threw or rejected. */
  onCallbackFailed(thrown: unknown): void;
}

interface Handshake {
  readonly incoming: Incoming;
  readonly stop: () => void;
}

/**
 * Longest time of Node's own handshake timer, in milliseconds; it disables the timer in practice. That timer
 * would expire when the application blocks the event loop, even if the octets of the client have arrived.
 */
const NEVER = 2 ** 31 - 1;

/** Opens TLS over TCP connections. */
export class TlsAcceptor {
  readonly #options: TlsOptions;
  /** It does not listen: each TCP socket is passed to it as a `connection` event. */
  readonly #server: TlsServer;
  readonly #timeout: number;
  readonly #user: TlsAcceptorUser;
  readonly #handshakes = new Map<Duplex, Handshake>();

  /** @param timeout milliseconds; `handshakeTimeout` in the TLS options takes precedence */
  constructor(options: TlsOptions, timeout: number, user: TlsAcceptorUser) {
    const { handshakeTimeout = timeout } = options;
    const isNumber = typeof handshakeTimeout === 'number';
    this.#timeout = isNumber && handshakeTimeout > 0 ? handshakeTimeout : timeout;
    this.#user = user;
    this.#options = {
      ...serverTlsOptions(options, (thrown) => user.onCallbackFailed(thrown)),
      // Node refuses a value that is not a number.
      handshakeTimeout: isNumber ? NEVER : handshakeTimeout,
    };
    this.#server = this.#createServer((stream) => this.#beneath(stream));
  }

  /**
   * Begins a handshake.
   *
   * @param incoming its stream has `allowHalfOpen: false`, so that a FIN of the client ends the handshake at once
   */
  begin(incoming: Incoming): void {
    const { stream: beneath } = incoming;
    const stop = startTimeout(this.#timeout, () => this.#onTimeout(beneath));
    this.#handshakes.set(beneath, { incoming, stop });
    whenClosed(beneath, () => {
      stop();
      // If the handshake has failed, its error follows the end of TCP immediately.
      setImmediate(() => {
        if (this.abandon(beneath) !== undefined) {
          this.#user.onLost(incoming);
        }
      });
    });
    // Node does not report the stream beneath TLS unless it is a socket, so any other stream gets a TLS server of its own.
    const server = beneath instanceof Socket ? this.#server : this.#createServer(() => beneath);
    server.emit('connection', beneath);
  }

  /**
   * The result of this handshake is no longer reported. The caller closes the socket.
   *
   * @returns what was passed to {@link begin}; `undefined` if the socket has no handshake, or none any more
   */
  abandon(beneath: Duplex): Incoming | undefined {
    return this.#end(beneath)?.incoming;
  }

  #createServer(beneathOf: (stream: TLSSocket) => Duplex | undefined): TlsServer {
    const server = createServer(this.#options);
    server.on('secureConnection', (stream) => this.#onSecured(stream, beneathOf(stream)));
    server.on('tlsClientError', (error, stream) => this.#onError(error, stream, beneathOf(stream)));
    return server;
  }

  #end(beneath: Duplex): Handshake | undefined {
    const handshake = this.#handshakes.get(beneath);
    this.#handshakes.delete(beneath);
    handshake?.stop();
    return handshake;
  }

  #onSecured(stream: TLSSocket, beneath: Duplex | undefined): void {
    const handshake = beneath === undefined ? undefined : this.#end(beneath);
    if (handshake === undefined) {
      stream.destroy();
      return;
    }
    // From now on this side may have to answer after the FIN of the client.
    stream.allowHalfOpen = true;
    this.#user.onSecured(stream, handshake.incoming);
  }

  #onError(error: Error, stream: TLSSocket, beneath: Duplex | undefined): void {
    const handshake = beneath === undefined ? undefined : this.#end(beneath);
    // Without a handshake, this side has destroyed the stream and has reported why.
    if (handshake !== undefined) {
      const failure = serverTlsError(toError(error), stream.authorizationError);
      this.#user.onFailed(failure, handshake.incoming, 'tls');
    }
    stream.destroy();
  }

  #onTimeout(beneath: Duplex): void {
    const handshake = this.#end(beneath);
    beneath.destroy();
    if (handshake !== undefined) {
      this.#user.onFailed(tlsHandshakeTimeout(this.#timeout), handshake.incoming, 'timeout');
    }
  }

  /**
   * The TCP socket beneath a TLS socket. Node has it in an undocumented property. If that is missing, both
   * sockets still have the same addresses, unless they are destroyed.
   */
  #beneath(stream: TLSSocket): Duplex | undefined {
    const { _parent: parent } = stream as { readonly _parent?: unknown };
    if (parent instanceof Socket) {
      return parent;
    }
    const ends = endsOf(stream);
    return [...this.#handshakes.keys()].find(
      (beneath) => beneath instanceof Socket && endsOf(beneath) === ends,
    );
  }
}

/** Identifies a TCP connection among all others. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
