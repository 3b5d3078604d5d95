/** What holds for a class 0 connection whatever the octets, the cuts and the sizes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CotpError } from '../../src/core/errors.js';
import { allocateZeroed, OctetCollector } from '../../src/core/octets/collector.js';
import { TpktSplitter } from '../../src/core/tpkt/splitter.js';
import { Pair } from '../support/pair.js';
import { runs } from '../support/runs.js';
import { chunksOf, cutAt, digits, hex, join, pattern, tpkt } from '../support/splits.js';
import {
  CC,
  CR,
  DT,
  inState,
  openInitiator,
  raw,
  STIMULI,
  type Subject,
} from '../support/states.js';

/** A packet that is almost right: a code of X.224 with anything behind it. */
const nearlyPacket = fc
  .tuple(
    fc.nat(12),
    fc.constantFrom(0xe0, 0xd0, 0x80, 0xc0, 0xf0, 0x10, 0x60, 0x20, 0x50, 0x70, 0x30),
    fc.uint8Array({ maxLength: 12 }),
  )
  .map(([li, code, rest]) => tpkt(join(Uint8Array.of(li, code), rest, Uint8Array.of(0))));

const packets = fc.array(
  fc.oneof(
    fc.constantFrom(CR, CC, DT, raw('02f000'), raw('02f000 0102'), raw('0680 0001 0001 00')),
    nearlyPacket,
    fc.uint8Array({ maxLength: 8 }),
  ),
  { maxLength: 8 },
);

const cuts = fc.array(fc.nat(200), { maxLength: 20 });

const makers: Readonly<Record<string, (strict: boolean) => Subject>> = {
  'an initiator before TCP stands': (strict) => inState('WFNC', { strict }),
  'an initiator that waits for the CC': (strict) => inState('WFCC', { strict }),
  'an open initiator': (strict) => openInitiator({ strict }),
  'a responder that waits for the CR': (strict) => inState('WFCR', { strict }),
  'a responder that decides': (strict) => inState('WFTRESP', { strict }),
  'an open responder': (strict) => inState('OPEN', { strict }),
  'a connection after its FIN': (strict) => inState('FIN_SENT', { strict }),
  'a connection after the FIN of the peer': (strict) => inState('FIN_RECEIVED', { strict }),
  'a connection that ends': (strict) => inState('ENDING', { strict }),
  'a closed connection': (strict) => inState('CLOSED', { strict }),
};

/** Everything that can be seen from outside, as text. */
function story(subject: Subject, chunks: readonly Uint8Array[]): readonly string[] {
  const told: string[] = [];
  for (const chunk of chunks) {
    subject.feed(chunk);
    let more = true;
    while (more) {
      const events = subject.events();
      for (const event of events) {
        if (event.type === 'connectIndication') {
          subject.connection.accept({}, subject.now);
        }
        told.push(
          event.type === 'data'
            ? `data ${digits(event.message)}`
            : event.type === 'disconnect'
              ? `${event.error.name} ${event.error.code} ${event.orderly}`
              : event.type,
        );
      }
      more = subject.connection.resume(subject.now) || events.length > 0;
    }
  }
  told.push(`sent ${digits(subject.octets())}`, subject.connection.state);
  return told;
}

describe.each(Object.entries(makers))('%s', (_name, make) => {
  it('takes any octets without a throw, and ends in a typed error if at all', () => {
    fc.assert(
      fc.property(packets, cuts, fc.boolean(), (parts, offsets, strict) => {
        const octets = join(...parts);
        const subject = make(strict);
        const cut = offsets.filter((offset) => offset <= octets.length);
        for (const chunk of cutAt(octets, cut)) {
          subject.feed(chunk);
          while (subject.connection.resume(subject.now)) {}
        }
        subject.connection.receiveEnd(200);
        subject.connection.streamClosed(undefined, 300);
        for (const event of subject.events()) {
          expect(event.type !== 'disconnect' || event.error instanceof CotpError).toBe(true);
        }
        expect(subject.connection.state).toBe('CLOSED');
      }),
      { numRuns: runs(75) },
    );
  });

  it('does the same however the octets are cut', () => {
    fc.assert(
      fc.property(packets, cuts, fc.boolean(), (parts, offsets, strict) => {
        const octets = join(...parts);
        const cut = offsets.filter((offset) => offset <= octets.length);
        const whole = story(make(strict), [octets]);
        expect(story(make(strict), cutAt(octets, cut))).toEqual(whole);
        expect(story(make(strict), chunksOf(octets, 1))).toEqual(whole);
      }),
      { numRuns: runs(75) },
    );
  });

  it('keeps to its life whatever happens in whatever order', () => {
    const acts = fc.array(fc.nat(STIMULI.length - 1), { maxLength: 12 });
    fc.assert(
      fc.property(acts, fc.boolean(), (indices, strict) => {
        const subject = make(strict);
        const told: string[] = [];
        for (const index of indices) {
          try {
            STIMULI[index]?.act(subject);
          } catch (error) {
            // Only commands throw, and only this.
            expect(error).toBeInstanceOf(CotpError);
          }
          told.push(...subject.events().map(({ type }) => type));
        }
        expect(told.slice(0, -1)).not.toContain('disconnect');
      }),
      { numRuns: runs(75) },
    );
  });
});

