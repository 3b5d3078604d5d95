/**
 * A received TPDU before it is classified: its octets, its type by the code alone, its fault as a value, and a DR as far
 * as it can be read.
 */
import { ProtocolError } from '../errors.js';
import { NO_OCTETS, octetAt, readUint } from '../octets/octets.js';
import { tpduTypeOf } from '../tpdu/codes.js';
import type { Decoded, DisconnectRequest, Tpdu, TpduType } from '../tpdu/types.js';

/** A received TPDU: its octets, and what they mean or what is wrong with them. */
export interface ReceivedTpdu {
  readonly octets: Uint8Array;
  readonly tpdu: Tpdu | ProtocolError;
}

/** The type that the code says, whatever is wrong with the rest; `undefined` if no TPDU has the code. */
export function typeOf(octets: Uint8Array): TpduType | undefined {
  return tpduTypeOf(octets[1] ?? 0);
}

/** Returns the result of `act`, or the `ProtocolError` that it throws. */
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

/** LI of a DR that ends with its reason. */
const MIN_LI = 6;

/**
 * A DR without its parameters and user data, which may be at fault: even then the peer has ended the connection.
 * `undefined` if LI is out of range.
 */
export function readDr(octets: Uint8Array): (DisconnectRequest & Decoded) | undefined {
  const li = octets[0] ?? 0;
  if (li < MIN_LI || li === 255 || li >= octets.length) {
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
