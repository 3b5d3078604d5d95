/**
 * Decompresses gzip, as far as it goes. Of data that is damaged, the piece with the damage gives nothing: what is
 * before the damage is given up to `PIECE` octets of compressed data. Data that is cut short is given to its end, as
 * is data that does not match its checksum.
 */
import { createGunzip, type Gunzip } from 'node:zlib';
import { DamagedFile } from './packet.js';

/** Octets that are decompressed at once: they give at most about a thousand times as many. */
const PIECE = 4096;

/** Octets of the checksum and the length at the end (RFC 1952 2.3.1). */
const TRAILER = 8;

/** True if the octets begin like a gzip file (RFC 1952 2.3.1). */
export function isGzip(octets: Buffer): boolean {
  return octets.length >= 3 && octets[0] === 0x1f && octets[1] === 0x8b && octets[2] === 8;
}

/** @throws DamagedFile if the rest cannot be decompressed; what is before it has been given, as said above */
export async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const ready: Buffer[] = [];
  let fault: Error | undefined;
  /** Octets that were given to it, up to the last one that is not 0: a file may be filled up with zeros. */
  let given = 0;
  let filled = 0;
  gunzip.on('data', (octets: Buffer) => ready.push(octets));
  gunzip.on('error', (error) => {
    fault = error;
  });
  const closed = new Promise<void>((resolve) => {
    gunzip.once('close', resolve);
  });
  try {
    for await (const piece of pieces(chunks)) {
      const last = piece.findLastIndex((octet) => octet !== 0);
      filled = last === -1 ? filled : given + last + 1;
      given += piece.length;
      await Promise.race([written(gunzip, piece), closed]);
      yield* ready.splice(0);
      if (gunzip.closed) {
        break;
      }
    }
    gunzip.end();
    await closed;
    yield* ready.splice(0);
    // Octets behind zeros are ignored: also another member of gzip data.
    if (fault === undefined && filled > gunzip.bytesWritten) {
      fault = new Error('there are octets behind its end');
    }
  } finally {
    gunzip.destroy();
  }
  if (fault !== undefined) {
    throw new DamagedFile(`the gzip data is damaged or cut short: ${fault.message}`);
  }
}

function written(gunzip: Gunzip, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    gunzip.write(piece, () => resolve());
  });
}

/** Gives what is to be decompressed at once; the trailer at the end by itself, so that all data is before it. */
async function* pieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const octets = Buffer.concat([rest, chunk]);
    const end = Math.max(0, octets.length - TRAILER);
    for (let at = 0; at < end; at += PIECE) {
      yield octets.subarray(at, Math.min(at + PIECE, end));
    }
    rest = octets.subarray(end);
  }
  yield rest;
}
