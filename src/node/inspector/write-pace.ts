/** How long a browser waits for its next rows, so that browsers take little of the time that connections need. */
import { performance } from 'node:perf_hooks';

/** The part of the time that writes to all browsers may take while the process is busy. */
const BUSY_SHARE = 0.03;

/** The same while it is mostly idle, or only shows a file. */
const IDLE_SHARE = 0.25;

/** The part of the time that all downloads may take together, unless only a file is shown. */
const DOWNLOAD_SHARE = 0.5;

/** A process is busy if it works for more than this part of the time, not counting the writes to browsers. */
const MOST_IDLE_WORK = 0.1;

/** Milliseconds between two looks at how busy the process is: several browsers write at nearly the same time. */
const LOOK_INTERVAL = 250;

/** Least time between two writes to a browser, in milliseconds: the page draws what is live 20 times a second. */
const LIVE_INTERVAL = 50;

/** The same for a file, which is to be there soon: the browser takes as much as it can. */
const FILE_INTERVAL = 10;

/** Longest pause in milliseconds: the page still shows what happens, even if the writes then take more of the time. */
const LONGEST_PAUSE = 1000;

/** The pace of all browsers of one inspector. */
export class WritePace {
  /** Browsers that get rows now: they share the time. */
  browsers = 0;
  /** Downloads that run now: they share the time too. */
  downloads = 0;
  /** Least time between two writes to a browser, in milliseconds. */
  readonly interval: number;
  readonly #work: () => number;
  readonly #isLive: boolean;
  #isBusy = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds of writes since then. */
  #written = 0;

  /**
   * @param work the part of the time, 0 to 1, that the process has worked since the last call; without it no connection
   * can become slower, because only a file is shown
   */
  constructor(work?: () => number) {
    this.interval = work === undefined ? FILE_INTERVAL : LIVE_INTERVAL;
    this.#work = work ?? (() => 0);
    this.#isLive = work !== undefined;
  }

  /** Milliseconds that a browser waits after a write that took so many. */
  pauseAfter(took: number): number {
    const now = performance.now();
    const passed = now - this.#lookedAt;
    this.#written += took;
    if (passed >= LOOK_INTERVAL) {
      this.#isBusy = this.#work() - this.#written / passed > MOST_IDLE_WORK;
      this.#lookedAt = now;
      this.#written = 0;
    }
    const share = this.#isBusy ? BUSY_SHARE : IDLE_SHARE;
    return Math.min((took * Math.max(1, this.browsers)) / share, LONGEST_PAUSE);
  }

  /** Milliseconds that a download waits after a piece that took so many. */
  pauseOfDownload(took: number): number {
    const pause = (took * Math.max(1, this.downloads)) / DOWNLOAD_SHARE - took;
    return this.#isLive ? Math.min(pause, LONGEST_PAUSE) : 0;
  }
}

/** Returns, at each call, the share of the time that this process has worked since the last one. */
export function workMeter(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
