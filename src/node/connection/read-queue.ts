/**
 * Received messages and pending calls of `read`, matched in order. Knows nothing of the stream.
 */
import type { Message, MessageReceiver } from '../../core/engine.js';
import { Fifo } from '../../core/fifo.js';
import { cancellable } from '../waiting.js';
import type { ExpeditedQueue, QueueUser } from './expedited-queue.js';

/**
 * Octets of memory that a queued message uses beside its own: the view and its place in the queue, measured as 112.
 * They count, so that a flood of one-octet messages reaches the mark too.
 */
export const MESSAGE_OVERHEAD = 128;

/**
 * Octets of memory that a chunk uses beside its own while a message of it waits: objects of JavaScript and of the
 * system, measured as 420. They count, so that messages which come one by one reach the mark too.
 */
export const CHUNK_OVERHEAD = 448;

/** The memory of a chunk beside its messages. It is in use until the last message of the chunk was read. */
interface Excess {
  /** It is released when so many messages have been given to the user. */
  readonly until: number;
  readonly octets: number;
}

/** The result of one step of `for await`. */
export type Step = IteratorResult<Buffer, undefined>;

/** A pending call: of `read`, or of `next`. */
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
  /** Messages that were given to the user. Other classes only read it. */
  given = 0;
  /** Notified when a message was taken, as {@link watchBelow} says. Set once. */
  user: QueueUser | undefined;
  /** `user` is notified when a message was taken and less than so many octets are {@link held} then. */
  watchBelow = 0;
  readonly #messages = new Fifo<Buffer>();
  readonly #waiting = new Fifo<Waiting>();
  /** Exists if expedited data was agreed on. */
  readonly #expedited: ExpeditedQueue | undefined;
  /** How many messages wait. A field, so that the hot path need not ask the queue. */
  #count = 0;
  #octets = 0;
  /** Octets of the messages that arrived since the last chunk ended. */
  #octetsOfChunk = 0;
  /** Created for the first one; most queues never have one. */
  #excesses: Fifo<Excess> | undefined;
  #isClosed = false;
  #ending: ReadEnd | undefined;

  /** @param expedited gets the expedited data; what waits there counts in {@link held} */
  constructor(expedited?: ExpeditedQueue) {
    this.#expedited = expedited;
  }

  /** True when no message waits. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** True while a call of {@link read} or {@link next} waits, or one of `readExpedited`. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0 || this.#expedited?.isAwaited === true;
  }

  /** True when neither messages nor expedited data wait. */
  get holdsNone(): boolean {
    return this.#count === 0 && (this.#expedited === undefined || this.#expedited.isEmpty);
  }

  /** Octets of the messages that wait. Counted on request: only few connections are asked. */
  get length(): number {
    let octets = 0;
    for (const message of this.#messages) {
      octets += message.length;
    }
    return octets;
  }

  /** About how many octets of memory the waiting messages and expedited data use. */
  get held(): number {
    return this.#expedited === undefined ? this.#octets : this.#octets + this.#expedited.held;
  }

  onExpedited(data: Uint8Array): void {
    // The engine allocates Buffers.
    this.#expedited?.push(data as Buffer);
  }

  /** Gives a message to the call that has waited longest, or keeps it. */
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
    if (this.#isClosed) {
      return;
    }
    this.#messages.push(message);
    this.#count += 1;
    this.#octetsOfChunk += message.length;
    this.#octets += message.length + MESSAGE_OVERHEAD;
  }

  /**
   * All messages of a chunk of so many octets have arrived. Each message keeps the whole chunk in memory, so the rest of
   * the chunk counts too: a peer may fill it with TPDUs without data. Now that the engine is not in the middle of the
   * chunk, expedited data goes to the callback of the user.
   *
   * @param copied octets of messages that were copied, so that they are not in the chunk
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
   * Takes the next message. Rejects if none waits and the queue has ended.
   *
   * @param signal cancels the call: it rejects with the reason of the signal, and takes no message
   */
  read(signal?: AbortSignal): Promise<Buffer> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    if (this.#count > 0) {
      return Promise.resolve(this.#take());
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

  /** The same as a step of an iteration. It ends without an error if the queue has ended so. */
  next(): Promise<Step> {
    if (this.#count > 0) {
      return Promise.resolve({ done: false, value: this.#take() });
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

  /**
   * Gives everything that waits to another receiver, which gets all that comes later: expedited data first, because it
   * may overtake messages.
   *
   * @param ending how later calls end, whatever ends the connection
   */
  passTo(receiver: MessageReceiver, ending: ReadEnd): void {
    this.#ending = ending;
    this.#expedited?.end(ending.reason);
    this.#expedited?.passTo((data) => {
      receiver.onExpedited(data);
      return true;
    });
    while (this.#count > 0) {
      receiver.onMessage(this.#take());
    }
  }

  /** Drops the waiting messages, and all that may still come. */
  close(): void {
    this.#isClosed = true;
    this.#expedited?.close();
    this.#messages.clear();
    this.#excesses = undefined;
    this.#count = 0;
    this.#octets = 0;
  }

  /** Takes the next message out. At least one must wait. */
  #take(): Buffer {
    const message = this.#messages.shift() as Buffer;
    this.#count -= 1;
    this.given += 1;
    this.#release(message.length + MESSAGE_OVERHEAD);
    if (this.held < this.watchBelow) {
      this.user?.taken();
    }
    return message;
  }

  #release(octets: number): void {
    if (this.#count === 0) {
      // Exactly 0, even if the length of a message has changed: its memory may have been transferred to other code.
      this.#octets = 0;
      this.#excesses = undefined;
      return;
    }
    this.#octets -= octets;
    if (this.#excesses !== undefined) {
      this.#releaseExcess(this.#excesses);
    }
  }

  #releaseExcess(excesses: Fifo<Excess>): void {
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
