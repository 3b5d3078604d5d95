/** Keeps the parts of one direction of a TCP stream that came before those in front of them. */
import { counted } from '../output/plural.js';
import { kept } from './kept.js';
import { type HeldOctets, type Limits, PIECE_COST } from './limits.js';
import type { Frame } from './tpkt-direction.js';

/** A part of a segment. */
export interface Part {
  readonly seq: number;
  readonly length: number;
  /** `undefined`: the capture has cut these octets. */
  readonly octets: Buffer | undefined;
  readonly frame: Frame;
}

/** The distance from one sequence number to another, which wrap at 2^32. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

/** The parts that wait, in the order of their sequence numbers. */
export class ReorderBuffer {
  readonly #limits: Limits;
  readonly #held: HeldOctets;
  readonly #parts: Part[] = [];
  #octets = 0;

  constructor(limits: Limits, held: HeldOctets) {
    this.#limits = limits;
    this.#held = held;
  }

  /** The part with the lowest sequence number. */
  get first(): Part | undefined {
    return this.#parts[0];
  }

  /** Removes the part with the lowest sequence number. */
  takeFirst(): Part | undefined {
    const first = this.#parts.shift();
    if (first !== undefined) {
      const size = first.octets?.length ?? 0;
      this.#octets -= size;
      this.#held.remove(size + PIECE_COST);
    }
    return first;
  }

  /**
   * Adds a part.
   *
   * @returns `undefined`, or the limit that is exceeded now: then the caller takes the first part
   */
  add(part: Part): string | undefined {
    const parts = this.#parts;
    // Almost always its sequence number is the highest.
    let at = parts.length;
    while (at > 0 && distance(parts[at - 1]?.seq ?? 0, part.seq) < 0) {
      at -= 1;
    }
    const before = parts[at - 1];
    if (before?.seq === part.seq && before.length >= part.length && before.octets !== undefined) {
      return undefined;
    }
    const { octets } = part;
    const size = octets?.length ?? 0;
    // A copy: the octets are a view of much more of the file.
    parts.splice(at, 0, { ...part, octets: octets && kept(octets) });
    this.#octets += size;
    const hasRoom = this.#held.addAnyway(size + PIECE_COST);
    if (parts.length > this.#limits.reorderSegments) {
      return `${parts.length} segments`;
    }
    return hasRoom && this.#octets <= this.#limits.reorderOctets
      ? undefined
      : counted(this.#octets, 'octet');
  }
}
