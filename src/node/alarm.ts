/**
 * One timer for many deadlines that move often. Knows milliseconds and nothing else.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { performance } from 'node:perf_hooks';

/**
 * The clock of all times in this folder: monotonic, in whole milliseconds. A fraction would be an object
 * of its own in memory, for each time that a connection remembers.
 */
export function now(): number {
  return Math.floor(performance.now());
}

/**
 * Longest time of a timer, in milliseconds. One for a later time runs out early and is set again: so most
 * timers of a process are of one length, which Node keeps in one list, and a connection that opens and
 * closes within this time needs one and not one for each of its deadlines.
 */
const LONGEST = 5_000;

/** A timer that runs out so many milliseconds late, or later, shows that the event loop was blocked. */
const BLOCKED_FROM = 20;

/**
 * A timer that is set often and rings seldom. To move the time later costs a comparison: the timer of Node
 * then runs out early, and is set again.
 *
 * Node runs timers before it looks at sockets. So that no peer pays for an application that blocked the
 * event loop, the timer rings only after the sockets were looked at twice: a socket is read one turn after it
 * was seen to be connected. And where the loop was blocked, it rings only after as much time again, in which
 * both sides can answer what came meanwhile.
 */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #afterSockets: NodeJS.Immediate | undefined;
  /** When it is to ring. */
  #wanted = Number.POSITIVE_INFINITY;
  /** When the timer of Node runs out; before all times while the ring only waits for the sockets. */
  #at = Number.POSITIVE_INFINITY;
  /** What was due by the first of these times, when a block ended, is due at the second one. */
  #blockedUntil = Number.NEGATIVE_INFINITY;
  #grantedUntil = Number.NEGATIVE_INFINITY;
  #isRef = true;

  /** @param ring called once the time that was set last has come */
  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `at`, and no more at any time that was set before; `Infinity` is never. */
  set(at: number): void {
    this.#wanted = at;
    if (at < this.#at) {
      const time = now();
      const wait = Math.min(Math.max(1, at - time), LONGEST);
      clearTimeout(this.#timer);
      this.#at = time + wait;
      this.#start(wait);
    }
  }

  /**
   * When a time is due, which is later where the loop was blocked when it came: for owners that choose the
   * first of several times.
   */
  due(at: number): number {
    return at <= this.#blockedUntil ? this.#grantedUntil : at;
  }

  /** Never rings again unless set again. */
  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#afterSockets);
    this.#timer = undefined;
    this.#afterSockets = undefined;
    this.#wanted = Number.POSITIVE_INFINITY;
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Whether the timer keeps the process alive, as that of `node:timers`. */
  set isRef(isRef: boolean) {
    this.#isRef = isRef;
    if (isRef) {
      this.#timer?.ref();
    } else {
      this.#timer?.unref();
    }
  }

  #start(wait: number): void {
    this.#timer = setTimeout(this.#onTime, wait);
    if (!this.#isRef) {
      this.#timer.unref();
    }
  }

  /** Made once: a function made in `set` would cost every call of it, whether a timer starts or not. */
  readonly #onTime = (): void => {
    const time = now();
    const late = time - Math.max(this.#at, this.#wanted);
    this.#timer = undefined;
    if (time < this.#wanted) {
      this.#again();
    } else if (late >= BLOCKED_FROM && this.#wanted !== this.#grantedUntil) {
      // Once: a loop that is busy all the time must not put everything off for ever.
      this.#blockedUntil = time;
      this.#grantedUntil = time + late;
      this.#wanted = this.#grantedUntil;
      this.#again();
    } else {
      this.#at = Number.NEGATIVE_INFINITY;
      this.#afterSockets = setImmediate(this.#onSocketsSeen);
    }
  };

  readonly #onSocketsSeen = (): void => {
    this.#afterSockets = setImmediate(this.#onSocketsRead);
  };

  /** Octets that were found meanwhile may have moved the time. */
  readonly #onSocketsRead = (): void => {
    this.#afterSockets = undefined;
    if (now() < this.#wanted) {
      this.#again();
      return;
    }
    this.#at = Number.POSITIVE_INFINITY;
    this.#wanted = Number.POSITIVE_INFINITY;
    this.#ring();
  };

  #again(): void {
    this.#at = Number.POSITIVE_INFINITY;
    this.set(this.#wanted);
  }
}
