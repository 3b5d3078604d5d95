/**
 * The TPDU size codes of parameter 0xC0 (X.224 13.3.4 b), and the largest and smallest TPDU size.
 */

/**
 * Largest TPDU that fits into a TPKT, in octets: 65535 minus the four octets of the TPKT header
 * (RFC 1006 §6).
 */
export const MAX_TPDU_SIZE = 65_531;

/** Smallest TPDU size that can be negotiated, in octets. */
export const MIN_TPDU_SIZE = 128;

/** Unit of the preferred maximum TPDU size, in octets (X.224 13.3.4 c). */
export const PREFERRED_SIZE_UNIT = 128;

/**
 * Limits of the codes. Each code means a power of two. `last` is the largest code of X.224, of 8192 octets;
 * `lastInClass0` the largest that it allows in class 0, 2048; `lastSent` the largest whose size fits into a
 * TPKT, 32768; `lastSeen` the largest that deployed stacks send, 65536, which a TPKT limits to 65531.
 */
export const SIZE_CODES = {
  first: 0x07,
  lastInClass0: 0x0b,
  last: 0x0d,
  lastSent: 0x0f,
  lastSeen: 0x10,
} as const;

/** The size in octets of a code; `undefined` if the code is not valid. */
//= X.224 13.3.4 b
export function sizeOfCode(code: number): number | undefined {
  if (code < SIZE_CODES.first || code > SIZE_CODES.lastSeen) {
    return undefined;
  }
  return Math.min(1 << code, MAX_TPDU_SIZE);
}

/** The code of exactly `size` octets; `undefined` if there is none. */
export function codeOfSize(size: number): number | undefined {
  for (let code: number = SIZE_CODES.first; code <= SIZE_CODES.lastSeen; code += 1) {
    if (sizeOfCode(code) === size) {
      return code;
    }
  }
  return undefined;
}

/**
 * The largest size in octets that has a code up to `lastCode` and is not above `limit`. If `limit` is below
 * 128 it is 128, the smallest size.
 */
export function largestCodedSize(limit: number, lastCode: number): number {
  let largest = MIN_TPDU_SIZE;
  for (let code: number = SIZE_CODES.first; code <= lastCode; code += 1) {
    const size = sizeOfCode(code);
    if (size !== undefined && size <= limit) {
      largest = size;
    }
  }
  return largest;
}
