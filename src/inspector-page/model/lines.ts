/**
 * The lines of the ladder: the entries that the filter lets through, with the DTs of a TSDU folded into one. It goes
 * through the entries once, in steps, so that new entries cost only themselves and a slow filter never blocks the page.
 */
import type { Entry, Tsdu } from './entry.js';
import type { Filter } from './filter.js';
import type { Session } from './session.js';

/** How lines are made. */
export interface LineOptions {
  readonly filter: Filter;
  /** One line for each TSDU, not for each DT. */
  readonly folds: boolean;
  /** Both legs of a proxy, also where they carry the same octets. */
  readonly bothLegs: boolean;
}

/** Entries between two looks at the clock. */
const BATCH = 500;

/** Each list has a number, which `Tsdu.shownIn` holds. */
let lists = 0;

export class Lines {
  readonly #session: Session;
  readonly #options: LineOptions;
  readonly #list: number;
  readonly #unfolded: Set<Tsdu>;
  #items: Entry[] = [];
  #next: number;
  /** Entries that were looked at and can be shown with any filter. */
  #candidates = 0;

  constructor(session: Session, options: LineOptions, unfolded: Iterable<Tsdu> = []) {
    lists += 1;
    this.#list = lists;
    this.#session = session;
    this.#options = options;
    this.#unfolded = new Set(unfolded);
    this.#next = session.start;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Lines that there would be without a filter, of the entries that were looked at. */
  get candidates(): number {
    return this.#candidates;
  }

  /** Index of the first entry that was not looked at. */
  get next(): number {
    return this.#next;
  }

  get unfolded(): ReadonlySet<Tsdu> {
    return this.#unfolded;
  }

  at(line: number): Entry | undefined {
    return this.#items[line];
  }

  /** The line that shows this entry or the next one behind it; the number of lines if there is none. */
  lineOf(index: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle]?.index ?? 0) < index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /**
   * Looks at entries up to `end`, as long as `hasTime`.
   *
   * @returns true if all of them were looked at
   */
  advance(end: number, hasTime: () => boolean = () => true): boolean {
    this.#next = Math.max(this.#next, this.#session.start);
    while (this.#next < end && hasTime()) {
      const stop = Math.min(end, this.#next + BATCH);
      for (; this.#next < stop; this.#next += 1) {
        const entry = this.#session.entry(this.#next);
        if (entry !== undefined) {
          this.#consider(entry);
        }
      }
    }
    return this.#next >= end;
  }

  /** Drops the lines of entries that the session has forgotten; returns how many. */
  trim(): number {
    const count = this.lineOf(this.#session.start);
    if (count > 0) {
      this.#items = this.#items.slice(count);
      this.#candidates = Math.max(this.#items.length, this.#candidates - count);
    }
    return count;
  }

  #consider(entry: Entry): void {
    const tsdu = entry.kind === 'tpdu' ? entry.tsdu : undefined;
    if (entry.isCopy && !this.#options.bothLegs) {
      return;
    }
    const isFolded = tsdu !== undefined && this.#options.folds && !this.#unfolded.has(tsdu);
    if (isFolded && tsdu.shownIn === this.#list) {
      return;
    }
    if (!isFolded || tsdu.first === entry.index) {
      this.#candidates += 1;
    }
    if (this.#options.filter.matches(entry)) {
      if (isFolded) {
        tsdu.shownIn = this.#list;
        tsdu.shownBy = entry.index;
      }
      this.#items.push(entry);
    }
  }
}
