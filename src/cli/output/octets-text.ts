/**
 * Octets as text of one line.
 */

/** Octets in hexadecimal, without spaces. */
export function hexText(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}

/** Octets in hexadecimal, and as text if all of them are printable ASCII. */
export function octetsText(octets: Uint8Array): string {
  const isText = octets.every((octet) => octet >= 0x20 && octet < 0x7f);
  return isText
    ? `${hexText(octets)} ${JSON.stringify(String.fromCharCode(...octets))}`
    : hexText(octets);
}

/** Octets in hexadecimal; `undefined` stays `undefined`. */
export function optionalHex(octets: Uint8Array | undefined): string | undefined {
  return octets === undefined ? undefined : hexText(octets);
}
