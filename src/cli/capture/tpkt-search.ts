/**
 * Looks for the start of a TPKT in octets of which the boundaries are not known: at the start of a stream, also
 * of one whose start is missing in the capture, and behind a gap.
 */
import { kept } from './kept.js';
import { PIECE_COST } from './limits.js';
import { beginsTpkt, JUDGED } from './plausible.js';

/** Octets in which a TPKT must be found: two of the longest. */
export const SEARCHED = 131_072;

/** The result of a search. */
export type Found =
  /** The octets from the start of the TPKT on; `skipped` octets were before it. */
  | { readonly octets: Buffer; readonly skipped: number }
  /** There is none: this is another protocol. */
  | 'none'
  /** More octets are needed. */
  | 'unknown';

/**
 * A search. A TPKT at the start of a segment is accepted if it is plausible. Anywhere else the octets behind it
 * must be the end of the segment or begin a plausible TPKT too.
 */
export class TpktSearch {
  #octets: Buffer = Buffer.alloc(0);
  /** Offsets in `#octets` at which segments begin. */
  #starts: number[] = [];
  #skipped = 0;
  /** The next octets are the first of the stream. */
  #isFirst: boolean;

  /** @param isStart the search begins with the first octet of a stream */
  constructor(isStart: boolean) {
    this.#isFirst = isStart;
  }

  /** What is kept counts so many octets. */
  get held(): number {
    return this.#octets.length === 0 ? 0 : this.#octets.length + PIECE_COST;
  }

  /** Octets that were searched, kept or not. */
  get searched(): number {
    return this.#skipped + this.#octets.length;
  }

  /** Searches on in the next segment. */
  push(segment: Buffer): Found {
    const isFirst = this.#isFirst;
    this.#starts.push(this.#octets.length);
    this.#octets = kept(this.#octets, segment);
    const at = this.#accepted(isFirst) ?? this.#scan();
    this.#isFirst = isFirst && this.#octets.length < JUDGED;
    if (at === undefined) {
      return this.searched > SEARCHED ? 'none' : 'unknown';
    }
    const skipped = this.#skipped + at;
    const octets = this.#octets.subarray(at);
    this.drop();
    return { octets, skipped };
  }

  /** Gives up what is kept; it counts as searched. */
  drop(): void {
    this.#forget(this.#octets.length);
  }

  /** A segment that begins with a TPKT. */
  #accepted(isFirst: boolean): number | undefined {
    return this.#starts.find(
      (start) => beginsTpkt(this.#octets, start, isFirst && start === 0) === 'yes',
    );
  }

  /** A TPKT within a segment. Forgets what can be none. */
  #scan(): number | undefined {
    const octets = this.#octets;
    let at = octets.indexOf(3);
    while (at !== -1) {
      const plausibility = beginsTpkt(octets, at, this.#isFirst && at === 0);
      if (plausibility === 'unknown') {
        break;
      }
      if (plausibility === 'yes') {
        const end = at + octets.readUInt16BE(at + 2);
        const next = end === octets.length ? 'yes' : beginsTpkt(octets, end);
        if (next === 'yes') {
          return at;
        }
        if (next === 'unknown') {
          break;
        }
      }
      at = octets.indexOf(3, at + 1);
    }
    this.#forget(at === -1 ? octets.length : at);
    return undefined;
  }

  #forget(length: number): void {
    this.#skipped += length;
    this.#octets = kept(this.#octets.subarray(length));
    this.#starts = this.#starts
      .map((start) => start - length)
      .filter((start) => start >= 0 && start > this.#octets.length - JUDGED);
  }
}
