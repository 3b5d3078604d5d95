/**
 * Messages that have arrived and calls of `read` that wait, matched in order. Knows nothing of the
 * stream beneath.
 */
import type { Message, MessageReceiver } from '../core/engine.js';
import { Fifo } from '../core/fifo.js';
import type { ExpeditedQueue } from './expedited-queue.js';
import { cancellable } from './waiting.js';

/**
 * What a queued message costs beside its octets: the view and its place in the queue, 112 octets as
 * measured. Counted so that a flood of one-octet messages meets the mark as well.
 */
export const MESSAGE_OVERHEAD = 128;

/**
 * What a chunk costs beside its octets as long as a message of it waits: objects of JavaScript and of the
 * system below, 420 octets as measured. Counted so that messages which come one by one meet the mark too.
 */
export const CHUNK_OVERHEAD = 448;

/** What of a chunk is in memory beside the messages in it, as long as one of them waits. */
interface Excess {
  /** How many messages are given to the user once it is let go. */
  readonly until: number;
  readonly octets: number;
}

/** What a step of `for await` gives. */
export type Step = IteratorResult<Buffer, undefined>;

/** A call that waits: of `read`, or of `next`. */
type Waiting =
  | { readonly isNext: false; resolve(message: Buffer): void; reject(error: Error): void }
  | { readonly isNext: true; resolve(step: Step): void; reject(error: Error): void };

/** How a queue ends. */
export interface ReadEnd {
  /** Creates the error that reads reject with; called only if one does. */
  reason(): Error;
  /** Whether iteration just ends, and does not throw. */
  readonly isQuiet: boolean;
}

const DONE: Step = { done: true, value: undefined };

/** The queue of one connection. */
export class ReadQueue implements MessageReceiver {
  /** Messages that were given to the user; others only read it. */
  given = 0;
  /** `onTaken` is called for a message after which less than so many octets are held. */
  watchBelow = 0;
  readonly #messages = new Fifo<Buffer>();
  readonly #waiting = new Fifo<Waiting>();
  readonly #onTaken: () => void;
  /** Most connections have none. */
  readonly #expedited: ExpeditedQueue | undefined;
  /** How many messages wait: known without a look at them. */
  #count = 0;
  #octets = 0;
  /** Octets of the messages that were put in since the last chunk ended. */
  #octetsOfChunk = 0;
  /** Most queues never have one. */
  #excesses: Fifo<Excess> | undefined;
  #takesNone = false;
  #ending: ReadEnd | undefined;

  /**
   * @param onTaken called when a message that waited was taken, as {@link watchBelow} says
   * @param expedited gets the expedited data; what waits there is {@link held} here
   */
  constructor(onTaken: () => void, expedited?: ExpeditedQueue) {
    this.#onTaken = onTaken;
    this.#expedited = expedited;
  }

  /** True when no message waits. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** True when neither messages nor expedited data wait. */
  get holdsNone(): boolean {
    return this.#count === 0 && (this.#expedited === undefined || this.#expedited.isEmpty);
  }

  /** Octets of memory that the messages and the expedited data which wait keep, about. */
  get held(): number {
    return this.#expedited === undefined ? this.#octets : this.#octets + this.#expedited.held;
  }

  onExpedited(data: Uint8Array): void {
    // The engine allocates Buffers.
    this.#expedited?.push(data as Buffer);
  }

