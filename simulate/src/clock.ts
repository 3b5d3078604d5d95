/**
 * Simulated time, and what happens outside the process at certain times: octets that arrive, peers
 * that act. Such events run while time passes, whether the event loop is free or blocked.
 */

interface OutsideEvent {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The clock of one world, in milliseconds. */
export class Clock {
  /** The loop is blocked right now. */
  isBlocking = false;
  #now = 0;
  #blocked = 0;
  #ran = 0;
  #order = 0;
  /** A binary heap, the earliest first. */
  readonly #events: OutsideEvent[] = [];

  get now(): number {
    return this.#now;
  }

  /** Milliseconds for which the event loop has been blocked, in all. */
  get blocked(): number {
    return this.#blocked;
  }

  /** Outside events that have run. */
  get ran(): number {
    return this.#ran;
  }

  /** Time of the next outside event; `Infinity` for none. */
  get next(): number {
    return this.#events[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Runs something outside the process at that time, or at once if it has passed. */
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

  /** Lets time pass, and all that happens outside meanwhile. */
  advanceTo(time: number): void {
    while (this.next <= time) {
      const event = this.#shift();
      this.#now = Math.max(this.#now, event.at);
      this.#ran += 1;
      event.run();
    }
    this.#now = Math.max(this.#now, time);
  }

  /** The event loop is busy for so long. */
  block(milliseconds: number): void {
    this.isBlocking = true;
    this.advanceTo(this.#now + milliseconds);
    this.#blocked += milliseconds;
    this.isBlocking = false;
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
