/**
 * CRC32c (RFC 4960, appendix B), the checksum that a PROXY header of version 2 may contain.
 */
import { octetAt } from '../octets/octets.js';

/** The polynomial 0x1EDC6F41, its bits in reverse order. */
const POLYNOMIAL = 0x82f6_3b78;

/** The checksum of these octets, 0 to 0xFFFFFFFF. Headers are short and few, so it needs no table. */
export function crc32c(octets: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let i = 0; i < octets.length; i += 1) {
    crc ^= octetAt(octets, i);
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    }
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
