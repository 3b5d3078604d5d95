/**
 * Joins the user data of DT TPDUs to TSDUs (X.224 6.3), within bounds. Knows no headers.
 */
import { TsduTooLargeError } from '../errors.js';
import {
  type Allocate,
  type MakeView,
  OctetCollector,
  type OctetSource,
  VIEW_FROM,
  plainView,
} from '../octets/collector.js';

/** What one TSDU of the peer may come to; the protocol itself sets no limit (X.224 6.3). */
export interface TsduLimits {
  /** Octets. */
  readonly maxTsduSize: number;
  /** DT TPDUs, those without user data included: a peer may send any number of them. */
  readonly maxTsduSegments: number;
}

/** The reassembly of one connection. */
export class Reassembly {
  readonly #maxTsduSize: number;
  readonly #maxTsduSegments: number;
  readonly #allocate: Allocate;
  readonly #view: MakeView;
  readonly #collector = new OctetCollector();
  /** The chunk in which the TSDU began, and from where on it could be joined there. */
  #home: OctetSource | undefined;
  #homeStart = 0;
  #segments = 0;
  #copied = 0;

  constructor(limits: TsduLimits, allocate: Allocate, view: MakeView) {
    this.#maxTsduSize = limits.maxTsduSize;
    this.#maxTsduSegments = limits.maxTsduSegments;
    this.#allocate = allocate;
    this.#view = view;
  }

  /** True while a TSDU is begun and not ended. */
  get begun(): boolean {
    return this.#segments > 0;
  }

  /** Octets held. */
  get length(): number {
    return this.#collector.length;
  }

  /** Octets of all TSDUs so far that were copied into memory of their own. */
  get copied(): number {
    return this.#copied;
  }

  /** Octets of memory that the pieces keep, about. */
  get pinned(): number {
    return this.#collector.pinned;
  }

  /**
   * Takes in the user data of one DT, that of `source` from `start` up to, not including, `end`.
   *
   * A DT without any begins no TSDU: some controllers send such a DT as a fast acknowledgement.
   *
   * @returns the TSDU when `eot` ends one: a view of the source when it lies there whole. `undefined`
   * when there is more to come, or when the TSDU turned out empty (X.214 has none of those).
   * @throws TsduTooLargeError when a limit is passed
   */
  //= X.224 6.3.3 para 1
  //= X.224 6.3.3 note 2
  add(source: OctetSource, start: number, end: number, eot: boolean): Uint8Array | undefined {
    const length = end - start;
    if (this.#segments === 0 && length === 0) {
      return undefined;
    }
    this.#checkLimits(length);
    if (this.#segments === 0) {
      if (eot) {
        return source.give(start, end, this.#view);
      }
      this.#beginIn(source, length);
    }
    if (length > 0) {
      this.#collector.append(source.view(start, end, plainView), 0, length, source.octets);
    }
    return this.#count(eot);
  }

  /**
   * The same for a DT that came in several pieces; its user data begins at `start` of them all, and
   * the first of them lies in `first`, if that is known.
   */
  addPieces(
    pieces: OctetCollector,
    start: number,
    eot: boolean,
    first?: OctetSource,
  ): Uint8Array | undefined {
    const length = pieces.length - start;
    if (this.#segments === 0 && length === 0) {
      return undefined;
    }
    this.#checkLimits(length);
    if (this.#segments === 0) {
      this.#beginIn(first, (pieces.pieces()[0]?.length ?? 0) - start);
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
      this.#home = undefined;
    }
  }

  /** Forgets a TSDU that will not be finished. */
  clear(): void {
    this.#collector.clear();
    this.#home = undefined;
    this.#segments = 0;
  }

  #count(eot: boolean): Uint8Array | undefined {
    if (!eot) {
      this.#segments += 1;
      return undefined;
    }
    const home = this.#home;
    this.#home = undefined;
    this.#segments = 0;
    return this.#collector.length > 0 ? this.#join(home) : undefined;
  }

  /** A first piece of too few octets for a view is copied: it must not keep the whole chunk alive. */
  #beginIn(chunk: OctetSource | undefined, octets: number): void {
    this.#home = octets >= VIEW_FROM && chunk?.hasOwn ? chunk : undefined;
    this.#homeStart = chunk?.ownFrom ?? 0;
  }

  /**
   * A TSDU that fits into the chunk in which it began is joined there, over the headers between its
   * pieces and over what came before it and is not needed any more. To move octets within memory
   * that was just written takes a small part of the time that copying into new memory does, which the
   * system has to find page by page (docs/performance.md).
   *
   * No piece is written over before it was moved: what is own begins before the first of them, and
   * between them lie headers, so each goes to where it is or to before that.
   */
  #join(home: OctetSource | undefined): Uint8Array {
    const start = this.#homeStart;
    const end = start + this.#collector.length;
    // Somebody may have seen a part of it since it began.
    if (home === undefined || home.ownFrom !== start || end > home.octets.length) {
      this.#copied += this.#collector.length;
      return this.#collector.take(this.#allocate);
    }
    const tsdu = home.give(start, end, this.#view);
    this.#collector.takeInto(tsdu);
    return tsdu;
  }

  /** Called before anything is stored for the DT. */
  #checkLimits(length: number): void {
    const held = this.#segments === 0 ? 0 : this.#collector.length;
    if (held + length > this.#maxTsduSize) {
      throw new TsduTooLargeError(
        `a TSDU of at most ${this.#maxTsduSize} octets was expected, more than that came`,
        { phase: 'open', hint: 'maxTsduSize sets the limit' },
      );
    }
    if (this.#segments >= this.#maxTsduSegments) {
      throw new TsduTooLargeError(
        `a TSDU of at most ${this.#maxTsduSegments} DT TPDUs was expected, more than that came`,
        { phase: 'open', hint: 'maxTsduSegments sets the limit' },
      );
    }
  }
}
