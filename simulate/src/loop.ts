/**
 * The event loop of Node in simulated time: timers, poll, check, close, in this order, one callback at a
 * time. Ticks and promises are real; the code that runs the loop lets them finish after each callback.
 */
import type { Clock } from './clock.js';

/** An object that the poll phase checks: a socket, or a listening server. */
export interface Pollable {
  /** Runs the callbacks that are ready, and stops after each. */
  poll(): Generator<void, void, void>;
  /** True if {@link poll} would run a callback. */
  readonly isReady: boolean;
}

/** Simulated time of one callback, in milliseconds. */
const CALLBACK_TIME = 0.005;

/** Longest delay of a timer, in milliseconds. As in Node, a longer one means 1 ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A timer as `setTimeout` returns it. */
export class Timer {
  readonly #loop: Loop;
  readonly run: () => void;
  readonly milliseconds: number;
  readonly repeats: boolean;
  /** When it expires, in whole milliseconds of the loop; `undefined` if it is not started. */
  at: number | undefined;
  order = 0;
  isOfWorld = false;

  constructor(loop: Loop, run: () => void, milliseconds: number, repeats: boolean) {
    this.#loop = loop;
    this.run = run;
    this.milliseconds = milliseconds;
    this.repeats = repeats;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.#loop.start(this);
    return this;
  }

  close(): this {
    this.at = undefined;
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The object that `setImmediate` returns. */
export class Immediate {
  run: (() => void) | undefined;

  constructor(run: () => void) {
    this.run = run;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.run = undefined;
  }
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly timer: Timer;
}

/** The loop of one world. */
export class Loop {
  readonly clock: Clock;
  /** Number of turns of the loop so far. */
  turn = 0;
  /** The loop ends at this time, or earlier if there is no event before it. */
  limit = Number.POSITIVE_INFINITY;
  readonly #timers: Entry[] = [];
  #timerOrder = 0;
  #immediates: Immediate[] = [];
  #closing: (() => void)[] = [];
  readonly #awake = new Set<Pollable>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Number of started timers of the library. */
  get outstanding(): number {
    return this.#timers.filter((entry) => isLive(entry) && !entry.timer.isOfWorld).length;
  }

  /** Starts a timer of the world itself. It may be left at the end of the world. */
  later(milliseconds: number, run: () => void): void {
    this.setTimeout(run, milliseconds).isOfWorld = true;
  }

  setTimeout(run: () => void, milliseconds: number, repeats = false): Timer {
    const wait = milliseconds >= 1 && milliseconds <= LONGEST_TIMER ? Math.trunc(milliseconds) : 1;
    const timer = new Timer(this, run, wait, repeats);
    this.start(timer);
    return timer;
  }

  /** Starts a timer, or starts it again. */
  start(timer: Timer): void {
    timer.at = Math.floor(this.clock.now) + timer.milliseconds;
    timer.order = this.#timerOrder;
    this.#timerOrder += 1;
    const entry = { at: timer.at, order: timer.order, timer };
    // Most timers have one of a few lengths, so the place is near the end.
    const timers = this.#timers;
    let at = timers.length;
    while (at > 0 && (timers[at - 1] as Entry).at > entry.at) {
      at -= 1;
    }
    timers.splice(at, 0, entry);
  }

  setImmediate(run: () => void): Immediate {
    const immediate = new Immediate(run);
    this.#immediates.push(immediate);
    return immediate;
  }

  /** A callback of the close phase. */
  whenClosing(run: () => void): void {
    this.#closing.push(run);
  }

  /** An object may be ready: the poll phase checks it. */
  wake(pollable: Pollable): void {
    this.#awake.add(pollable);
  }

  /** Runs the loop until nothing is left or the limit is reached. Stops after each callback. */
  *run(): Generator<void, void, void> {
    for (;;) {
      this.turn += 1;
      yield* this.#timersPhase();
      if (!this.#wait()) {
        return;
      }
      yield* this.#pollPhase();
      yield* this.#checkPhase();
      yield* this.#closePhase();
    }
  }

  *#timersPhase(): Generator<void, void, void> {
    for (let timer = this.#due(); timer !== undefined; timer = this.#due()) {
      timer.at = undefined;
      if (timer.repeats) {
        this.start(timer);
      }
      timer.run();
      yield this.#pass();
    }
  }

  /** Waits as `epoll_wait` does. Returns `false` if there is nothing to wait for. */
  #wait(): boolean {
    const { clock } = this;
    clock.advanceTo(clock.now);
    if (this.#immediates.length > 0 || this.#closing.length > 0) {
      return clock.now <= this.limit;
    }
    while (!this.#isAnyReady()) {
      const timer = this.#nextTimer();
      const next = Math.min(timer, clock.next);
      if (next > this.limit) {
        return false;
      }
      clock.advanceTo(next);
      if (next === timer) {
        break;
      }
    }
    return clock.now <= this.limit;
  }

  *#pollPhase(): Generator<void, void, void> {
    const awake = [...this.#awake];
    this.#awake.clear();
    for (const pollable of awake) {
      for (const _ of pollable.poll()) {
        yield this.#pass();
      }
      if (pollable.isReady) {
        this.#awake.add(pollable);
      }
    }
  }

  *#checkPhase(): Generator<void, void, void> {
    const immediates = this.#immediates;
    this.#immediates = [];
    for (const { run } of immediates) {
      if (run !== undefined) {
        run();
        yield this.#pass();
      }
    }
  }

  *#closePhase(): Generator<void, void, void> {
    const closing = this.#closing;
    this.#closing = [];
    for (const run of closing) {
      run();
      yield this.#pass();
    }
  }

  #pass(): void {
    this.clock.advanceTo(this.clock.now + CALLBACK_TIME);
  }

  #isAnyReady(): boolean {
    for (const pollable of this.#awake) {
      if (pollable.isReady) {
        return true;
      }
      this.#awake.delete(pollable);
    }
    return false;
  }

  #nextTimer(): number {
    const timers = this.#timers;
    for (let first = timers[0]; first !== undefined; first = timers[0]) {
      if (isLive(first)) {
        return first.at;
      }
      timers.shift();
    }
    return Number.POSITIVE_INFINITY;
  }

  #due(): Timer | undefined {
    return this.#nextTimer() <= Math.floor(this.clock.now)
      ? this.#timers.shift()?.timer
      : undefined;
  }
}

function isLive({ at, order, timer }: Entry): boolean {
  return timer.at === at && timer.order === order;
}
