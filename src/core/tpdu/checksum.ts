/**
 * The checksum of class 4 (X.224 6.17 and its annex on checksums): two octets, chosen so that the sum of all
 * octets and the sum of all octets multiplied by their positions are both zero modulo 255.
 */
import { copyOf } from '../octets/octets.js';

/** The modulus is 255, not 256: an octet of 255 counts as zero. */
const MODULUS = 255;

/** The two sums over a whole TPDU, beginning with the LI octet. */
function sums(tpdu: Uint8Array): { c0: number; c1: number } {
  let c0 = 0;
  let c1 = 0;
  for (const octet of tpdu) {
    c0 = (c0 + octet) % MODULUS;
    c1 = (c1 + c0) % MODULUS;
  }
  return { c0, c1 };
}

/** True if the checksum of a whole TPDU, including user data, is correct. */
//= X.224 6.17.3 para 2
export function isChecksumCorrect(tpdu: Uint8Array): boolean {
  const { c0, c1 } = sums(tpdu);
  return c0 === 0 && c1 === 0;
}

/**
 * Computes the two checksum octets of a whole TPDU. Their current values are ignored.
 *
 * @param offset offset of the first checksum octet, counted from 0
 * @returns both octets as one 16-bit number; each is 0 to 254
 */
//= X.224 6.17.3 para 2
export function checksumOf(tpdu: Uint8Array, offset: number): number {
  const zeroed = copyOf(tpdu);
  zeroed.fill(0, offset, offset + 2);
  const { c0, c1 } = sums(zeroed);
  const after = tpdu.length - offset - 1;
  const x = modulo(after * c0 - c1);
  const y = modulo(c1 - (after + 1) * c0);
  return x * 256 + y;
}

/** The remainder, never negative. */
function modulo(value: number): number {
  return ((value % MODULUS) + MODULUS) % MODULUS;
}
