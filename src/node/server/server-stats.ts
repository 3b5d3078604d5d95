/**
 * The counts of a server: what has become of each stream that it has taken. Each stream is in exactly one of the
 * counts, at any time. Knows neither sockets nor a protocol.
 */
import { SetView } from './set-view.js';

/**
 * What has become of the streams that a server has accepted since it began to listen. At any time `accepted` is the sum
 * of `open`, `handshaking`, all of `refused`, `dropped`, `failed`, and of what is left: the connections that have ended
 * without an error, and the clients that have left before they sent a CR.
 */
export interface ServerStats {
  /** All streams: TCP connections that were accepted, and streams given to `server.accept`. */
  readonly accepted: number;
  /** Connections that are open or closing now. */
  readonly open: number;
  /** Streams in their handshake now: the PROXY header, TLS, the CR, the decision on it. */
  readonly handshaking: number;
  /**
   * CRs that were refused, by the reason of the DR, 0 to 255 (X.224 13.5.3); a reason that was never sent is absent.
   * `invalid` counts those that break the standard: an ER, which has no reason, refuses them.
   */
  readonly refused: {
    readonly [reason: number]: number;
    /** CRs that were refused by an ER; absent if there were none. */
    readonly invalid?: number;
  };
  /**
   * Streams that this side has closed before a CR was accepted or refused: a limit was reached, the PROXY header was
   * missing, wrong or not allowed, TLS failed, `handshakeTimeout` has passed, or the server was closed. If the decision
   * on a CR takes too long, the client gets a DR with reason 0, and counts here too.
   */
  readonly dropped: number;
  /**
   * Connections that an error has ended, and streams that began with something other than a CR, or that the peer has
   * closed while its CR was being decided on. Each of them was reported to `onError`.
   */
  readonly failed: number;
}

/** The streams and connections of one server. `C` is the type of its connections. */
export class ServerCounts<C> {
  /** The connections that are open or close, as users see them. */
  readonly view: ReadonlySet<C>;
  /** Streams without a connection, and not in any other count. */
  readonly #handshaking = new Set<object>();
  /** Streams of connections that have not failed. */
  readonly #open = new Set<object>();
  readonly #connections = new Set<C>();
  readonly #refused = new Map<number | 'invalid', number>();
  #accepted = 0;
  #dropped = 0;
  #failed = 0;

  constructor() {
    this.view = new SetView(this.#connections);
  }

  /** A snapshot, frozen. */
  get stats(): ServerStats {
    return Object.freeze({
      accepted: this.#accepted,
      open: this.#open.size,
      handshaking: this.#handshaking.size,
      refused: Object.freeze(Object.fromEntries(this.#refused)),
      dropped: this.#dropped,
      failed: this.#failed,
    });
  }

  /** The server has taken a stream. */
  accepted(stream: object): void {
    this.#accepted += 1;
    this.#handshaking.add(stream);
  }

  /** TLS is done: from now on the stream above stands for the one beneath. */
  secured(beneath: object, stream: object): void {
    if (this.#handshaking.delete(beneath)) {
      this.#handshaking.add(stream);
    }
  }

  /** The connection on a stream is open. */
  opened(stream: object, connection: C): void {
    this.#connections.add(connection);
    if (this.#handshaking.delete(stream)) {
      this.#open.add(stream);
    }
  }

  /** The stream of a connection is closed. */
  closed(stream: object, connection: C): void {
    this.#connections.delete(connection);
    this.#open.delete(stream);
  }

  /** The CR on a stream was refused, by a DR with this reason or by an ER. */
  refused(stream: object, reason: number | undefined): void {
    if (this.#handshaking.delete(stream)) {
      const key = reason ?? 'invalid';
      this.#refused.set(key, 1 + (this.#refused.get(key) ?? 0));
    }
  }

  /** This side closes a stream in its handshake. Returns `false` if that is counted in another way already. */
  dropped(stream: object): boolean {
    const isDropped = this.#handshaking.delete(stream);
    this.#dropped += isDropped ? 1 : 0;
    return isDropped;
  }

  /** The peer has left before a CR came, which is no error. No effect if the stream is counted in another way. */
  left(stream: object): void {
    this.#handshaking.delete(stream);
  }

  /** A handshake or connection has failed. Returns `false` if that is counted in another way already. */
  failed(stream: object): boolean {
    const hasFailed = this.#handshaking.delete(stream) || this.#open.delete(stream);
    this.#failed += hasFailed ? 1 : 0;
    return hasFailed;
  }
}
