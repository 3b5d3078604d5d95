/**
 * Hands what waits in a send buffer to a byte stream, one flight after the other: as few writes as
 * possible, nothing more while the stream has yet to take what it was given, and no more at once than
 * lets be seen whether it takes any.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { SendBuffer } from '../core/data-transfer/send-buffer.js';
import { now } from './alarm.js';
import { toError } from './callbacks.js';
import { isPlainSocket, isSystemSocket } from './stream-kinds.js';

/** About as many octets make a flight at most. */
const MOST_AT_ONCE = 1_048_576;

/**
 * About as many octets make the first flight, and each flight while the peer is slow. How far a system
 * write has come cannot be seen from here, only that it is done: so a flight is to be small enough to be
 * taken in a short time even by a peer that takes little.
 */
const LEAST_AT_ONCE = 65_536;

/** A flight that is not taken within so many milliseconds tells of a slow peer. */
const BRISK = 100;

/**
 * A single piece of less than this many octets goes to a socket without a callback. Nearly always the
 * system takes it at once, and to hear so by a callback costs a turn of Node's own queue.
 */
const SMALL_FLIGHT = 16_384;

const NOTHING = Buffer.alloc(0);

/** The sending half of one stream. */
export class Sender {
  readonly #stream: Duplex;
  readonly #sendBuffer: SendBuffer;
  readonly #onTaken: () => void;
  readonly #tellsAtOnce: boolean;
  #inFlight = 0;
  #since = 0;
  /** When the flight was handed over. */
  #start = 0;
  /** What the stream had still to take of the flight when it was last looked at, in its own count. */
  #left = 0;
  /**
   * About as many octets make a flight. It doubles with each that was taken briskly, so that what a
   * system write may hide of a peer that turns out slow is no more than was taken just before.
   */
  #atOnce = LEAST_AT_ONCE;
  #ended = false;

  /** @param onTaken called when all that was handed over has been taken, at the earliest in `flush` */
  constructor(stream: Duplex, sendBuffer: SendBuffer, onTaken: () => void) {
    this.#stream = stream;
    this.#sendBuffer = sendBuffer;
    this.#onTaken = onTaken;
    this.#tellsAtOnce = isSystemSocket(stream);
    // Another stream may have passed on what it took as it is.
    sendBuffer.reportsSent = isPlainSocket(stream);
  }

  /** Octets handed to the stream and not yet taken by it. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * When octets in flight were handed to the stream, or when it was first seen that some of them had
   * been taken: a stream that is no socket takes a flight piece by piece.
   */
  get since(): number {
    const left = this.#stream.writableLength;
    if (left < this.#left) {
      this.#left = left;
      this.#since = now();
    }
    return this.#since;
  }

  /** Hands over what waits, unless the stream is busy or has ended. */
  flush(): void {
    if (this.#sendBuffer.length === 0 || this.#inFlight > 0) {
      return;
    }
    if (this.#ended || this.#stream.destroyed) {
      return;
    }
    try {
      this.#handOver();
    } catch (thrown) {
      // The `write` of a stream of the caller's own. Nobody up the stack could handle it.
      this.#stream.destroy(toError(thrown));
    }
  }

  #handOver(): void {
    const first = this.#sendBuffer.shift() ?? NOTHING;
    if (this.#sendBuffer.length > 0) {
      this.#writeMany(first);
    } else if (this.#tellsAtOnce && first.length < SMALL_FLIGHT) {
      this.#writeSmall(first);
    } else {
      this.#writeLast(first, first.length);
    }
  }

  /** True once {@link end} was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** FIN. Called once nothing waits. */
  end(): void {
    this.#ended = true;
    this.#stream.end();
  }

  #writeSmall(piece: Uint8Array): void {
    this.#stream.write(piece);
    if (this.#stream.writableLength === 0 && this.#stream.errored === null) {
      this.#taken();
    } else {
      // The system is full, or the peer is gone: a write of nothing is told of what came before it.
      this.#writeLast(NOTHING, piece.length);
    }
  }

  #writeMany(first: Uint8Array): void {
    let piece = first;
    let octets = first.length;
    this.#stream.cork();
    while (this.#sendBuffer.length > 0 && octets < this.#atOnce) {
      this.#stream.write(piece);
      piece = this.#sendBuffer.shift() ?? NOTHING;
      octets += piece.length;
    }
    this.#writeLast(piece, octets);
    this.#stream.uncork();
  }

  /** The last piece of a flight of so many octets. */
  #writeLast(piece: Uint8Array, octets: number): void {
    this.#inFlight = octets;
    this.#start = now();
    this.#since = this.#start;
    this.#stream.write(piece, this.#onWritten);
    this.#left = this.#stream.writableLength;
  }

  readonly #onWritten = (error?: Error | null): void => {
    const octets = this.#inFlight;
    this.#inFlight = 0;
    if (now() - this.#start >= BRISK) {
      this.#atOnce = LEAST_AT_ONCE;
    } else if (octets >= this.#atOnce) {
      this.#atOnce = Math.min(2 * this.#atOnce, MOST_AT_ONCE);
    }
    // Node tells of no error when it drops what a destroyed stream had still to write.
    if (!error && !this.#stream.destroyed) {
      this.#taken();
    }
  };

  #taken(): void {
    this.#sendBuffer.sent();
    this.#onTaken();
  }
}
