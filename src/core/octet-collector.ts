/**
 * Octets that arrive in pieces and are wanted in one. Knows nothing of what they mean.
 */
import { NO_OCTETS } from './octets.js';

/** Makes an octet string of that many octets; its contents need not be zeroed. */
export type Allocate = (length: number) => Uint8Array;

/** The allocator of a plain JavaScript engine. */
export const allocateZeroed: Allocate = (length) => new Uint8Array(length);

/**
 * Pieces of this many octets or more are kept as views, smaller ones are copied together: a view
 * costs some 200 octets of memory, so a peer that sends octet by octet must not be given one each.
 */
export const VIEW_FROM = 512;

/**
 * Blocks for small pieces start at this many octets and double up to the second figure. One of the
 * first size is used on after the collector was emptied: most octet strings have only a small end.
 */
const BLOCK_FIRST = 1_024;
const BLOCK_LARGEST = 16_384;

/**
 * Collects pieces and joins them, with one allocation of the right size or in memory that is there. A
 * piece of 512 octets or more is copied once, when it is joined; a smaller one is copied twice, and once
 * more where the first collector hands its pieces on to a second one: a DT that TCP cut, of a TSDU in
 * several.
 */
export class OctetCollector {
  #pieces: Uint8Array[] = [];
  /** Block that small pieces are copied into, and the part of it that is not yet in `#pieces`. */
  #block: Uint8Array = NO_OCTETS;
  #partStart = 0;
  #partEnd = 0;
  #length = 0;

  /** Octets collected. */
  get length(): number {
    return this.#length;
  }

  /** Takes in `octets` from `start` up to, not including, `end`. The octets must not change later. */
  append(octets: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#length += length;
    if (length >= VIEW_FROM) {
      this.#closePart();
      this.#pieces.push(
        start === 0 && end === octets.length ? octets : octets.subarray(start, end),
      );
      return;
    }
    let offset = start;
    while (offset < end) {
      if (this.#partEnd === this.#block.length) {
        this.#nextBlock();
      }
      const room = Math.min(this.#block.length - this.#partEnd, end - offset);
      this.#block.set(octets.subarray(offset, offset + room), this.#partEnd);
      this.#partEnd += room;
      offset += room;
    }
  }

  /** The octet at `index` of all that was collected; `undefined` past the end. */
  at(index: number): number | undefined {
    let rest = index;
    for (const piece of this.pieces()) {
      if (rest < piece.length) {
        return piece[rest];
      }
      rest -= piece.length;
    }
    return undefined;
  }

  /** What was collected, in order, as pieces that no later `append` changes. */
  pieces(): readonly Uint8Array[] {
    this.#closePart();
    return this.#pieces;
  }

  /** Everything from the octet at `from` on as one octet string; the collector is empty afterwards. */
  take(allocate: Allocate, from = 0): Uint8Array {
    const joined = allocate(this.#length - from);
    this.takeInto(joined, from);
    return joined;
  }

  /**
   * The same into memory that is there. Pieces may lie in it, if each lies where it goes or further on:
   * they are moved in order, so that none is written over before.
   */
  takeInto(joined: Uint8Array, from = 0): void {
    let offset = -from;
    for (const piece of this.pieces()) {
      const end = offset + piece.length;
      if (offset >= 0) {
        joined.set(piece, offset);
      } else if (end > 0) {
        joined.set(piece.subarray(-offset));
      }
      offset = end;
    }
    this.clear();
  }

  /** Forgets everything. */
  clear(): void {
    this.#pieces = [];
    this.#length = 0;
    this.#partStart = this.#partEnd;
    if (this.#block.length > BLOCK_FIRST) {
      this.#block = NO_OCTETS;
      this.#partStart = 0;
      this.#partEnd = 0;
    }
  }

  #nextBlock(): void {
    this.#closePart();
    const size = this.#pieces.length === 0 ? BLOCK_FIRST : 2 * this.#block.length;
    this.#block = new Uint8Array(Math.min(Math.max(size, BLOCK_FIRST), BLOCK_LARGEST));
    this.#partStart = 0;
    this.#partEnd = 0;
  }

  #closePart(): void {
    if (this.#partEnd > this.#partStart) {
      this.#pieces.push(this.#block.subarray(this.#partStart, this.#partEnd));
      this.#partStart = this.#partEnd;
    }
  }
}
