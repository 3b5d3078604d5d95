/**
 * What Uint8Array lacks: big-endian numbers, comparison, joining, hexadecimal.
 * Knows nothing of the protocol.
 */

/** An empty octet string, shared because it cannot be changed. */
export const NO_OCTETS: Uint8Array = new Uint8Array(0);

/**
 * Reads the octet at `offset`.
 *
 * @throws RangeError when there is none: a decoder has judged the length before it reads, so this
 * is a mistake of ours and never a peer's.
 */
export function octetAt(octets: Uint8Array, offset: number): number {
  const value = octets[offset];
  if (value === undefined) {
    throw new RangeError(`no octet at offset ${offset} of ${octets.length}`);
  }
  return value;
}

/** Reads an unsigned number of `length` octets (1 to 6), most significant first (X.224 13.2). */
//= X.224 13.2 para 2
export function readUint(octets: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i += 1) {
    // Multiplication, not shifting: a 32-bit TPDU-NR or timer must not turn negative.
    value = value * 256 + octetAt(octets, offset + i);
  }
  return value;
}

/** Writes an unsigned number in `length` octets, most significant first, and gives the next offset. */
//= X.224 13.2 para 2
export function writeUint(
  octets: Uint8Array,
  offset: number,
  length: number,
  value: number,
): number {
  let rest = value;
  for (let i = length - 1; i >= 0; i -= 1) {
    octets[offset + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return offset + length;
}

/** An unsigned number as its own octet string of `length` octets. */
export function uintOctets(value: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  writeUint(octets, 0, length, value);
  return octets;
}

/**
 * A copy of the octets from `start` up to, not including, `end`, in memory of its own. `slice` of a Buffer of Node
 * gives a view, although that of a Uint8Array copies.
 */
export function copyOf(octets: Uint8Array, start = 0, end = octets.length): Uint8Array {
  return Uint8Array.prototype.slice.call(octets, start, end);
}

/** Below this many octets a loop is faster than the call of `set`. */
const LOOP_BELOW = 48;

/** Copies octets to `offset` of others. */
export function copyOctets(from: Uint8Array, to: Uint8Array, offset: number): void {
  const { length } = from;
  if (length < LOOP_BELOW) {
    for (let i = 0, o = offset; i < length; i += 1, o += 1) {
      to[o] = from[i] as number;
    }
  } else {
    to.set(from, offset);
  }
}

/** True when both hold the same octets, the length included. */
export function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

/** Copies the pieces, in order, into one new octet string. */
export function joinOctets(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) {
    length += piece.length;
  }
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/** A number of octets in words. */
export function octetCount(octets: number): string {
  return octets === 1 ? '1 octet' : `${octets} octets`;
}

/** Lower-case hexadecimal, two digits an octet, `separator` between octets. */
export function toHex(octets: Uint8Array, separator = ''): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(separator);
}

/**
 * Octets of a string of hexadecimal digits; white space, colons and full stops between them are
 * skipped. Gives `undefined` when anything else, or an odd number of digits, is in it.
 */
export function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/[\s:.]/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    return undefined;
  }
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.substring(2 * i, 2 * i + 2), 16),
  );
}
