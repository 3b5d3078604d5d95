/**
 * The ER that answers a TPDU at fault (X.224 6.22, 13.12). Knows nothing of when one is sent.
 */
import type { ProtocolError } from '../errors.js';
import { encode } from './encode.js';
import { MAX_TPDU_SIZE } from './codes.js';

/** Largest value of parameter 0xC1 in an ER: what LI leaves for it (X.224 13.2.3 note). */
const MAX_INVALID_TPDU = 248;

/** Octets of an ER around the value of 0xC1: LI, code, DST-REF, cause, parameter code and length. */
const OVERHEAD = 7;

/**
 * Encodes the ER for a TPDU at fault. It quotes the TPDU up to and including the offending octet,
 * which class 0 demands (X.224 13.12.4 a), as far as it fits. An ER is never answered by an ER;
 * that is for the caller to see to.
 *
 * @param tpdu the octets at fault
 * @param dstRef reference of the peer, 0 where it gave none
 * @param maxTpduSize size in force, in octets; absent before there is one
 */
//= X.224 6.22.1.3 para 3
//= X.224 13.12.4 a
export function erFor(
  error: ProtocolError,
  tpdu: Uint8Array,
  dstRef: number,
  maxTpduSize: number = MAX_TPDU_SIZE,
): Uint8Array {
  const most = Math.min(MAX_INVALID_TPDU, maxTpduSize - OVERHEAD, error.octet ?? tpdu.length);
  return encode({
    type: 'ER',
    dstRef,
    rejectCause: error.rejectCause ?? 0,
    parameters: { invalidTpdu: tpdu.subarray(0, most) },
  });
}
