/**
 * Writes the contents of a send buffer to a byte stream, one batch after the other. A batch takes as few
 * writes as possible; the next one waits until the stream has taken it; and it is small enough that a peer
 * which takes nothing is noticed in time.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { SendBuffer } from '../../core/data-transfer/send-buffer.js';
import { toError } from '../callbacks.js';
import { now } from '../deadline-timer.js';
import { isPlainSocket, isSystemSocket } from './streams.js';

/** Largest batch, in octets; the last piece may exceed it. */
const MAX_BATCH = 1_048_576;

/**
 * Size of the first batch, and of each batch while the peer is slow, in octets. The progress of a system
 * write cannot be observed, only its end, so even a slow peer should take a batch in a short time.
 */
const MIN_BATCH = 65_536;

/** A peer that does not take a batch within so many milliseconds is slow. */
const SLOW_FROM = 100;

/**
 * A single piece of fewer octets than this is written to a socket without a callback. The system nearly
 * always takes it at once, and a callback would cost a pass through Node's own queue.
 */
const SMALL_BATCH = 16_384;

const NOTHING = Buffer.alloc(0);

/** Who is notified. */
export interface SenderUser {
  /** The stream has taken a batch. This may happen during {@link Sender.flush}. */
  onTaken(): void;
}

/** The sending half of one stream. */
export class Sender {
  /** Octets of the batch that the stream has not taken yet. Other classes only read it. */
  pending = 0;
  /**
   * A batch is being written. An observer of a TPDU that leaves may write meanwhile, or end the connection: that comes
   * behind the batch.
   */
  isBusy = false;
  /** Octets written to the stream so far. Other classes only read it. */
  written = 0;
  readonly #stream: Duplex;
  readonly #sendBuffer: SendBuffer;
  readonly #user: SenderUser;
  readonly #isSystemSocket: boolean;
  #since = 0;
  /** When the batch was written. */
  #start = 0;
  /** `writableLength` of the stream at the last look: if it is less now, the stream has made progress. */
  #lastWritableLength = 0;
  /**
   * Size of the next batch, in octets. It doubles after each full batch that was taken quickly, so a batch
   * that a slow peer holds up is at most twice the size of one that was just taken.
   */
  #batchSize = MIN_BATCH;
  #ended = false;
  /** Created for the first write that needs it: small writes do not. */
  #callback: ((error?: Error | null) => void) | undefined;

  constructor(stream: Duplex, sendBuffer: SendBuffer, user: SenderUser) {
    this.#stream = stream;
    this.#sendBuffer = sendBuffer;
    this.#user = user;
    this.#isSystemSocket = isSystemSocket(stream);
    // Only a plain socket has sent the octets when it calls back; another stream may still pass them on.
    sendBuffer.reportsSent = isPlainSocket(stream);
  }

  /**
   * When the batch was written, or when the last progress was noticed: a stream that is no socket takes a batch piece by
   * piece.
   */
  get since(): number {
    const left = this.#stream.writableLength;
    if (left < this.#lastWritableLength) {
      this.#lastWritableLength = left;
      this.#since = now();
    }
    return this.#since;
  }

  /** Writes what waits as one batch, unless the stream is busy or has ended. */
  flush(): void {
    if (this.#sendBuffer.length === 0 || this.pending > 0 || this.isBusy) {
      return;
    }
    if (this.#ended || this.#stream.destroyed) {
      return;
    }
    this.isBusy = true;
    const first = this.#sendBuffer.shift();
    // Nothing if all that waits is data, and the EA of an ED is due.
    if (first !== undefined) {
      this.pending = first.length;
      this.#write(first);
    }
    this.isBusy = false;
    if (first !== undefined && this.pending === 0 && !this.#stream.destroyed) {
      this.#taken();
    }
  }

  #write(first: Uint8Array): void {
    try {
      if (this.#sendBuffer.length > 0) {
        this.#writeMany(first);
      } else if (this.#isSystemSocket && first.length < SMALL_BATCH) {
        this.#writeSmall(first);
      } else {
        this.#writeLast(first, first.length);
      }
    } catch (thrown) {
      // `write` of the user's own stream has thrown. No caller could handle that.
      this.#stream.destroy(toError(thrown));
    }
  }

  /** True once {@link end} was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends FIN. Call it once nothing waits. */
  end(): void {
    this.#ended = true;
    this.#stream.end();
  }

  #writeSmall(piece: Uint8Array): void {
    this.written += piece.length;
    this.#stream.write(piece);
    if (this.#stream.writableLength === 0 && this.#stream.errored === null) {
      this.pending = 0;
    } else {
      // The system buffer is full, or the peer is gone. The callback of an empty write reports which.
      this.#writeLast(NOTHING, piece.length);
    }
  }

  #writeMany(first: Uint8Array): void {
    let piece = first;
    let octets = first.length;
    this.#stream.cork();
    while (octets < this.#batchSize) {
      const next = this.#sendBuffer.shift();
      if (next === undefined) {
        break;
      }
      this.written += piece.length;
      this.#stream.write(piece);
      piece = next;
      octets += piece.length;
      this.pending = octets;
    }
    this.#writeLast(piece, octets);
    this.#stream.uncork();
  }

  /** Writes the last piece of a batch of so many octets. */
  #writeLast(piece: Uint8Array, octets: number): void {
    this.pending = octets;
    this.#start = now();
    this.#since = this.#start;
    this.written += piece.length;
    this.#callback ??= (error) => this.#onWritten(error);
    this.#stream.write(piece, this.#callback);
    this.#lastWritableLength = this.#stream.writableLength;
  }

  #onWritten(error?: Error | null): void {
    const octets = this.pending;
    this.pending = 0;
    if (now() - this.#start >= SLOW_FROM) {
      this.#batchSize = MIN_BATCH;
    } else if (octets >= this.#batchSize && !this.#sendBuffer.mayBeOvertaken) {
      this.#batchSize = Math.min(2 * this.#batchSize, MAX_BATCH);
    }
    // Node passes no error for writes that it drops because the stream was destroyed.
    if (!error && !this.#stream.destroyed) {
      this.#taken();
    }
  }

  #taken(): void {
    this.#sendBuffer.sent();
    this.#user.onTaken();
  }
}
