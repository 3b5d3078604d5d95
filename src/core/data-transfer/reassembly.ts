/**
 * Joins the user data of DT TPDUs to TSDUs (X.224 6.3), within bounds. Knows no headers.
 */
import { TsduTooLargeError } from '../errors.js';
import {
  type Allocate,
  type MakeView,
  OctetCollector,
  type OctetSource,
} from '../octets/collector.js';

/** What one TSDU of the peer may come to; the protocol itself sets no limit (X.224 6.3). */
export interface TsduLimits {
  /** Octets. */
  readonly maxTsduSize: number;
  /** DT TPDUs, those without user data included: a peer may send any number of them. */
  readonly maxTsduSegments: number;
}

function tooLarge(unit: string, option: keyof TsduLimits, most: number): TsduTooLargeError {
  const units = most === 1 ? unit : `${unit}s`;
  return new TsduTooLargeError(
    `a TSDU of at most ${most} ${units} was expected, more than that came`,
    { phase: 'open', hint: `${option} sets the limit` },
  );
}

/** The reassembly of one connection. */
export class Reassembly {
  /** Octets of all TSDUs so far that were copied into memory of their own. Other classes only read it. */
  copied = 0;
  /** DT TPDUs of the TSDU that is begun and not ended; 0 if there is none. Other classes only read it. */
  segments = 0;
  /** Octets of the longest TSDU. */
  readonly maxTsduSize: number;
  readonly #maxTsduSegments: number;
  readonly #allocate: Allocate;
  readonly #view: MakeView;
  readonly #collector = new OctetCollector();

  constructor(limits: TsduLimits, allocate: Allocate, view: MakeView) {
    this.maxTsduSize = limits.maxTsduSize;
    this.#maxTsduSegments = limits.maxTsduSegments;
    this.#allocate = allocate;
    this.#view = view;
  }

  /** Octets held. */
  get length(): number {
    return this.#collector.length;
  }

  /** Octets of memory that the pieces keep, about. */
  get pinned(): number {
    return this.#collector.pinned;
  }

  /**
   * The error for a DT with this many octets of user data that would pass a limit; `undefined` if it may be added. To be
   * asked before each DT. It is returned, because V8 makes a view more slowly in a function that catches errors.
   */
  limitPassedBy(length: number): TsduTooLargeError | undefined {
    const held = this.segments === 0 ? 0 : this.#collector.length;
    if (held + length > this.maxTsduSize) {
      return tooLarge('octet', 'maxTsduSize', this.maxTsduSize);
    }
    return this.segments >= this.#maxTsduSegments
      ? tooLarge('DT TPDU', 'maxTsduSegments', this.#maxTsduSegments)
      : undefined;
  }

  /**
   * Takes in the user data of one DT, that of `source` from `start` up to, not including, `end`.
   *
   * A DT without any begins no TSDU: some controllers send such a DT as a fast acknowledgement.
   *
   * @returns the TSDU when `eot` ends one: a view of the source when it lies there whole. `undefined`
   * when there is more to come, or when the TSDU turned out empty (X.214 has none of those).
   */
  //= X.224 6.3.3 para 1
  //= X.224 6.3.3 note 2
  add(source: OctetSource, start: number, end: number, eot: boolean): Uint8Array | undefined {
    const length = end - start;
    if (this.segments === 0 && length === 0) {
      return undefined;
    }
    if (this.segments === 0 && eot) {
      return source.give(start, end, this.#view);
    }
    this.#collector.appendFrom(source, start, end);
    return this.#count(eot);
  }

  /** The same for a DT that came in several pieces; its user data begins at `start` of them all. */
  addPieces(pieces: OctetCollector, start: number, eot: boolean): Uint8Array | undefined {
    const length = pieces.length - start;
    if (this.segments === 0 && length === 0) {
      return undefined;
    }
    if (this.segments === 0 && eot) {
      // A whole TSDU: collecting its pieces once more would copy the small ones twice.
      this.copied += length;
      return pieces.join(this.#allocate, start);
    }
    pieces.appendTo(this.#collector, start);
    return this.#count(eot);
  }

  /**
   * A chunk has been processed. Where small pieces of large chunks would keep much more memory than they
   * need, they are copied: the end of their TSDU may be long in coming.
   */
  endChunk(): void {
    if (this.#collector.isWasteful) {
      this.compact();
    }
  }

  /** Copies what is collected, so that it keeps no more memory than it needs. */
  compact(): void {
    if (this.#collector.length > 0) {
      this.#collector.compact();
    }
  }

  /** Forgets a TSDU that will not be finished. */
  clear(): void {
    this.#collector.clear();
    this.segments = 0;
  }

  #count(eot: boolean): Uint8Array | undefined {
    if (!eot) {
      this.segments += 1;
      return undefined;
    }
    this.segments = 0;
    const joined = this.#collector.takeInPlace(this.#view);
    if (joined !== undefined) {
      return joined;
    }
    this.copied += this.#collector.length;
    return this.#collector.take(this.#allocate);
  }
}
