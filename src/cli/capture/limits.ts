/** How much the reader of captures keeps at most, so that a capture of any size can be read. */

/** The limits of one reader. */
export interface Limits {
  /** Octets of one direction of a stream that wait for a segment before them. */
  readonly reorderOctets: number;
  /** Segments of one direction of a stream that wait for a segment before them. */
  readonly reorderSegments: number;
  /**
   * Octets that wait: for a segment, for the rest of their TPKT, or for other fragments. Each piece counts
   * `PIECE_COST` more.
   */
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

/**
 * What a piece that waits counts beside its own octets. Measured: about 420 octets of memory for a piece with
 * the objects that describe it.
 */
export const PIECE_COST = 512;

/** Counts what waits in a whole capture, in octets. */
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

  /** Counts octets that are kept in any case; `false` if they are too many. */
  addAnyway(octets: number): boolean {
    this.#count += octets;
    return this.#count <= this.#most;
  }

  remove(octets: number): void {
    this.#count -= octets;
  }
}
