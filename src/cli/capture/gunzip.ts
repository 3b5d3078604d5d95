/** Decompresses gzip, as far as it goes: what was decompressed before damage is not lost. */
import { createGunzip } from 'node:zlib';
import { DamagedFile } from './packet.js';

/** Octets that are decompressed at once: they give at most about a thousand times as many. */
const PIECE = 4096;

/** True if the octets begin like a gzip file (RFC 1952 2.3.1). */
export function isGzip(octets: Buffer): boolean {
  return octets.length >= 3 && octets[0] === 0x1f && octets[1] === 0x8b && octets[2] === 8;
}

/** @throws DamagedFile if the rest cannot be decompressed; everything before it has been given */
export async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const ready: Buffer[] = [];
  let fault: Error | undefined;
  gunzip.on('data', (octets: Buffer) => ready.push(octets));
  gunzip.on('error', (error) => {
    fault = error;
  });
  const closed = new Promise<void>((resolve) => {
    gunzip.once('close', resolve);
  });
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length && !gunzip.closed; at += PIECE) {
        const written = new Promise<void>((resolve) => {
          gunzip.write(chunk.subarray(at, at + PIECE), () => resolve());
        });
        await Promise.race([written, closed]);
        yield* ready.splice(0);
      }
      if (gunzip.closed) {
        break;
      }
    }
    gunzip.end();
    await closed;
    yield* ready.splice(0);
  } finally {
    gunzip.destroy();
  }
  if (fault !== undefined) {
    throw new DamagedFile(`the gzip data is damaged or cut short: ${fault.message}`);
  }
}
