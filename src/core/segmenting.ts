/**
 * How a TSDU is cut into DT TPDUs (X.224 6.3): as plain numbers. Knows no octets.
 */
import type { DataForm } from './tpdu/types.js';

/** Header of a DT without parameters, LI included, in octets (X.224 13.7.1). */
export const DT_HEADER_LENGTHS: Readonly<Record<DataForm, number>> = {
  short: 3,
  normal: 5,
  extended: 8,
};

/** What one DT of a TSDU carries. */
export interface Segment {
  /** Where it begins in the TSDU, in octets. */
  readonly offset: number;
  /** Octets of user data; never 0. */
  readonly length: number;
  /** True in the last one only. */
  readonly eot: boolean;
}

/** User data that one DT holds, in octets: the TPDU size counts the header (X.224 13.3.4 b). */
export function maxUserData(maxTpduSize: number, form: DataForm = 'short'): number {
  return maxTpduSize - DT_HEADER_LENGTHS[form];
}

/** How many DT a TSDU of `tsduLength` octets takes. */
export function segmentCount(tsduLength: number, maxTpduSize: number, form?: DataForm): number {
  return Math.ceil(tsduLength / maxUserData(maxTpduSize, form));
}

/**
 * The segments of a TSDU, each as long as it may be. No DT is empty: EOT stands on the last full
 * one. A TSDU of no octets has none, for there is no such TSDU.
 */
export function segments(
  tsduLength: number,
  maxTpduSize: number,
  form?: DataForm,
): readonly Segment[] {
  const step = maxUserData(maxTpduSize, form);
  return Array.from({ length: segmentCount(tsduLength, maxTpduSize, form) }, (_, i) => {
    const offset = i * step;
    const length = Math.min(step, tsduLength - offset);
    return { offset, length, eot: offset + length === tsduLength };
  });
}
