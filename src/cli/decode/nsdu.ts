/**
 * Splits the content of a TPKT into its TPDUs: in the classes other than 0, TPDUs without user data may come
 * before another one (X.224 6.4).
 */
import { type DecodeOptions, decodeNsdu, ProtocolError } from '../../core/tpdu/index.js';

/**
 * The octets of each TPDU. Content that is not wholly made of TPDUs is not split: it is explained, and its
 * fault reported, as one.
 */
export function tpdusOf(nsdu: Buffer, options: DecodeOptions): readonly Buffer[] {
  const { maxTpduSize: _size, ...readable } = options;
  try {
    const tpdus = decodeNsdu(nsdu, readable);
    let start = 0;
    return tpdus.map(({ li }, index) => {
      const end = index === tpdus.length - 1 ? nsdu.length : start + 1 + li;
      const octets = nsdu.subarray(start, end);
      start = end;
      return octets;
    });
  } catch (error) {
    if (error instanceof ProtocolError) {
      return [nsdu];
    }
    throw error;
  }
}
