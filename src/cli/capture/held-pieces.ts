/** Collects the pieces of something that is not complete yet, and counts what they occupy. */
import { kept } from './kept.js';
import { type HeldOctets, PIECE_COST } from './limits.js';

/** Pieces that are joined when there are so many, so that small ones do not occupy much more than their octets. */
const JOINED = 64;

/** Pieces that are kept, in their order. */
export class HeldPieces {
  readonly #held: HeldOctets;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(held: HeldOctets) {
    this.#held = held;
  }

  /** Octets that are kept. */
  get length(): number {
    return this.#length;
  }

  /**
   * Keeps a copy of a piece.
   *
   * @returns `false` if too much is kept now; the piece is kept all the same, for the caller to decide
   */
  add(octets: Buffer): boolean {
    // A copy: the octets are a view of much more of the file.
    this.#pieces.push(kept(octets));
    this.#length += octets.length;
    const hasRoom = this.#held.addAnyway(octets.length + PIECE_COST);
    if (this.#pieces.length >= JOINED) {
      this.joined();
    }
    return hasRoom;
  }

  /** All octets as one piece. */
  joined(): Buffer {
    const [first = Buffer.alloc(0), ...others] = this.#pieces;
    if (others.length === 0) {
      return first;
    }
    const whole = kept(...this.#pieces);
    this.#held.remove(PIECE_COST * others.length);
    this.#pieces = [whole];
    return whole;
  }

  /** Removes all octets, and gives them as one piece. */
  take(): Buffer {
    const whole = this.joined();
    this.#held.remove(this.#length + PIECE_COST * this.#pieces.length);
    this.#pieces = [];
    this.#length = 0;
    return whole;
  }
}