describe('a responder that decides', () => {
  const size = fc.constantFrom('', 'c0010b', 'f00101', 'f00201ff', 'c0010bf00201ff');
  /** Octets that the variable part has room for (X.224 13.2.1). */
  const ROOM = 254 - 6;

  it('can accept any CR that it reports, however full its header is', () => {
    fc.assert(
      fc.property(fc.nat(120), fc.nat(10), size, fc.boolean(), (length, left, sizes, larger) => {
        const parameter = (code: number, value: Uint8Array) =>
          join(Uint8Array.of(code, value.length), value);
        const calling = parameter(0xc1, pattern(length));
        const room = ROOM - left - calling.length - hex(sizes).length - 2;
        const variable = join(calling, parameter(0xc2, pattern(room)), hex(sizes));
        const octets = join(Uint8Array.of(6 + variable.length), hex('e0 0000 0005 00'), variable);
        const subject = inState('WFCR', { maxTpduSize: larger ? 65_531 : 2048 });
        const events = subject.feed(tpkt(octets)).events();
        expect(events).toMatchObject([{ type: 'connectIndication' }]);
        subject.connection.accept({}, 1);
        expect(subject.connection.state).toBe('OPEN');
        expect(digits(subject.octets().subarray(5, 6))).toBe('d0');
      }),
      { numRuns: runs(150) },
    );
  });
});

describe('a pair', () => {
  it('delivers any TSDUs in order and intact, for any size and any cuts', () => {
    const tsdus = fc.array(fc.uint8Array({ minLength: 1, maxLength: 700 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        tsdus,
        tsdus,
        fc.constantFrom(128, 256, 512, 1_024, 2_048),
        fc.integer({ min: 1, max: 400 }),
        fc.nat(20),
        (there, back, offeredSize, chunk, delay) => {
          const pair = new Pair({ offeredSize, network: { chunk, delay } }).open();
          for (const tsdu of there) {
            pair.initiator.connection.send(tsdu);
          }
          for (const tsdu of back) {
            pair.responder.connection.send(tsdu);
          }
          pair.initiator.connection.endOfData(pair.now);
          pair.responder.connection.endOfData(pair.now);
          pair.drive();
          const texts = [pair.responder.tsdus, pair.initiator.tsdus].map((all) =>
            all.map((tsdu) => digits(tsdu)),
          );
          expect(texts).toEqual([there, back].map((all) => all.map((tsdu) => digits(tsdu))));
          expect([pair.initiator.disconnect, pair.responder.disconnect]).toEqual([
            undefined,
            undefined,
          ]);
        },
      ),
      { numRuns: runs(30) },
    );
  });

  it('never sends a TPDU above the agreed size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9_000 }),
        fc.integer({ min: 128, max: 2_048 }),
        (length, maxTpduSize) => {
          const pair = new Pair({ offeredSize: 2_048, responder: { maxTpduSize } }).open();
          pair.initiator.written.length = 0;
          pair.initiator.connection.send(pattern(length));
          pair.drive();
          let rest = join(...pair.initiator.written);
          while (rest.length > 0) {
            const packetLength = ((rest[2] ?? 0) << 8) | (rest[3] ?? 0);
            expect(packetLength - 4).toBeLessThanOrEqual(maxTpduSize);
            expect(packetLength).toBeGreaterThan(7);
            rest = rest.subarray(packetLength);
          }
        },
      ),
      { numRuns: runs(30) },
    );
  });
});

describe('memory', () => {
  it('of a splitter is bounded for a packet that comes in tiny pieces', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 7, max: 65_535 }),
        fc.integer({ min: 1, max: 3 }),
        (length, size) => {
          const splitter = new TpktSplitter({ packet: () => true, packetInPieces: () => true });
          for (const chunk of chunksOf(tpkt(pattern(length - 4)).slice(0, -1), size)) {
            splitter.push(chunk);
          }
          const pieces = splitter.pending();
          const buffers = new Set(pieces.map(({ buffer }) => buffer));
          const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
          expect(pieces.length).toBeLessThan(20);
          expect(held).toBeLessThanOrEqual(2 * length + 1_024);
        },
      ),
      { numRuns: runs(10) },
    );
  });

  it('of a collector is bounded for pieces of any small size', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 511 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(lengths, (all) => {
        const collector = new OctetCollector();
        const octets = pattern(512);
        for (const length of all) {
          collector.append(octets, 0, length);
        }
        const total = all.reduce((sum, length) => sum + length, 0);
        const held = [...new Set(collector.pieces().map(({ buffer }) => buffer))].reduce(
          (sum, { byteLength }) => sum + byteLength,
          0,
        );
        expect(collector.length).toBe(total);
        expect(held).toBeLessThanOrEqual(2 * total + 1_024);
        expect(collector.take(allocateZeroed)).toHaveLength(total);
      }),
      { numRuns: runs(30) },
    );
  });
});
