/**
 * Octets of core as the Buffers of Node, without a copy.
 */

/** The same octets as a Buffer; octets that came from a socket are one already. */
export function toBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets)
    ? octets
    : Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}

/** What any stream may give, as a Buffer. */
export function asBuffer(chunk: Uint8Array | string): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : toBuffer(chunk);
}

/** A Buffer of its own, which keeps no larger one alive. */
export function copyToBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets);
}
