/**
 * One timer for many deadlines that move often. Knows milliseconds and nothing else.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { performance } from 'node:perf_hooks';

/**
 * The clock that all times in this folder are of: monotonic, in whole milliseconds. A fraction would
 * be an object of its own in memory, for each time that a connection remembers.
 */
export function now(): number {
  return Math.floor(performance.now());
}

/**
 * Longest time of a timer, in milliseconds. One for a later time rings early and is set again: so most
 * timers of a process are of one length, which Node keeps in one list, and a connection that opens and
 * closes within this time needs one and not one for each of its deadlines.
 */
const LONGEST = 5_000;

/**
 * A timer that is set often and rings seldom. Moving the time later costs a comparison: the timer
 * then rings early, and whoever is called says when to ring next.
 */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer rings. */
  #at = Number.POSITIVE_INFINITY;

  /** @param ring called at or before the time that was set; it calls `set` again if need be */
  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `at` at the latest; `Infinity` is never. */
  set(at: number): void {
    if (at < this.#at) {
      const time = now();
      const wait = Math.min(Math.max(1, at - time), LONGEST);
      clearTimeout(this.#timer);
      this.#at = Math.min(at, time + wait);
      this.#timer = setTimeout(this.#onTime, wait);
    }
  }

  /** Never rings again unless set again. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Made once: a function made in `set` would cost every call of it, whether a timer starts or not. */
  readonly #onTime = (): void => {
    this.#at = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    this.#ring();
  };
}
