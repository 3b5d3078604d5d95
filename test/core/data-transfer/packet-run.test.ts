import { describe, expect, it } from 'vitest';
import { PacketRun } from '../../../src/core/data-transfer/packet-run.js';
import { OctetSource, plainView } from '../../../src/core/octets/collector.js';
import { digits, join, pattern, tpkt } from '../../support/splits.js';

const HEADER = Uint8Array.of(0x02, 0xf0, 0x80);

/** A packet with a DT of so many octets of user data. */
function packet(length: number): Uint8Array {
  return tpkt(join(HEADER, pattern(length)));
}

/** Where the TPDU of each packet of a chunk begins and ends. */
function placesOf(packets: readonly Uint8Array[]): [number, number][] {
  let at = 0;
  return packets.map(({ length }) => {
    at += length;
    return [at - length + 4, at];
  });
}

/** A run, and what it has passed on. */
function collecting(limits: { maxTpduSize?: number; maxTsduSize?: number } = {}) {
  const { maxTpduSize = 2_048, maxTsduSize = 1_000_000 } = limits;
  const passed: { octets: string; tsdus: number; length: number }[] = [];
  const receiver = {
    maxTpduSize,
    onRun: (packets: Uint8Array, tsdus: number, length: number) => {
      passed.push({ octets: digits(packets), tsdus, length });
    },
  };
  return { run: new PacketRun(receiver, HEADER.length, maxTsduSize, plainView), passed };
}

describe('PacketRun', () => {
  it('passes on consecutive packets as one piece, with the number of TSDUs and their octets', () => {
    const { run, passed } = collecting();
    const packets = [packet(5), packet(1), packet(30)];
    const chunk = join(...packets);
    const source = new OctetSource(chunk);
    for (const [start, end] of placesOf(packets)) {
      expect(run.add(source, start, end)).toBe(true);
    }
    expect(passed).toEqual([]);
    run.flush();
    expect(passed).toEqual([{ octets: digits(chunk), tsdus: 3, length: 36 }]);
  });

  it('passes on each packet once', () => {
    const { run, passed } = collecting();
    const source = new OctetSource(packet(5));
    run.flush();
    run.add(source, 4, 12);
    run.flush();
    run.flush();
    expect(passed).toHaveLength(1);
  });

  it('begins another run behind a packet that is not in it', () => {
    const { run, passed } = collecting();
    const packets = [packet(5), packet(6), packet(7)];
    const source = new OctetSource(join(...packets));
    const [first, , third] = placesOf(packets);
    run.add(source, ...(first as [number, number]));
    run.add(source, ...(third as [number, number]));
    run.flush();
    expect(passed).toEqual([
      { octets: digits(packets[0] as Uint8Array), tsdus: 1, length: 5 },
      { octets: digits(packets[2] as Uint8Array), tsdus: 1, length: 7 },
    ]);
  });

  it('begins another run in another chunk, wherever the packet lies in it', () => {
    const { run, passed } = collecting();
    const [one, two] = [packet(5), packet(6)];
    const second = join(pattern(one.length), two);
    run.add(new OctetSource(one), 4, one.length);
    run.add(new OctetSource(second), one.length + 4, second.length);
    run.flush();
    expect(passed.map(({ octets }) => octets)).toEqual([digits(one), digits(two)]);
  });

  it('records that somebody has its octets, so that nobody moves them', () => {
    const { run } = collecting();
    const packets = [packet(5), packet(6)];
    const source = new OctetSource(join(...packets), true);
    run.add(source, 4, packet(5).length);
    run.flush();
    expect(source.ownFrom).toBe(packet(5).length);
  });

  it.each([
    ['a DT without user data', 0, {}],
    ['a TPDU above the size of the other connection', 126, { maxTpduSize: 128 }],
    ['a TSDU above the limit', 11, { maxTsduSize: 10 }],
  ])('leaves out %s', (_what, length, limits) => {
    const { run, passed } = collecting(limits);
    const octets = packet(length);
    expect(run.add(new OctetSource(octets), 4, octets.length)).toBe(false);
    run.flush();
    expect(passed).toEqual([]);
  });

  it.each([
    ['a TPDU of that size', 125, { maxTpduSize: 128 }],
    ['a TSDU of that length', 10, { maxTsduSize: 10 }],
  ])('takes %s', (_what, length, limits) => {
    const octets = packet(length);
    expect(collecting(limits).run.add(new OctetSource(octets), 4, octets.length)).toBe(true);
  });

  //= RFC 2126 6.10 test
  it('leaves out a packet whose reserved octet is not 0', () => {
    const octets = packet(5);
    octets[1] = 1;
    expect(collecting().run.add(new OctetSource(octets), 4, octets.length)).toBe(false);
  });
});
