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

/**
 * A source of views. Where a typed array lies in memory is asked of it once: to ask takes longer than
 * to make a view, and `subarray` asks each time.
 */
export class OctetSource {
  readonly octets: Uint8Array;
  /**
   * Nobody else looks at the octets, so who reads them may move them. An observer that has seen some
   * ends it, for it keeps what it has seen.
   */
  isOwn: boolean;
  readonly #buffer: ArrayBufferLike;
  readonly #byteOffset: number;

  constructor(octets: Uint8Array, isOwn = false) {
    this.octets = octets;
    this.isOwn = isOwn;
    this.#buffer = octets.buffer;
    this.#byteOffset = octets.byteOffset;
  }

  /** The octets from `start` up to, not including, `end`, as a view that `make` makes. */
  view<T extends Uint8Array>(start: number, end: number, make: MakeView<T>): T {
    return make(this.#buffer, this.#byteOffset + start, end - start);
  }
}
