/**
 * Received octets: a chunk that views are cut from, and pieces of several chunks that are joined. They are joined within
 * the first chunk if no other code sees its octets: `isOwn`, `give` and `markSeen` record that, and only this file
 * decides by it. Knows nothing of the meaning of octets.
 */
import { NO_OCTETS } from './octets.js';

/** Makes a view of `length` octets of a buffer, in the class that messages are to have. */
export type MakeView<T extends Uint8Array = Uint8Array> = (
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
) => T;

/** Makes plain Uint8Arrays, for a JavaScript engine without Node. */
export const plainView: MakeView = (buffer, byteOffset, length) =>
  new Uint8Array(buffer, byteOffset, length);

/** Behind the last octet of anything; a small integer, which costs less to keep than infinity. */
const NOWHERE = 0x7fff_ffff;

/**
 * A source of views. Where a typed array lies in memory is asked of it once: to ask takes longer than
 * to make a view, and `subarray` asks each time.
 */
export class OctetSource {
  readonly octets: Uint8Array;
  #ownFrom: number;
  readonly #buffer: ArrayBufferLike;
  readonly #byteOffset: number;

  /** @param isOwn nobody else looks at the octets */
  constructor(octets: Uint8Array, isOwn = false) {
    this.octets = octets;
    this.#ownFrom = isOwn ? 0 : NOWHERE;
    this.#buffer = octets.buffer;
    this.#byteOffset = octets.byteOffset;
  }

  /**
   * From here on nobody else looks at the octets, so who reads them may move them: somebody may keep a
   * view of those before. Behind the end when nothing is own.
   */
  get ownFrom(): number {
    return this.#ownFrom;
  }

  /** Whether anything of it is own; nothing is any more once {@link markSeen} was called. */
  get hasOwn(): boolean {
    return this.#ownFrom !== NOWHERE;
  }

  /** Somebody has seen octets of it, and may keep them. */
  markSeen(): void {
    this.#ownFrom = NOWHERE;
  }

