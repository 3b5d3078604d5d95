import { describe, expect, it } from 'vitest';
import { allocateZeroed } from '../../src/core/octet-collector.js';
import { Outbox, SEND_VIEW_FROM } from '../../src/core/outbox.js';
import { digits, join, pattern, tpkt } from '../support/splits.js';

const ALL = Number.POSITIVE_INFINITY;
const HEADER = [0x02, 0xf0, 0x80] as const;

function filled(...payloads: readonly Uint8Array[]): Outbox {
  const outbox = new Outbox(allocateZeroed);
  for (const payload of payloads) {
    outbox.packet(HEADER, payload, 0, payload.length);
  }
  return outbox;
}

function wire(...payloads: readonly Uint8Array[]): Uint8Array {
  return join(...payloads.map((payload) => tpkt(join(Uint8Array.from(HEADER), payload))));
}

describe('Outbox', () => {
  const sizes = [1, 47, 48, 49, 1_000, SEND_VIEW_FROM - 1, SEND_VIEW_FROM, 60_000];

  it.each(sizes)('frames a payload of %i octets', (size) => {
    const payload = pattern(size);
    expect(digits(...filled(payload).take(ALL))).toBe(digits(wire(payload)));
  });

  it('keeps the order of small and large payloads', () => {
    const payloads = [...sizes, ...sizes].map((size, i) => pattern(size, i));
    expect(digits(...filled(...payloads).take(ALL))).toBe(digits(wire(...payloads)));
  });

  it('sends the part from start to end of a payload, small or large', () => {
    const payload = pattern(30_000);
    const outbox = new Outbox(allocateZeroed);
    outbox.packet(HEADER, payload, 5, 25);
    outbox.packet(HEADER, payload, 100, 20_000);
    expect(digits(...outbox.take(ALL))).toBe(
      digits(wire(payload.slice(5, 25), payload.slice(100, 20_000))),
    );
  });

  it('gives small packets of one turn as one piece', () => {
    expect(filled(pattern(10), pattern(20), pattern(30)).take(ALL)).toHaveLength(1);
  });

  it('gives a large payload whole as the very object of the caller', () => {
    const payload = pattern(SEND_VIEW_FROM);
    expect(filled(payload).take(ALL)[1]).toBe(payload);
  });

  it('gives part of a large payload as a view of the memory of the caller', () => {
    const payload = pattern(3 * SEND_VIEW_FROM);
    const outbox = new Outbox(allocateZeroed);
    outbox.packet(HEADER, payload, 0, SEND_VIEW_FROM);
    expect(outbox.take(ALL)[1]?.buffer).toBe(payload.buffer);
  });

  it('copies a small payload, so that the caller may change it', () => {
    const payload = pattern(100);
    const outbox = filled(payload);
    payload.fill(0xee);
    expect(digits(...outbox.take(ALL))).toBe(digits(wire(pattern(100))));
  });

  it('does not change pieces taken when more is added', () => {
    const outbox = filled(pattern(100));
    const taken = outbox.take(ALL);
    const before = taken.map((piece) => piece.slice());
    for (let i = 0; i < 2_000; i += 1) {
      outbox.packet(HEADER, pattern(100, i), 0, 100);
    }
    outbox.take(ALL);
    expect(taken).toEqual(before);
  });

  it('does not change pieces taken when it is cleared and used again', () => {
    const outbox = filled(pattern(100));
    const [taken] = outbox.take(ALL);
    outbox.packet(HEADER, pattern(50), 0, 50);
    outbox.clear();
    outbox.packet(HEADER, pattern(60, 9), 0, 60);
    expect(taken).toEqual(wire(pattern(100)));
    expect(digits(...outbox.take(ALL))).toBe(digits(wire(pattern(60, 9))));
  });

  it('counts the octets that wait', () => {
    const outbox = filled(pattern(10), pattern(SEND_VIEW_FROM));
    expect(outbox.length).toBe(17 + SEND_VIEW_FROM + 7);
    outbox.take(ALL);
    expect(outbox.length).toBe(0);
  });

  it('takes whole pieces until there is enough', () => {
    const outbox = filled(pattern(10_000), pattern(10_000, 1), pattern(10_000, 2));
    const pieces = outbox.take(10_000);
    expect(pieces.map(({ length }) => length)).toEqual([7, 10_000]);
    expect(outbox.length).toBe(2 * 10_007);
  });

  it.each([1, 7, 8, 1_000, 10_007, 25_000, 1_000_000])(
    'gives everything in order when taken at least %i octets at a time',
    (enough) => {
      const payloads = Array.from({ length: 40 }, (_, i) => pattern(((i * 997) % 20_000) + 1, i));
      const outbox = filled(...payloads);
      const taken: Uint8Array[] = [];
      while (outbox.length > 0) {
        taken.push(...outbox.take(enough));
      }
      expect(digits(...taken)).toBe(digits(wire(...payloads)));
    },
  );

  it('keeps the order when packets are added between two takes', () => {
    const payloads = Array.from({ length: 30 }, (_, i) => pattern(9_000, i));
    const outbox = new Outbox(allocateZeroed);
    const taken: Uint8Array[] = [];
    for (const payload of payloads) {
      outbox.packet(HEADER, payload, 0, payload.length);
      taken.push(...outbox.take(5_000));
    }
    taken.push(...outbox.take(ALL));
    expect(digits(...taken)).toBe(digits(wire(...payloads)));
  });

  it('gives nothing when nothing waits', () => {
    expect(new Outbox(allocateZeroed).take(ALL)).toEqual([]);
  });

  it('forgets what waits when cleared', () => {
    const outbox = filled(pattern(10), pattern(10_000));
    outbox.clear();
    expect([outbox.length, outbox.take(ALL)]).toEqual([0, []]);
  });
});
