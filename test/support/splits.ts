/**
 * The ways in which TCP may cut a run of octets. A decoder must give the same for all of them.
 */

/** One way to cut, with its name for the test. */
export interface Split {
  readonly name: string;
  readonly chunks: readonly Uint8Array[];
}

/** Octets of hexadecimal digits; white space between them is free. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

/** Octets as hexadecimal digits: quick to compare when there are many. */
export function digits(...pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString('hex');
}

/** The pieces behind one another. */
export function join(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(pieces));
}

/** `length` octets that differ from their neighbours, so that a lost or swapped one shows. */
export function pattern(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (from + i) % 251);
}

/** A TPKT around a payload. */
export function tpkt(payload: Uint8Array): Uint8Array {
  const length = payload.length + 4;
  return join(Uint8Array.of(3, 0, length >> 8, length & 0xff), payload);
}

/** In chunks of `size` octets, the last one shorter. */
export function chunksOf(octets: Uint8Array, size: number): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(octets.length / size) }, (_, i) =>
    octets.slice(i * size, (i + 1) * size),
  );
}

/** Cut at each of these offsets, in any order. */
export function cutAt(octets: Uint8Array, offsets: readonly number[]): readonly Uint8Array[] {
  const cuts = [0, ...[...offsets].sort((a, b) => a - b), octets.length];
  return cuts.slice(1).map((end, i) => octets.slice(cuts[i], end));
}

/** Whole, octet by octet, and every cut in two. */
export function splits(octets: Uint8Array): readonly Split[] {
  return [
    { name: 'whole', chunks: [octets.slice()] },
    { name: 'octet by octet', chunks: chunksOf(octets, 1) },
    ...Array.from({ length: Math.max(0, octets.length - 1) }, (_, i) => ({
      name: `cut after octet ${i + 1}`,
      chunks: cutAt(octets, [i + 1]),
    })),
  ];
}

/** The same, with `trailing` behind the octets in the last chunk. */
export function splitsWithTrailing(octets: Uint8Array, trailing: Uint8Array): readonly Split[] {
  return splits(octets).map(({ name, chunks }) => ({
    name: `${name}, with ${trailing.length} octets behind`,
    chunks: chunks.map((chunk, i) => (i === chunks.length - 1 ? join(chunk, trailing) : chunk)),
  }));
}

/** The payloads of TPKTs behind one another. */
export function splitTpkts(octets: Uint8Array): readonly Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0);
    payloads.push(octets.slice(at + 4, at + length));
    at += Math.max(4, length);
  }
  return payloads;
}
