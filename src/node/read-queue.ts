/**
 * Messages that have arrived and calls of `read` that wait, matched in order. Knows nothing of the
 * stream beneath; it says when that should rest.
 */
import { Fifo } from './fifo.js';

/**
 * What a queued message costs beside its octets: the view, its place in the queue, its share of the
 * chunk. Counted so that a flood of one-octet messages meets the mark as well.
 */
const MESSAGE_OVERHEAD = 128;

interface Reader {
  readonly resolve: (message: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** The queue of one connection. */
export class ReadQueue {
  readonly #messages = new Fifo<Buffer>();
  readonly #readers = new Fifo<Reader>();
  readonly #highWaterMark: number;
  readonly #onRoom: () => void;
  #octets = 0;
  #full = false;
  #reason: (() => Error) | undefined;

  /** @param onRoom called when a queue that was full is below its mark again */
  constructor(highWaterMark: number, onRoom: () => void) {
    this.#highWaterMark = highWaterMark;
    this.#onRoom = onRoom;
  }

  /** True when no message waits. */
  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** True while a call of `read` waits. */
  get hasReader(): boolean {
    return this.#readers.length > 0;
  }

  /** Puts in a message. Gives `false` when the queue is full now: nothing more should come. */
  push(message: Buffer): boolean {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve(message);
      return true;
    }
    this.#messages.push(message);
    this.#octets += message.length + MESSAGE_OVERHEAD;
    this.#full ||= this.#octets >= this.#highWaterMark;
    return !this.#full;
  }

  /** The next message; a promise that rejects once the queue has ended and is empty. */
  read(): Promise<Buffer> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#octets -= message.length + MESSAGE_OVERHEAD;
      if (this.#full && this.#octets < this.#highWaterMark) {
        this.#full = false;
        this.#onRoom();
      }
      return Promise.resolve(message);
    }
    if (this.#reason !== undefined) {
      return Promise.reject(this.#reason());
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  /**
   * Nothing more will come: reads reject once the queue is empty, with what `reason` gives then. The
   * first one counts.
   */
  end(reason: () => Error): void {
    this.#reason ??= reason;
    for (let reader = this.#readers.shift(); reader; reader = this.#readers.shift()) {
      reader.reject(this.#reason());
    }
  }

  /** Drops what waits. */
  clear(): void {
    this.#messages.clear();
    this.#octets = 0;
    this.#full = false;
  }
}
