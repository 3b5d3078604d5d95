/** TSDUs joined in the chunks that they came in: nothing that was given out before is written over. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutAt, hex, join, pattern, tpkt } from '../../support/splits.js';
import { initiator, messages, OURS, packet, responder } from '../../support/states.js';

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
    seeRun: () => expect.unreachable(),
  };
  const subject = responder({ maxTpduSize: 65_531, observer });
  const parameters = { tpduSize: 2048, preferredMaxTpduSize: 65_408 } as const;
  subject.feed(packet({ type: 'CR', srcRef: 7, parameters }));
  subject.connection.accept({}, 0);
  subject.quiet();
  return { subject, seen };
}

/** The DTs of a TSDU, of these lengths; in a form of header that only the codec takes, if that is wanted. */
function dts(tsdu: Uint8Array, lengths: readonly number[], isPlain: boolean): Uint8Array {
  const nr = isPlain ? 0 : 5;
  let at = 0;
  return join(
    ...lengths.map((length, i) => {
      const part = tsdu.subarray(at, at + length);
      at += length;
      return tpkt(
        join(hex('02f0'), Uint8Array.of(nr | (i === lengths.length - 1 ? 0x80 : 0)), part),
      );
    }),
  );
}

/** Octets of user data of one DT: so few that they are copied, so many that they are not, or none. */
const length = fc.oneof(
  { arbitrary: fc.integer({ min: 500, max: 3_000 }), weight: 4 },
  { arbitrary: fc.integer({ min: 1, max: 30 }), weight: 2 },
  fc.constant(0),
);

const tsdus = fc.array(
  fc.record({
    // The first begins the TSDU, so it has an octet.
    lengths: fc
      .tuple(fc.integer({ min: 1, max: 3_000 }), fc.array(length, { maxLength: 6 }))
      .map(([first, others]) => [first, ...others]),
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
  //= X.224 6.3.3 note 2 test
  it('are what was sent, and stay so, whatever DTs they came in and however TCP cut those', () => {
    let joinedThere = 0;
    fc.assert(
      fc.property(tsdus, cuts, watching, (sent, lengths, looks) => {
        let look = 0;
        const { subject, seen } = watched(() => {
          look += 1;
          return looks[look % looks.length] === true;
        });
        const octets = sent.map(({ lengths: parts }, i) =>
          pattern(parts.reduce((sum, part) => sum + part) + i).subarray(i),
        );
        const wire = join(
          ...sent.map((each, i) => dts(octets[i] as Uint8Array, each.lengths, each.isPlain)),
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
        joinedThere += received.filter(
          ({ buffer }, i) =>
            (sent[i]?.lengths.length ?? 0) > 1 && chunks.some((part) => part.buffer === buffer),
        ).length;
      }),
      { numRuns: 300 },
    );
    expect(joinedThere).toBeGreaterThan(50);
  });

  it('are right when a later chunk has room for all of one and begins with a part of it', () => {
    const { subject } = watched(() => false);
    const tsdu = pattern(1_000 + 600 + 300 * 10 + 700);
    const wire = dts(tsdu, [1_000, 600, ...Array.from({ length: 300 }, () => 10), 700], true);
    for (const chunk of cutAt(wire, [1_007, wire.length - 107])) {
      subject.connection.receive(Uint8Array.from(chunk), 0, true);
    }
    expect(messages(subject)).toEqual([tsdu]);
  });

  it('leave alone what a CR in front of them has given to the user', () => {
    const subject = responder({ maxTpduSize: 65_531 });
    const userData = pattern(32);
    const parameters = { tpduSize: 2048, callingTsel: pattern(8), calledTsel: pattern(9) } as const;
    const tsdu = pattern(4_000);
    const chunk = join(
      packet({ type: 'CR', srcRef: 7, parameters, userData }),
      dts(tsdu, [2_000, 2_000], true),
    );
    subject.connection.receive(chunk, 0, true);
    const [indication] = subject.events();
    subject.connection.accept({}, 0);
    subject.connection.resume(0);
    expect(messages(subject)).toEqual([tsdu]);
    expect(indication).toMatchObject({
      type: 'connectIndication',
      request: { userData, parameters: { callingTsel: pattern(8), calledTsel: pattern(9) } },
    });
  });

  it('leave alone a chunk that waited for an answer and that others may see', () => {
    const subject = responder({ maxTpduSize: 65_531 });
    const cr = packet({ type: 'CR', srcRef: 7, parameters: { tpduSize: 2048 } });
    const tsdu = pattern(4_000);
    const chunk = join(cr, dts(tsdu, [2_000, 2_000], true));
    const before = Uint8Array.from(chunk);
    subject.connection.receive(chunk, 0);
    subject.connection.accept({}, 0);
    subject.connection.resume(0);
    expect(messages(subject)).toEqual([tsdu]);
    expect(chunk).toEqual(before);
  });

  it('leave alone what a CC in front of them has given to the user', () => {
    const subject = initiator({ maxTpduSize: 65_531 });
    subject.connection.streamConnected(0);
    subject.quiet();
    const userData = pattern(32);
    const tsdu = pattern(4_000);
    const cc = packet({
      type: 'CC',
      dstRef: OURS,
      srcRef: 7,
      parameters: { tpduSize: 2048 },
      userData,
    });
    subject.connection.receive(join(cc, dts(tsdu, [2_000, 2_000], true)), 0, true);
    const [open, data] = subject.events();
    expect(open).toMatchObject({ type: 'open', confirm: { userData } });
    expect(data).toEqual({ type: 'data', message: tsdu });
  });
});
