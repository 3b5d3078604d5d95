/** What the tests of the codec share. */
import { fromHex } from '../../../src/core/octets/octets.js';

/** The octets of hexadecimal text with spaces between fields. */
export function hex(text: string): Uint8Array {
  const octets = fromHex(text);
  if (octets === undefined) {
    throw new Error(`not hexadecimal: ${text}`);
  }
  return octets;
}

/** A number of equal octets. */
export function many(count: number, octet = 0x41): Uint8Array {
  return new Uint8Array(count).fill(octet);
}
