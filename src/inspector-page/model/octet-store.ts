/**
 * Keeps the octets of TPDUs in large pieces of memory. A typed array of its own for each of 100,000 small TPDUs
 * would cost far more than the octets.
 */

/** Octets of one piece. A piece is freed when no TPDU in it is kept. */
const SLAB_SIZE = 256 * 1024;

/** Where octets are kept. */
export interface Stored {
  readonly slab: Uint8Array;
  readonly start: number;
  readonly length: number;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Uint8Array(128);
for (let value = 0; value < DIGITS.length; value += 1) {
  VALUES[DIGITS.charCodeAt(value)] = value;
}

/** Stores octets one behind the other. */
export class OctetStore {
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** Decodes base64 into memory of the store. Characters that are not base64 count as zero bits. */
  addBase64(text: string): Stored {
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    const digits = text.length - padding;
    const length = Math.floor((digits * 3) / 4);
    const stored = this.#reserve(length);
    const { slab } = stored;
    const end = stored.start + length;
    let at = stored.start;
    for (let i = 0; i < digits; i += 4) {
      const group =
        (valueAt(text, i) << 18) |
        (valueAt(text, i + 1) << 12) |
        (valueAt(text, i + 2) << 6) |
        valueAt(text, i + 3);
      for (let shift = 16; shift >= 0 && at < end; shift -= 8) {
        slab[at] = group >> shift;
        at += 1;
      }
    }
    return stored;
  }

  #reserve(length: number): Stored {
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_SIZE, length));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return { slab: this.#slab, start, length };
  }
}

function valueAt(text: string, index: number): number {
  return VALUES[text.charCodeAt(index)] ?? 0;
}
