/** How much the reader of captures keeps at most, so that a capture of any size can be read. */

/** The limits of one reader. */
export interface Limits {
  /** Octets of one direction of a stream that wait for a segment before them. */
  readonly reorderOctets: number;
  /** Segments of one direction of a stream that wait for a segment before them. */
  readonly reorderSegments: number;
  /** Octets of all streams that wait, for a segment or for the rest of their TPKT. */
  readonly heldOctets: number;
  /** TCP streams at the same time. */
  readonly streams: number;
  /** IP datagrams of which fragments are missing, at the same time. */
  readonly datagrams: number;
}

export const LIMITS: Limits = {
  reorderOctets: 1024 * 1024,
  reorderSegments: 4096,
  heldOctets: 64 * 1024 * 1024,
  streams: 65_536,
  datagrams: 256,
};

/** Counts the octets that all streams keep. */
export class HeldOctets {
  #count = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts octets that are to be kept; `false`, and they are not counted, if that would be too many. */
  add(octets: number): boolean {
    if (this.#count + octets > this.#most) {
      return false;
    }
    this.#count += octets;
    return true;
  }

  remove(octets: number): void {
    this.#count -= octets;
  }
}
