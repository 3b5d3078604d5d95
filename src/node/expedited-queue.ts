/**
 * Expedited data that has arrived: it waits for `readExpedited`, or is passed to the callback of the user. Knows
 * nothing of the stream beneath.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import { Fifo } from '../core/fifo.js';
import { WaitingCalls } from './waiting.js';

/** What an item costs beside its octets while it waits. */
export const EXPEDITED_OVERHEAD = 128;

/** A small Buffer shares its memory with others; one that waits must keep alive no more than its octets. */
function ownCopy(data: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(data.length);
  copy.set(data);
  return copy;
}

/** The expedited data of one connection. */
export class ExpeditedQueue {
  /** Octets of memory that the items which wait keep, about. */
  held = 0;
  /** Called when items were taken. */
  onTaken: () => void = () => {};
  readonly #items = new Fifo<Buffer>();
  /** Made for the first call that waits. */
  #waiting: WaitingCalls<Buffer> | undefined;
  /** Passes one item to the user; `false` to get no more of them. */
  #callback: ((data: Buffer) => boolean) | undefined;
  #takesNone = false;
  /** Creates the error that reads reject with, once nothing more arrives. */
  #reason: (() => Error) | undefined;

  /** True when nothing waits. */
  get isEmpty(): boolean {
    return this.held === 0;
  }

  /** Puts in an item, or gives it to the call that has waited longest. Called in the middle of a chunk. */
  push(data: Buffer): void {
    const isTaken = this.#waiting?.resolveFirst(data) === true;
    if (!isTaken && !this.#takesNone) {
      this.#items.push(ownCopy(data));
      this.held += data.length + EXPEDITED_OVERHEAD;
    }
  }

  /** From now on the callback gets each item, those that wait included. */
  passTo(callback: (data: Buffer) => boolean): void {
    this.#callback = callback;
    this.deliver();
    this.onTaken();
  }

  /** Passes what waits to the callback, if there is one. To be called when a chunk was processed. */
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
   * The next item; a promise that rejects once nothing more arrives and none waits.
   *
   * @param signal cancels the call: it rejects with the reason of the signal, and takes no item
   */
  read(signal?: AbortSignal): Promise<Buffer> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const data = this.#take();
    if (data !== undefined) {
      this.onTaken();
      return Promise.resolve(data);
    }
    if (this.#reason !== undefined) {
      return Promise.reject(this.#reason());
    }
    this.#waiting ??= new WaitingCalls();
    return this.#waiting.wait(signal);
  }

  /** Nothing more will arrive: reads that wait reject, and so do later ones once the queue is empty. */
  end(reason: () => Error): void {
    this.#reason ??= reason;
    if (this.#waiting?.isEmpty === false) {
      this.#waiting.rejectAll(this.#reason());
    }
  }

  /** Drops what waits, and whatever may still come. */
  close(): void {
    this.#takesNone = true;
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
