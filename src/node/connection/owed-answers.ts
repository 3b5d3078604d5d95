/**
 * After the FIN of the peer: whether the user may still owe it an answer, and for how long the connection waits for one.
 */
import { DeadlineTimer, now } from '../deadline-timer.js';
import type { ReadQueue } from './read-queue.js';

/**
 * The connection stays open while the user may owe an answer, and closes after so many milliseconds in which the
 * user neither reads nor writes.
 */
const GRACE = 500;

/** The answers that the user of one connection owes. Created when the FIN of the peer has come. */
export class OwedAnswers {
  readonly #queue: ReadQueue;
  readonly #milliseconds: number;
  readonly #onTimeout: () => void;
  /** Created for the first wait: most connections close at once. */
  #timer: DeadlineTimer | undefined;

  /**
   * @param closeTimeout milliseconds; a shorter one than the grace time counts instead
   * @param onTimeout called when the user has neither read nor written for that time
   */
  constructor(queue: ReadQueue, closeTimeout: number, onTimeout: () => void) {
    this.#queue = queue;
    this.#milliseconds = Math.min(GRACE, closeTimeout);
    this.#onTimeout = onTimeout;
  }

  /**
   * False once the user has read everything and has written at least as many messages as it has read.
   *
   * @param written messages that the user has written
   */
  areDue(written: number): boolean {
    return !this.#queue.isEmpty || this.#queue.given > written;
  }

  /** Starts the time for an answer, again if it runs. It does not run while messages wait to be read. */
  wait(): void {
    if (this.#queue.isEmpty) {
      this.#timer ??= new DeadlineTimer({ onDeadline: this.#onTimeout });
      this.#timer.clear();
      this.#timer.set(now() + this.#milliseconds);
    }
  }

  /** No answer is expected any more. */
  stop(): void {
    this.#timer?.clear();
  }
}
