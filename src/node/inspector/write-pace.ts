/** How long a browser waits for its next rows, so that browsers take little of the time that connections need. */
import { performance } from 'node:perf_hooks';

/** The part of the time that writes to all browsers may take while the process is busy. */
const BUSY_SHARE = 0.03;

/** The same while it is mostly idle, or only shows a file. */
const IDLE_SHARE = 0.25;

/** A process is busy if it works for more than this part of the time. */
const MOST_IDLE_WORK = 0.4;

/** Milliseconds between two looks at how busy the process is: several browsers write at nearly the same time. */
const LOOK_INTERVAL = 250;

/** Longest pause in milliseconds: the page still shows what happens. */
const LONGEST_PAUSE = 1000;

/** The pace of all browsers of one inspector. */
export class WritePace {
  /** Browsers that get rows now: they share the time. */
  browsers = 0;
  readonly #work: () => number;
  #isBusy = false;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param work the part of the time, 0 to 1, that the process has worked since the last call */
  constructor(work: () => number) {
    this.#work = work;
  }

  /** Milliseconds that a browser waits after a write that took so many. */
  pauseAfter(took: number): number {
    const now = performance.now();
    if (now - this.#lookedAt >= LOOK_INTERVAL) {
      this.#lookedAt = now;
      this.#isBusy = this.#work() > MOST_IDLE_WORK;
    }
    const share = this.#isBusy ? BUSY_SHARE : IDLE_SHARE;
    return Math.min((took * Math.max(1, this.browsers)) / share, LONGEST_PAUSE);
  }
}

/** Tells, at each call, how much this process has worked since the last one. */
export function workMeter(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
