/**
 * What every reading of a received TPDU needs: its code, its fault as a value, and a DR as far as it can be read.
 */
import { ProtocolError } from '../errors.js';
import { NO_OCTETS, octetAt, readUint } from '../octets/octets.js';
import type { Decoded, DisconnectRequest } from '../tpdu/types.js';

/** The TPDU code without the four bits beside it. */
export function codeOf(octets: Uint8Array): number {
  return (octets[1] ?? 0) & 0xf0;
}

/** Returns the result of `act`, or the fault of the peer that it throws. */
export function faultOr<T>(act: () => T): T | ProtocolError {
  try {
    return act();
  } catch (error) {
    if (error instanceof ProtocolError) {
      return error;
    }
    throw error;
  }
}

/** Octets of a DR up to its reason. */
const FIXED_LENGTH = 7;

/**
 * A DR whose parameters or user data are at fault, as far as it can be read; `undefined` where LI is out of range. It
 * says all the same that the peer has finished.
 */
export function readDr(octets: Uint8Array): (DisconnectRequest & Decoded) | undefined {
  const li = octets[0] ?? 0;
  if (octets.length < FIXED_LENGTH || li < FIXED_LENGTH - 1 || li === 255 || li >= octets.length) {
    return undefined;
  }
  return {
    type: 'DR',
    dstRef: readUint(octets, 2, 2),
    srcRef: readUint(octets, 4, 2),
    reason: octetAt(octets, 6),
    parameters: {},
    unknownParameters: [],
    rawParameters: [],
    userData: NO_OCTETS,
    li,
    diagnostics: [],
  };
}