  /** Puts in a message, or gives it to the call that has waited longest. */
  onMessage(received: Message): void {
    // The driver gives the engine Buffers, and the engine allocates Buffers.
    const message = received as Buffer;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.given += 1;
      if (waiting.isNext) {
        waiting.resolve({ done: false, value: message });
      } else {
        waiting.resolve(message);
      }
      return;
    }
    if (this.#takesNone) {
      return;
    }
    this.#messages.push(message);
    this.#count += 1;
    this.#octetsOfChunk += message.length;
    this.#octets += message.length + MESSAGE_OVERHEAD;
  }

  /**
   * The messages of a chunk of so many octets have been put in. One of them keeps all of it in memory,
   * so what is in it beside them counts too: a peer may fill a chunk with TPDUs that carry nothing. Expedited data
   * is passed to the callback of the user now, for nothing is in the middle of the chunk any more.
   *
   * @param copied octets of messages that were copied out of it and do not lie in it
   */
  endChunk(length: number, copied = 0): void {
    const excess = length + CHUNK_OVERHEAD - Math.max(0, this.#octetsOfChunk - copied);
    const holdsSome = this.#octetsOfChunk > 0 && this.#count > 0;
    this.#octetsOfChunk = 0;
    if (holdsSome && excess > 0) {
      this.#excesses ??= new Fifo();
      this.#excesses.push({ until: this.given + this.#count, octets: excess });
      this.#octets += excess;
    }
    this.#expedited?.deliver();
  }

  /**
   * The next message; a promise that rejects once the queue has ended and is empty.
   *
   * @param signal gives the call up: it rejects with the reason of the signal, and takes no message
   */
  read(signal?: AbortSignal): Promise<Buffer> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const message = this.#take();
    if (message !== undefined) {
      return Promise.resolve(message);
    }
    if (this.#ending !== undefined) {
      return Promise.reject(this.#ending.reason());
    }
    if (signal !== undefined) {
      return this.#readUntil(signal);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ isNext: false, resolve, reject });
    });
  }

  #readUntil(signal: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const remove = () => this.#waiting.remove(waiting);
      const settlers = cancellable<Buffer>({ resolve, reject }, signal, remove);
      const waiting: Waiting = { isNext: false, ...settlers };
      this.#waiting.push(waiting);
    });
  }

  /** The same as a step of an iteration, which ends quietly where the queue does. */
  next(): Promise<Step> {
    const message = this.#take();
    if (message !== undefined) {
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#ending === undefined) {
      return new Promise((resolve, reject) => {
        this.#waiting.push({ isNext: true, resolve, reject });
      });
    }
    return this.#ending.isQuiet ? Promise.resolve(DONE) : Promise.reject(this.#ending.reason());
  }

  /** No more messages will arrive: pending reads end, and so do later ones once the queue is empty. */
  end(ending: ReadEnd): void {
    this.#ending ??= ending;
    const { isQuiet, reason } = this.#ending;
    this.#expedited?.end(reason);
    for (let waiting = this.#waiting.shift(); waiting; waiting = this.#waiting.shift()) {
      if (waiting.isNext && isQuiet) {
        waiting.resolve(DONE);
      } else {
        waiting.reject(reason());
      }
    }
  }

  /** Drops what waits, and whatever may still come. */
  close(): void {
    this.#takesNone = true;
    this.#expedited?.close();
    this.#messages.clear();
    this.#excesses = undefined;
    this.#count = 0;
    this.#octets = 0;
  }

  #take(): Buffer | undefined {
    if (this.#count === 0) {
      return undefined;
    }
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#count -= 1;
      this.given += 1;
      this.#letGo(message.length + MESSAGE_OVERHEAD);
      if (this.held < this.watchBelow) {
        this.#onTaken();
      }
    }
    return message;
  }

  #letGo(octets: number): void {
    if (this.#count === 0) {
      // A message whose memory its owner gave away meanwhile had no length any more.
      this.#octets = 0;
      this.#excesses = undefined;
      return;
    }
    this.#octets -= octets;
    if (this.#excesses !== undefined) {
      this.#letGoExcess(this.#excesses);
    }
  }

  #letGoExcess(excesses: Fifo<Excess>): void {
    const excess = excesses.first;
    if (excess?.until === this.given) {
      this.#octets -= excess.octets;
      excesses.shift();
    }
  }
}

/** Iterates over messages. An async generator would create extra promises for each one. */
export class MessageIterator implements AsyncIterableIterator<Buffer, undefined> {
  readonly next: () => Promise<Step>;

  constructor(next: () => Promise<Step>) {
    this.next = next;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
