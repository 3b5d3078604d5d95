/**
 * TLS handshakes of a server, from a TCP connection that was let in to a stream of TLS. Each ends in
 * exactly one way: secured, failed and reported, or abandoned by its server.
 */
import { Socket } from 'node:net';
import { createServer, type Server as TlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { formatAddress } from './address.js';
import { whenClosed } from './streams.js';
import { startTimeout } from './deadline-timer.js';
import { serverTlsError, serverTlsOptions, tlsHandshakeTimeout } from './tls.js';

/** What the handshakes report. */
export interface TlsAcceptorUser {
  /** The stream of TLS replaces the TCP connection beneath it, whose end it shares. */
  onSecured(stream: TLSSocket, beneath: Socket): void;
  /** The handshake failed; the connection is gone. */
  onFailed(error: Error, peer: string): void;
  /** A function among the options of TLS failed. */
  onCallbackFailed(thrown: unknown): void;
}

interface Handshake {
  /** Taken while the socket has an address: it has none once it is destroyed. */
  readonly peer: string;
  readonly stop: () => void;
}

/**
 * Node's own timer of the handshake runs out while the application blocks the event loop, though the
 * octets of the client have come. This is the longest time that it takes.
 */
const NEVER = 2 ** 31 - 1;

/** Opens TLS over TCP connections. */
export class TlsAcceptor {
  /** It does not listen: connections are handed to it. */
  readonly #server: TlsServer;
  readonly #timeout: number;
  readonly #user: TlsAcceptorUser;
  readonly #handshakes = new Map<Socket, Handshake>();

  /** @param timeout milliseconds; `handshakeTimeout` among the options of TLS takes precedence */
  constructor(options: TlsOptions, timeout: number, user: TlsAcceptorUser) {
    const { handshakeTimeout = timeout } = options;
    const isNumber = typeof handshakeTimeout === 'number';
    this.#timeout = isNumber && handshakeTimeout > 0 ? handshakeTimeout : timeout;
    this.#user = user;
    this.#server = createServer({
      ...serverTlsOptions(options, (thrown) => user.onCallbackFailed(thrown)),
      // What is no number Node refuses.
      handshakeTimeout: isNumber ? NEVER : handshakeTimeout,
    });
    this.#server.on('secureConnection', (stream) => this.#onSecured(stream));
    this.#server.on('tlsClientError', (error, stream) => this.#onError(error, stream));
  }

  /**
   * Begins a handshake.
   *
   * @param beneath with `allowHalfOpen: false`, so that a FIN of the client ends the handshake at once
   */
  begin(beneath: Socket): void {
    const stop = startTimeout(this.#timeout, () => this.#onTimeout(beneath));
    this.#handshakes.set(beneath, { peer: peerOf(beneath), stop });
    whenClosed(beneath, () => {
      stop();
      // The error of a handshake follows the end of TCP at once, if there is one.
      setImmediate(() => this.abandon(beneath));
    });
    this.#server.emit('connection', beneath);
  }

  /** What becomes of this handshake is not reported any more; its owner ends the connection. */
  abandon(beneath: Socket): void {
    this.#end(beneath);
  }

  #end(beneath: Socket): Handshake | undefined {
    const handshake = this.#handshakes.get(beneath);
    this.#handshakes.delete(beneath);
    handshake?.stop();
    return handshake;
  }

  #onSecured(stream: TLSSocket): void {
    const beneath = this.#beneath(stream);
    if (beneath === undefined || this.#end(beneath) === undefined) {
      stream.destroy();
      return;
    }
    // From here on answers may be due after the FIN of the client.
    stream.allowHalfOpen = true;
    this.#user.onSecured(stream, beneath);
  }

  #onError(error: Error, stream: TLSSocket): void {
    const beneath = this.#beneath(stream);
    const handshake = beneath === undefined ? undefined : this.#end(beneath);
    // Why it was destroyed is known already, where this side did it.
    if (handshake !== undefined) {
      this.#user.onFailed(serverTlsError(error, stream.authorizationError), handshake.peer);
    }
    stream.destroy();
  }

  #onTimeout(beneath: Socket): void {
    const handshake = this.#end(beneath);
    beneath.destroy();
    if (handshake !== undefined) {
      this.#user.onFailed(tlsHandshakeTimeout(this.#timeout), handshake.peer);
    }
  }

  /**
   * The TCP connection of a stream of TLS. Node keeps it in a property without documentation; should that
   * go away, a stream that is alive still has the same two ends.
   */
  #beneath(stream: TLSSocket): Socket | undefined {
    const { _parent: parent } = stream as { readonly _parent?: unknown };
    if (parent instanceof Socket) {
      return parent;
    }
    const ends = endsOf(stream);
    return [...this.#handshakes.keys()].find((beneath) => endsOf(beneath) === ends);
  }
}

/** Identifies a TCP connection among all others. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

/** A peer as errors name it. */
export function peerOf(socket: Socket): string {
  return formatAddress({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
}
