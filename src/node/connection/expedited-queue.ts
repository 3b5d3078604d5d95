/**
 * Received expedited data. It waits for `readExpedited`, or goes to the callback of the user. Knows nothing of the
 * stream.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import { Fifo } from '../../core/fifo.js';
import { WaitingCalls } from '../waiting.js';

/** Octets of memory that an item uses beside its own while it waits. */
export const EXPEDITED_OVERHEAD = 128;

/** Who is notified when the user takes what waits. An object, because a closure for each connection would take memory. */
export interface QueueUser {
  taken(): void;
}

/** A copy in memory of its own: a small Buffer shares memory with others, and would keep all of it alive. */
function ownCopy(data: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(data.length);
  copy.set(data);
  return copy;
}

/** The expedited data of one connection. */
export class ExpeditedQueue {
  /** About how many octets of memory the waiting items use. */
  held = 0;
  /** Notified when items were taken. Set once. */
  user: QueueUser | undefined;
  readonly #items = new Fifo<Buffer>();
  /** Created for the first call that waits. */
  #waiting: WaitingCalls<Buffer> | undefined;
  /** Passes one item to the user; returns `false` to get no more. */
  #callback: ((data: Buffer) => boolean) | undefined;
  #isClosed = false;
  /** Creates the error that reads reject with, once nothing more arrives. */
  #reason: (() => Error) | undefined;

  /** True when nothing waits. */
  get isEmpty(): boolean {
    return this.held === 0;
  }

  /** True while a call of {@link read} waits. */
  get isAwaited(): boolean {
    return this.#waiting?.isEmpty === false;
  }

  /**
   * Gives an item to the call that has waited longest, or keeps it. The engine calls this in the middle of a chunk, so it
   * must not run code of the user.
   */
  push(data: Buffer): void {
    const isTaken = this.#waiting?.resolveFirst(data) === true;
    if (!isTaken && !this.#isClosed) {
      this.#items.push(ownCopy(data));
      this.held += data.length + EXPEDITED_OVERHEAD;
    }
  }

  /** Sets the callback, which gets each item from now on, including those that wait. */
  passTo(callback: (data: Buffer) => boolean): void {
    this.#callback = callback;
    this.deliver();
    this.user?.taken();
  }

  /** Passes the waiting items to the callback, if there is one. To be called at the end of a chunk. */
  deliver(): void {
    if (this.#callback === undefined || this.held === 0) {
      return;
    }
    for (let data = this.#take(); data !== undefined; data = this.#take()) {
      if (!this.#callback(data)) {
        this.close();
      }
    }
  }

  /**
   * Takes the next item. Rejects if none waits and nothing more will arrive.
   *
   * @param signal cancels the call: it rejects with the reason of the signal, and takes no item
   */
  read(signal?: AbortSignal): Promise<Buffer> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const data = this.#take();
    if (data !== undefined) {
      this.user?.taken();
      return Promise.resolve(data);
    }
    if (this.#reason !== undefined) {
      return Promise.reject(this.#reason());
    }
    this.#waiting ??= new WaitingCalls();
    return this.#waiting.wait(signal);
  }

  /** Nothing more will arrive: pending reads reject, and later ones too once the queue is empty. */
  end(reason: () => Error): void {
    this.#reason ??= reason;
    if (this.#waiting?.isEmpty === false) {
      this.#waiting.rejectAll(this.#reason());
    }
  }

  /** Drops the waiting items, and all that may still come. */
  close(): void {
    this.#isClosed = true;
    this.#items.clear();
    this.held = 0;
  }

  #take(): Buffer | undefined {
    const data = this.#items.shift();
    if (data !== undefined) {
      this.held -= data.length + EXPEDITED_OVERHEAD;
    }
    return data;
  }
}
