/**
 * Octets that views are cut from, many of the same. Knows nothing of what they mean.
 */

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
