/**
 * Backpressure of one connection: pauses reading while too much waits to be read, here or in all connections of the
 * server together. Knows no protocol.
 */
import type { Engine } from '../../core/engine.js';
import type { TsduTooLargeError } from '../../core/errors.js';
import type { Driver } from '../stream/driver.js';
import type { QueueUser } from './expedited-queue.js';
import type { ReadQueue } from './read-queue.js';
import type { ReceiveBudget, ReceiveHolder, ReceiveShare } from './receive-budget.js';

/**
 * So many octets more are read while the user waits for `drain` and an EA is due: no data leaves before the EA, which comes
 * behind what the system has buffered of the peer's data.
 */
const EA_SURPLUS = 16_777_216;

/** The share of a connection in the receive budget is reduced in steps of so many octets read. */
const SHARE_STEP = 32_768;

/** Counts what one connection holds, and pauses and resumes its driver. */
export class ReadLimits implements ReceiveHolder, QueueUser {
  readonly #driver: Driver;
  readonly #engine: Engine;
  readonly #queue: ReadQueue;
  readonly #readHighWaterMark: number;
  /** What this connection uses of the budget of its server; a client has none. */
  readonly #share: ReceiveShare | undefined;
  /** Octets that the engine had copied when the last chunk ended. */
  #copied = 0;
  /** Reading was paused here, and not resumed since. */
  #hasPaused = false;
  /** The last count was not 0. */
  #holdsAny = false;
  /** A relay cannot pass on more for now. */
  #isHeld = false;

  constructor(
    driver: Driver,
    engine: Engine,
    queue: ReadQueue,
    readHighWaterMark: number,
    budget: ReceiveBudget | undefined,
  ) {
    this.#driver = driver;
    this.#engine = engine;
    this.#queue = queue;
    this.#readHighWaterMark = readHighWaterMark;
    this.#share = budget?.share(this);
  }

  /** All messages of a chunk of so many octets are in the queue, or were read. */
  chunkEnded(length: number): void {
    const { copied, hasUnfinished } = this.#engine;
    const queue = this.#queue;
    const isRead = queue.holdsNone;
    if (!isRead) {
      queue.endChunk(length, copied - this.#copied);
    }
    this.#copied = copied;
    // A reader that keeps up, and a message that is complete, leave nothing to count.
    if (!isRead || hasUnfinished || this.#holdsAny) {
      this.#count();
    }
    if (!isRead || this.#hasPaused) {
      this.#update();
    }
  }

  /** The user has taken what waited. */
  taken(): void {
    this.#count();
    this.#update();
  }

  /** Pauses reading until {@link release}, however little waits here: a relay cannot pass on more. */
  hold(): void {
    this.#isHeld = true;
    this.#update();
  }

  /** Undoes {@link hold}. */
  release(): void {
    this.#isHeld = false;
    this.#update();
  }

  /** The connection is closed. */
  close(): void {
    this.#share?.close();
  }

  onPauseChange(): void {
    this.#update();
  }

  compact(): number {
    this.#engine.compact();
    return this.#engine.pinned;
  }

  onLimit(error: TsduTooLargeError): void {
    this.#driver.command((time) => this.#engine.exceedLimit(error, time));
  }

  #count(): void {
    const { held } = this.#queue;
    const { pinned } = this.#engine;
    this.#holdsAny = held + pinned > 0;
    this.#share?.hold(held, pinned);
  }

  #update(): void {
    const queue = this.#queue;
    const awaitsEa = this.#engine.sendBuffer.isAckDue && this.#driver.awaitsPeer;
    const isFull = queue.held >= this.#readHighWaterMark + (awaitsEa ? EA_SURPLUS : 0);
    this.#hasPaused = isFull || this.#isHeld || this.#share?.mustPause === true;
    if (this.#hasPaused) {
      this.#driver.pauseReading();
    } else {
      this.#driver.resumeReading();
    }
    // The queue calls `taken` below this mark, not after each message: most messages change nothing.
    const least = this.#share?.isCharged ? Math.max(1, queue.held - SHARE_STEP) : 0;
    queue.watchBelow = isFull ? Math.max(least, this.#readHighWaterMark) : least;
  }
}
