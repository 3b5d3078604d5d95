/**
 * Timers: one for several deadlines that move often, and one for a single deadline. Knows milliseconds and
 * nothing else.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { performance } from 'node:perf_hooks';

/**
 * The clock of all times in this folder: monotonic, in whole milliseconds. V8 would allocate an object for
 * each fractional time that a connection stores.
 */
export function now(): number {
  return Math.floor(performance.now());
}

/**
 * Longest timer of Node that is used, in milliseconds. For a later deadline the timer fires early and is set
 * again. Most timers of a process then have the same length, and Node keeps those in one list; a connection
 * that opens and closes within this time needs a single one for all its deadlines.
 */
const LONGEST = 5_000;

/** A timer that fires at least so many milliseconds late shows that the event loop was blocked. */
const BLOCKED_FROM = 20;

/** Who is notified. An object, because a closure for each connection would take memory. */
export interface TimerUser {
  /** The deadline that was set last has passed. */
  onDeadline(): void;
}

/**
 * A timer that is set often and fires seldom. Moving the deadline later costs a comparison: the timer of
 * Node then fires early and is set again.
 *
 * Node runs timers before it polls sockets. A peer must not be blamed when the application blocks the event
 * loop, so this timer fires only after the sockets were polled twice (a socket is read one turn after it
 * connects). If the loop was blocked, it also waits for the length of the block once more, so that both sides
 * can answer what arrived meanwhile.
 */
export class DeadlineTimer {
  readonly #user: TimerUser;
  #timer: NodeJS.Timeout | undefined;
  #afterSockets: NodeJS.Immediate | undefined;
  /** The deadline that is set. */
  #wanted = Number.POSITIVE_INFINITY;
  /** When the timer of Node fires; negative infinity while only the polling of sockets is awaited. */
  #at = Number.POSITIVE_INFINITY;
  /** When the last block ended, and until when every deadline before that was extended. */
  #blockedUntil = Number.NEGATIVE_INFINITY;
  #grantedUntil = Number.NEGATIVE_INFINITY;
  #isRef = true;

  constructor(user: TimerUser) {
    this.#user = user;
  }

  /** Replaces the deadline; `Infinity` is never. */
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
   * When a deadline is due: later than `at` if the loop was blocked at that time. For owners that choose the
   * earliest of several deadlines.
   */
  due(at: number): number {
    return at <= this.#blockedUntil ? this.#grantedUntil : at;
  }

  /** Stops the timer until it is set again. */
  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#afterSockets);
    this.#timer = undefined;
    this.#afterSockets = undefined;
    this.#wanted = Number.POSITIVE_INFINITY;
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Whether the timer keeps the process alive, like `ref` and `unref` of `node:timers`. */
  set isRef(isRef: boolean) {
    this.#isRef = isRef;
    if (isRef) {
      this.#timer?.ref();
    } else {
      this.#timer?.unref();
    }
  }

  #start(wait: number): void {
    this.#timer = setTimeout(DeadlineTimer.#onTime, wait, this);
    if (!this.#isRef) {
      this.#timer.unref();
    }
  }

  // Functions of the class, which get the timer as an argument: three closures for each connection would
  // take as much memory as the timer itself.

  static #onTime(timer: DeadlineTimer): void {
    const time = now();
    const late = time - Math.max(timer.#at, timer.#wanted);
    timer.#timer = undefined;
    if (time < timer.#wanted) {
      timer.#again();
    } else if (late >= BLOCKED_FROM && timer.#wanted !== timer.#grantedUntil) {
      // Only once: a loop that is always busy must not postpone deadlines for ever.
      timer.#blockedUntil = time;
      timer.#grantedUntil = time + late;
      timer.#wanted = timer.#grantedUntil;
      timer.#again();
    } else {
      timer.#at = Number.NEGATIVE_INFINITY;
      timer.#afterSockets = setImmediate(DeadlineTimer.#onSocketsSeen, timer);
    }
  }

  static #onSocketsSeen(timer: DeadlineTimer): void {
    timer.#afterSockets = setImmediate(DeadlineTimer.#onSocketsRead, timer);
  }

  /** Octets that were received meanwhile may have moved the deadline. */
  static #onSocketsRead(timer: DeadlineTimer): void {
    timer.#afterSockets = undefined;
    if (now() < timer.#wanted) {
      timer.#again();
      return;
    }
    timer.#at = Number.POSITIVE_INFINITY;
    timer.#wanted = Number.POSITIVE_INFINITY;
    timer.#user.onDeadline();
  }

  #again(): void {
    this.#at = Number.POSITIVE_INFINITY;
    this.set(this.#wanted);
  }
}

/**
 * Calls `act` once, after so many milliseconds, on a {@link DeadlineTimer}: time in which the application
 * blocks the event loop does not count.
 *
 * @returns stops the timer; does nothing after it has fired
 */
export function startTimeout(milliseconds: number, act: () => void): () => void {
  const end = now() + milliseconds;
  const timer = new DeadlineTimer({
    onDeadline: () => {
      // The timer may fire early.
      if (now() < end) {
        timer.set(end);
      } else {
        act();
      }
    },
  });
  timer.set(end);
  return () => timer.clear();
}
