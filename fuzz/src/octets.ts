/**
 * Converts octets to text and back, and joins them. An input is written as the hexadecimal digits of its
 * chunks, with a comma at every cut.
 */

export const TPKT_HEADER_LENGTH = 4;

export function join(...pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/** A TPKT around a payload. */
export function tpkt(payload: Uint8Array): Uint8Array {
  const length = payload.length + TPKT_HEADER_LENGTH;
  return join(Uint8Array.of(3, 0, length >> 8, length & 0xff), payload);
}

/** Parses text such as `0300,0007 02f080`. White space is ignored. */
export function parseChunks(text: string): Uint8Array[] {
  return text.split(',').map((part) => {
    const digits = part.replace(/\s+/g, '');
    if (!/^([0-9a-f]{2})*$/i.test(digits)) {
      throw new TypeError(`--replay must be pairs of hexadecimal digits, not ${part}`);
    }
    return Uint8Array.from(Buffer.from(digits, 'hex'));
  });
}

export function formatChunks(chunks: readonly Uint8Array[]): string {
  return chunks.map((chunk) => Buffer.from(chunk).toString('hex')).join(',');
}

export function sameOctets(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
