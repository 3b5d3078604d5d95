/**
 * Builds the ER for a faulty TPDU (X.224 6.22, 13.12). The caller decides whether to send it.
 */
import type { ProtocolError } from '../errors.js';
import { MAX_TPDU_SIZE } from './codes.js';
import { encode } from './encode.js';

/** Largest value of parameter 0xC1 in an ER, because LI is limited (X.224 13.2.3 note). */
const MAX_INVALID_TPDU = 248;

/** Octets of an ER around the value of 0xC1: LI, code, DST-REF, cause, parameter code and length. */
const OVERHEAD = 7;

/**
 * Encodes the ER for a faulty TPDU. It quotes the TPDU up to and including the faulty octet, as class 0
 * requires (X.224 13.12.4 a), or as much of it as fits. The caller must not answer an ER by an ER.
 *
 * @param tpdu the faulty TPDU
 * @param dstRef reference of the peer; 0 if it is not known
 * @param maxTpduSize TPDU size in force, in octets; absent if none was negotiated
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
