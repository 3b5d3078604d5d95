/**
 * Judges whether octets of a captured stream are the start of a TPKT with a TPDU. Other protocols can have an
 * octet of 3 too, and in a stream whose start is missing a TPKT can begin anywhere.
 */
import { MIN_TPKT_LENGTH, TPKT_HEADER_LENGTH, TPKT_VERSION } from '../../node/codes.js';

/** The octets that are judged: the TPKT header, LI and TPDU code. */
export const JUDGED = 6;

/** Least and largest LI of each TPDU, by the upper half of its code (X.224 13.3 to 13.12). */
const LI_RANGES: Readonly<Record<number, readonly [least: number, largest: number]>> = {
  14: [6, 254],
  13: [6, 254],
  8: [6, 254],
  12: [5, 254],
  15: [2, 11],
  1: [2, 11],
  6: [4, 254],
  2: [4, 254],
  5: [4, 254],
  7: [4, 254],
};

/** `'unknown'`: more octets are needed. */
export type Plausibility = 'yes' | 'no' | 'unknown';

/**
 * Judges the octets at an offset: TPKT version, reserved octet, length, LI and TPDU code.
 *
 * @param ignoresReserved the reserved octet may have any value (RFC 2126 6.10)
 */
export function beginsTpkt(octets: Buffer, at: number, ignoresReserved = false): Plausibility {
  const [version, reserved, high, low, li, code] = octets.subarray(at, at + JUDGED);
  if (version === undefined) {
    return 'unknown';
  }
  if (version !== TPKT_VERSION || (!ignoresReserved && (reserved ?? 0) !== 0)) {
    return 'no';
  }
  if (low === undefined) {
    return 'unknown';
  }
  const length = ((high ?? 0) << 8) | low;
  if (length < MIN_TPKT_LENGTH || (li !== undefined && TPKT_HEADER_LENGTH + 1 + li > length)) {
    return 'no';
  }
  if (li === undefined || code === undefined) {
    return 'unknown';
  }
  const [least, largest] = LI_RANGES[code >> 4] ?? [255, 0];
  return li >= least && li <= largest ? 'yes' : 'no';
}
