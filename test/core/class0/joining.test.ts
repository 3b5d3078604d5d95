/** TSDUs joined in the chunks that they came in: nothing that was given out before is written over. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksOf, hex, join, pattern, tpkt } from '../../support/splits.js';
import { messages, packet, responder } from '../../support/states.js';

/** An open connection whose observer sees what it sees while `isWatching` says so. */
function watched(isWatching: () => boolean) {
  const seen: { readonly tpdu: Uint8Array; readonly was: Uint8Array }[] = [];
  const observer = {
    get isWatching() {
      return isWatching();
    },
    see: (direction: string, tpdu: Uint8Array) => {
      if (direction === 'received') {
        seen.push({ tpdu, was: Uint8Array.from(tpdu) });
      }
    },
  };
  const subject = responder({ maxTpduSize: 65_531, observer });
  const parameters = { tpduSize: 2048, preferredMaxTpduSize: 65_408 } as const;
  subject.feed(packet({ type: 'CR', srcRef: 7, parameters }));
  subject.connection.accept({}, 0);
  subject.quiet();
  return { subject, seen };
}

/** The DTs of a TSDU; in one form of header that only the codec takes, if that is wanted. */
function dts(tsdu: Uint8Array, userData: number, isPlain: boolean): Uint8Array {
  const parts = chunksOf(tsdu, userData);
  const nr = isPlain ? 0 : 5;
  return join(
    ...parts.map((part, i) =>
      tpkt(join(hex('02f0'), Uint8Array.of(nr | (i === parts.length - 1 ? 0x80 : 0)), part)),
    ),
  );
}

const tsdus = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 9_000 }),
    userData: fc.integer({ min: 500, max: 3_000 }),
    isPlain: fc.oneof({ arbitrary: fc.constant(true), weight: 6 }, fc.constant(false)),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Whether the observer watches, each time that it is asked; often never. */
const watching = fc.oneof(fc.constant([false]), fc.array(fc.boolean(), { minLength: 1 }));

const cuts = fc.array(fc.integer({ min: 1, max: 12_000 }), { minLength: 1, maxLength: 8 });

/** The octets in chunks of these lengths, over and over; each has memory of its own, as from a socket. */
function ownChunks(octets: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < octets.length; i += 1) {
    const length = lengths[i % lengths.length] ?? octets.length;
    chunks.push(octets.slice(at, at + length));
    at += length;
  }
  return chunks;
}

describe('TSDUs joined in the chunks in which they began', () => {
  it('are what was sent, and stay so, whatever DTs they came in and however TCP cut those', () => {
    let joinedThere = 0;
    fc.assert(
      fc.property(tsdus, cuts, watching, (sent, lengths, looks) => {
        let look = 0;
        const { subject, seen } = watched(() => {
          look += 1;
          return looks[look % looks.length] === true;
        });
        const octets = sent.map(({ size }, i) => pattern(size + i).subarray(i));
        const wire = join(
          ...sent.map(({ userData, isPlain }, i) =>
            dts(octets[i] as Uint8Array, userData, isPlain),
          ),
        );
        const chunks = ownChunks(wire, lengths);
        const received: Uint8Array[] = [];
        for (const part of chunks) {
          subject.connection.receive(part, 0, true);
          received.push(...messages(subject));
        }
        expect(received.map((tsdu, i) => Buffer.compare(tsdu, octets[i] as Uint8Array))).toEqual(
          octets.map(() => 0),
        );
        for (const { tpdu, was } of seen) {
          expect(Buffer.compare(tpdu, was)).toBe(0);
        }
        joinedThere += received.filter(({ buffer, length }, i) => {
          const inSeveral = length > (sent[i]?.userData ?? 0);
          return inSeveral && chunks.some((part) => part.buffer === buffer);
        }).length;
      }),
      { numRuns: 300 },
    );
    expect(joinedThere).toBeGreaterThan(50);
  });
});