  /** The octets from `start` up to, not including, `end`, as a view that somebody else may keep. */
  give<T extends Uint8Array>(start: number, end: number, make: MakeView<T>): T {
    if (this.#ownFrom < end) {
      this.#ownFrom = end;
    }
    return make(this.#buffer, this.#byteOffset + start, end - start);
  }

  /** The same for the reader itself, who hands it to nobody and may move the octets under it. */
  view<T extends Uint8Array>(start: number, end: number, make: MakeView<T>): T {
    return make(this.#buffer, this.#byteOffset + start, end - start);
  }
}

/** Makes an octet string of that many octets; its contents need not be zeroed. */
export type Allocate = (length: number) => Uint8Array;

/** The allocator of a plain JavaScript engine. */
export const allocateZeroed: Allocate = (length) => new Uint8Array(length);

/**
 * Pieces of this many octets or more are kept as views, smaller ones are copied together: a view
 * costs some 200 octets of memory, so a peer that sends octet by octet must not be given one each.
 */
export const VIEW_FROM = 512;

/** What a view costs in memory beside the octets that it shows, about. */
const VIEW_COST = 128;

/**
 * Views may keep so many octets in memory beside twice those that were collected: about two chunks of a
 * socket, the one in which the first piece ends and the one that came last.
 */
const SLACK = 131_072;

/**
 * Blocks for small pieces start at this many octets and double up to the second figure. One of the
 * first size is used on after the collector was emptied: most octet strings have only a small end.
 */
const BLOCK_FIRST = 1_024;
const BLOCK_LARGEST = 16_384;

/** The pieces of an empty collector, as most of them are. Never changed. */
const NONE: Uint8Array[] = [];

/**
 * Collects pieces and joins them, with one allocation of the right size or in memory that is there. A
 * piece of 512 octets or more is copied once, when it is joined; a smaller one is copied twice, and once
 * more where the first collector passes its pieces to a second one: for a DT that TCP has cut, if its TSDU has
 * several DTs.
 */
export class OctetCollector {
  /**
   * The chunk in which the first piece lies, if they may all be joined there, and from where on. A first piece
   * of too few octets for a view is copied: it must not keep the whole chunk alive.
   */
  #home: OctetSource | undefined;
  #homeStart = 0;
  #pieces: Uint8Array[] = NONE;
  /** The chunk or block in which each piece lies. */
  #chunks: Uint8Array[] = NONE;
  /** Block that small pieces are copied into, and the part of it that is not yet in `#pieces`. */
  #block: Uint8Array = NO_OCTETS;
  #partStart = 0;
  #partEnd = 0;
  #length = 0;
  /** Memory that the pieces keep: whole chunks, however small the views of them are. */
  #pinned = 0;
  /** The chunk that was counted last; the views of one chunk come one after the other. */
  #lastPinned: Uint8Array | undefined;

  /** Octets collected. */
  get length(): number {
    return this.#length;
  }

  /** Octets of memory that what was collected keeps, about. */
  get pinned(): number {
    return Math.max(this.#pinned, this.#length);
  }

  /** Much of the memory that is kept holds nothing that was collected: {@link compact} frees it. */
  get isWasteful(): boolean {
    return this.#pinned > 2 * this.#length + SLACK;
  }

  /**
   * Takes in the octets of a chunk from `start` up to, not including, `end`. They must not change later, unless
   * this collector moves them.
   */
  appendFrom(source: OctetSource, start: number, end: number): void {
    if (end - start >= VIEW_FROM) {
      if (this.#length === 0 && source.hasOwn) {
        this.#home = source;
        this.#homeStart = source.ownFrom;
      }
      this.append(source.view(start, end, plainView), 0, end - start, source.octets);
    } else {
      this.append(source.octets, start, end);
    }
  }

  /**
   * Takes in `octets` from `start` up to, not including, `end`. The octets must not change later, because a long piece is
   * kept as a view of them.
   *
   * @param chunk the memory that such a view keeps alive, for {@link pinned}: it may be larger than `octets`
   */
  append(octets: Uint8Array, start: number, end: number, chunk: Uint8Array = octets): void {
    const length = end - start;
    this.#length += length;
    if (length >= VIEW_FROM) {
      this.#closePart();
      this.#addPiece(
        start === 0 && end === octets.length ? octets : octets.subarray(start, end),
        chunk,
      );
      this.#pin(chunk);
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

  /** Appends everything from the octet at `from` on to another collector, as the pieces that it is in. */
  appendTo(other: OctetCollector, from: number): void {
    this.#closePart();
    if (other.length === 0 && (this.#pieces[0]?.length ?? 0) - from >= VIEW_FROM) {
      other.#home = this.#home;
      other.#homeStart = this.#homeStart;
    }
    let skip = from;
    for (const [i, piece] of this.#pieces.entries()) {
      const skipped = Math.min(skip, piece.length);
      other.append(piece, skipped, piece.length, this.#chunks[i]);
      skip -= skipped;
    }
  }

  /** What was collected, in order, as pieces that no later `append` changes. */
  pieces(): readonly Uint8Array[] {
    this.#closePart();
    return this.#pieces;
  }

  /** Everything from the octet at `from` on as one octet string; the collector stays as it is. */
  join(allocate: Allocate, from = 0): Uint8Array {
    const joined = allocate(this.#length - from);
    this.#joinInto(joined, from);
    return joined;
  }

  /** The same; the collector is empty afterwards. */
  take(allocate: Allocate, from = 0): Uint8Array {
    const joined = this.join(allocate, from);
    this.clear();
    return joined;
  }

  /**
   * The same within the chunk in which the first piece lies, over what is between the pieces and over octets
   * before them that are not needed any more. To move octets within memory that was just written takes a small
   * part of the time that copying into new memory does, which the system has to find page by page
   * (docs/performance-notes.md).
   *
   * No piece is written over before it was moved: what is own begins before the first of them, and between
   * them lie headers, so each goes to where it is or to before that.
   *
   * @returns `undefined` when there is no room in the chunk, or when somebody has seen a part of it since; the
   * collector then stays as it is
   */
  takeInPlace(view: MakeView): Uint8Array | undefined {
    const home = this.#home;
    const start = this.#homeStart;
    const end = start + this.#length;
    if (home === undefined || home.ownFrom !== start || end > home.octets.length) {
      return undefined;
    }
    const joined = home.give(start, end, view);
    this.#joinInto(joined, 0);
    this.clear();
    return joined;
  }

  #joinInto(joined: Uint8Array, from: number): void {
    let offset = -from;
    for (const piece of this.pieces()) {
      if (offset >= 0) {
        joined.set(piece, offset);
      } else {
        joined.set(piece.subarray(-offset));
      }
      offset += piece.length;
    }
  }

  /**
   * Copies what was collected, so that it keeps no chunk. Between two calls at least as many octets are
   * received as the second one copies, if it is called when the collector {@link isWasteful}.
   */
  compact(): void {
    const joined = this.take(allocateZeroed);
    this.#addPiece(joined, joined);
    this.#length = joined.length;
    this.#pin(joined);
  }

  /** Forgets everything. */
  clear(): void {
    this.#home = undefined;
    this.#pieces = NONE;
    this.#chunks = NONE;
    this.#length = 0;
    this.#pinned = 0;
    this.#lastPinned = undefined;
    this.#partStart = this.#partEnd;
    if (this.#block.length > BLOCK_FIRST) {
      this.#block = NO_OCTETS;
      this.#partStart = 0;
      this.#partEnd = 0;
    }
  }

  #addPiece(piece: Uint8Array, chunk: Uint8Array): void {
    if (this.#pieces === NONE) {
      this.#pieces = [];
      this.#chunks = [];
    }
    this.#pieces.push(piece);
    this.#chunks.push(chunk);
  }

  /** A view of this chunk was added. */
  #pin(chunk: Uint8Array): void {
    this.#pinned += VIEW_COST;
    if (chunk !== this.#lastPinned) {
      this.#lastPinned = chunk;
      this.#pinned += chunk.length;
    }
  }

  #nextBlock(): void {
    this.#closePart();
    const size = this.#pieces.length === 0 ? BLOCK_FIRST : 2 * this.#block.length;
    this.#block = new Uint8Array(Math.min(Math.max(size, BLOCK_FIRST), BLOCK_LARGEST));
    this.#pinned += this.#block.length;
    this.#partStart = 0;
    this.#partEnd = 0;
  }

  #closePart(): void {
    if (this.#partEnd > this.#partStart) {
      this.#addPiece(this.#block.subarray(this.#partStart, this.#partEnd), this.#block);
      this.#partStart = this.#partEnd;
    }
  }
}
