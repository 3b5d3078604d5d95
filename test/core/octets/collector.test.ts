import { describe, expect, it } from 'vitest';
import { allocateZeroed, OctetCollector } from '../../../src/core/octets/collector.js';
import { chunksOf, join, pattern } from '../../support/splits.js';

function collect(octets: Uint8Array, size: number): OctetCollector {
  const collector = new OctetCollector();
  for (const chunk of chunksOf(octets, size)) {
    collector.append(chunk, 0, chunk.length);
  }
  return collector;
}

describe('OctetCollector', () => {
  const octets = pattern(5_000);

  it.each([1, 2, 3, 255, 256, 257, 511, 512, 513, 4_999, 5_000])(
    'joins pieces of %i octets in order',
    (size) => {
      expect(collect(octets, size).take(allocateZeroed)).toEqual(octets);
    },
  );

  it('keeps the order of small and large pieces in turn', () => {
    const pieces = [10, 600, 1, 512, 511, 700, 3].map((length, i) => pattern(length, i * 31));
    const collector = new OctetCollector();
    for (const piece of pieces) {
      collector.append(piece, 0, piece.length);
    }
    expect(collector.take(allocateZeroed)).toEqual(join(...pieces));
  });

  it('takes in the part from start to end alone', () => {
    const collector = new OctetCollector();
    collector.append(octets, 10, 20);
    collector.append(octets, 1_000, 2_000);
    expect(collector.take(allocateZeroed)).toEqual(
      join(octets.slice(10, 20), octets.slice(1_000, 2_000)),
    );
  });

  it.each([1, 7, 600])('gives any octet by its index when pieces had %i octets', (size) => {
    const collector = collect(octets, size);
    expect([0, 1, 255, 256, 4_999, 5_000].map((index) => collector.at(index))).toEqual(
      [0, 1, 255, 256, 4_999, 5_000].map((index) => octets[index]),
    );
  });

  it.each([0, 1, 4, 599, 600, 4_999, 5_000])('leaves out the first %i octets when told', (from) => {
    expect(collect(octets, 300).take(allocateZeroed, from)).toEqual(octets.slice(from));
  });

  it('gives pieces that a later append does not change', () => {
    const collector = collect(octets.slice(0, 100), 1);
    const before = collector.pieces().map((piece) => piece.slice());
    const pieces = [...collector.pieces()];
    collector.append(octets, 100, 200);
    expect(pieces).toEqual(before);
    expect(collector.take(allocateZeroed)).toEqual(octets.slice(0, 200));
  });

  it('makes one allocation of the right size to join', () => {
    const lengths: number[] = [];
    collect(octets, 13).take((length) => {
      lengths.push(length);
      return new Uint8Array(length);
    });
    expect(lengths).toEqual([5_000]);
  });

  it('is empty after take', () => {
    const collector = collect(octets, 13);
    collector.take(allocateZeroed);
    expect([collector.length, collector.pieces()]).toEqual([0, []]);
  });

  it('is empty after clear', () => {
    const collector = collect(octets, 13);
    collector.clear();
    expect([collector.length, collector.pieces()]).toEqual([0, []]);
  });

  it('can be used again after take', () => {
    const collector = collect(octets, 13);
    collector.take(allocateZeroed);
    collector.append(octets, 0, 10);
    expect(collector.take(allocateZeroed)).toEqual(octets.slice(0, 10));
  });

  it('does not copy a piece of 512 octets', () => {
    const collector = new OctetCollector();
    collector.append(octets, 0, 512);
    expect(collector.pieces()[0]?.buffer).toBe(octets.buffer);
  });

  it('copies a piece of 511 octets, so that it does not hold on to its chunk', () => {
    const collector = new OctetCollector();
    collector.append(octets, 0, 511);
    expect(collector.pieces()[0]?.buffer).not.toBe(octets.buffer);
  });

  it('keeps octets that come one by one in few pieces', () => {
    const collector = collect(pattern(100_000), 1);
    expect(collector.pieces().length).toBeLessThan(20);
  });

  it('holds little more memory than the octets that came one by one', () => {
    const collector = collect(pattern(100_000), 1);
    const buffers = new Set(collector.pieces().map(({ buffer }) => buffer));
    const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(held).toBeLessThan(100_000 + 16_384);
  });
});
