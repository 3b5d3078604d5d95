/**
 * The streams of a server: those in their handshake and those of open connections, and when the last one has ended.
 */
import type { Duplex } from 'node:stream';
import { whenClosed } from '../stream/streams.js';
import { type Deferred, deferred } from '../waiting.js';
import type { ServerCounts } from './server-stats.js';

/** Most clients beyond a limit that are refused by the protocol at the same time. */
const MAX_REFUSALS = 64;

/** The streams that a server serves. `C` is the type of its connections. */
export class ServedStreams<C> {
  readonly #counts: ServerCounts<C>;
  readonly #handshakes = new Set<Duplex>();
  #refusals = 0;
  #empty: Deferred<void> | undefined;

  constructor(counts: ServerCounts<C>) {
    this.#counts = counts;
  }

  /** Streams that are not connections yet. */
  get handshakes(): ReadonlySet<Duplex> {
    return this.#handshakes;
  }

  /** A handshake begins. The caller calls {@link ended} when the stream is closed. */
  begin(stream: Duplex): void {
    this.#handshakes.add(stream);
  }

  /** A handshake begins only to refuse the client. `false` if too many are being refused: this one must be dropped. */
  refuse(stream: Duplex): boolean {
    if (this.#refusals === MAX_REFUSALS) {
      return false;
    }
    this.#refusals += 1;
    this.begin(stream);
    whenClosed(stream, () => {
      this.#refusals -= 1;
      this.ended(stream);
    });
    return true;
  }

  /** TLS is established: the handshake continues on a stream over the one where it began. */
  secured(stream: Duplex, beneath: Duplex): void {
    this.#handshakes.delete(beneath);
    this.#handshakes.add(stream);
    this.#counts.secured(beneath, stream);
    whenClosed(stream, () => this.ended(stream));
  }

  /** A stream in its handshake is closed. */
  ended(stream: Duplex): void {
    this.#handshakes.delete(stream);
    this.#checkEmpty();
  }

  /** The handshake has succeeded. */
  opened(stream: Duplex, connection: C): void {
    this.#handshakes.delete(stream);
    this.#counts.opened(stream, connection);
    whenClosed(stream, () => {
      this.#counts.closed(stream, connection);
      this.#checkEmpty();
    });
  }

  /** Resolves when no stream is left. */
  whenEmpty(): Promise<void> {
    this.#empty ??= deferred();
    this.#checkEmpty();
    return this.#empty.promise;
  }

  #checkEmpty(): void {
    if (this.#counts.view.size === 0 && this.#handshakes.size === 0) {
      this.#empty?.resolve();
    }
  }
}
