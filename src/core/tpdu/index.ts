/**
 * `cotp/tpdu`: encodes and decodes the TPDUs of X.224. It does no I/O and does not depend on Node.
 *
 * ```ts
 * import { decode, encode } from 'cotp/tpdu';
 *
 * const octets = encode({ type: 'DT', userData: Uint8Array.of(1, 2, 3) });
 * decode(octets, { class: 0 });
 * ```
 */
export { CotpError, type CotpErrorCode, ProtocolError } from '../errors.js';
export { FAULTS, type Fault, type FaultRow, type RejectCause } from '../faults.js';
export { disconnectReason, rejectCauseText } from './codes.js';
export { decode, decodeNsdu } from './decode.js';
export { type EncodeOptions, encode } from './encode.js';
export { type Explanation, explainTpdu } from './explain.js';
export type * from './types.js';
