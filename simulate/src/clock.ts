/**
 * Simulated time, and events outside the process: octets arrive, peers act. Such events run while time
 * passes, even if the event loop is blocked.
 */

interface OutsideEvent {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Blocks with less time between them, in milliseconds, are one. */
const ONE_BLOCK = 1;

/** The clock of one world, in milliseconds. */
export class Clock {
  /** True while the loop is blocked. */
  isBlocking = false;
  #now = 0;
  #blocked = 0;
  #lastBlock = { ended: Number.NEGATIVE_INFINITY, length: 0 };
  #ran = 0;
  #order = 0;
  /** A binary heap, the earliest first. */
  readonly #events: OutsideEvent[] = [];

  get now(): number {
    return this.#now;
  }

  /** Total time for which the event loop was blocked, in milliseconds. */
  get blocked(): number {
    return this.#blocked;
  }

  /**
   * The same without a block that ended less than its length ago: timers that it has delayed still grant as much time
   * again.
   */
  get blockedLongAgo(): number {
    const { ended, length } = this.#lastBlock;
    return this.now - ended < length ? this.#blocked - length : this.#blocked;
  }

  /** Number of outside events that have run. */
  get ran(): number {
    return this.#ran;
  }

  /** Time of the next outside event; `Infinity` for none. */
  get next(): number {
    return this.#events[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Runs a function outside the process at that time, or as soon as possible if the time has passed. */
  at(time: number, run: () => void): void {
    const event = { at: Math.max(time, this.#now), order: this.#order, run };
    this.#order += 1;
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent] as OutsideEvent;
      if (!isBefore(event, above)) {
        break;
      }
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  /** Advances the time and runs the outside events until then. */
  advanceTo(time: number): void {
    while (this.next <= time) {
      const event = this.#shift();
      this.#now = Math.max(this.#now, event.at);
      this.#ran += 1;
      event.run();
    }
    this.#now = Math.max(this.#now, time);
  }

  /** Blocks the event loop for this time. */
  block(milliseconds: number): void {
    this.isBlocking = true;
    this.advanceTo(this.#now + milliseconds);
    this.#blocked += milliseconds;
    this.isBlocking = false;
    const { ended, length } = this.#lastBlock;
    const isContinued = this.#now - milliseconds - ended < ONE_BLOCK;
    this.#lastBlock = { ended: this.#now, length: milliseconds + (isContinued ? length : 0) };
  }

  #shift(): OutsideEvent {
    const events = this.#events;
    const first = events[0] as OutsideEvent;
    const last = events.pop() as OutsideEvent;
    if (events.length > 0) {
      this.#sink(last);
    }
    return first;
  }

  #sink(event: OutsideEvent): void {
    const events = this.#events;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = events[child];
      const right = events[child + 1];
      if (left === undefined) {
        break;
      }
      let smaller = left;
      if (right !== undefined && isBefore(right, left)) {
        smaller = right;
        child += 1;
      }
      if (!isBefore(smaller, event)) {
        break;
      }
      events[at] = smaller;
      at = child;
    }
    events[at] = event;
  }
}

function isBefore(one: OutsideEvent, other: OutsideEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
