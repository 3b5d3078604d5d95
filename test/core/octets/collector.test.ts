import { describe, expect, it } from 'vitest';
import {
  allocateZeroed,
  OctetCollector,
  OctetSource,
  plainView,
} from '../../../src/core/octets/collector.js';
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
    expect(collector.pieces()[0]).toEqual(octets.slice(0, 512));
  });

  it('makes no view of a chunk that is a piece as a whole', () => {
    const collector = new OctetCollector();
    collector.append(octets, 0, octets.length);
    expect(collector.pieces()[0]).toBe(octets);
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

/** A collector with the octets of a source, as the first of its pieces. */
function begun(source: OctetSource, start: number, end: number): OctetCollector {
  const collector = new OctetCollector();
  collector.appendFrom(source, start, end);
  return collector;
}

describe('a source of views', () => {
  it.each([
    [undefined, false],
    [false, false],
    [true, true],
  ])('made with isOwn %s has own octets: %s', (isOwn, hasOwn) => {
    expect(new OctetSource(pattern(10), isOwn).hasOwn).toBe(hasOwn);
  });

  it('has own octets behind those that it gave, and never again before them', () => {
    const source = new OctetSource(pattern(100), true);
    expect(source.ownFrom).toBe(0);
    source.give(10, 20, plainView);
    source.give(0, 5, plainView);
    expect([source.ownFrom, source.hasOwn]).toEqual([20, true]);
  });

  it('has none once they were seen, nor after it gave some then', () => {
    const source = new OctetSource(pattern(100), true);
    source.markSeen();
    source.give(10, 20, plainView);
    expect([source.hasOwn, source.ownFrom > 100]).toEqual([false, true]);
  });
});

describe('octets that are joined in the chunk of the first piece', () => {
  it('are a view of it where they were', () => {
    const source = new OctetSource(pattern(2_000), true);
    const joined = begun(source, 7, 1_007).takeInPlace(plainView);
    expect(joined).toEqual(pattern(1_000, 7));
    expect(joined?.buffer).toBe(source.octets.buffer);
  });

  it('are not joined there once somebody has seen octets of it', () => {
    const seen = new OctetSource(pattern(2_000), true);
    const collector = begun(seen, 7, 1_007);
    seen.markSeen();
    expect(collector.takeInPlace(plainView)).toBeUndefined();
    expect(collector.take(allocateZeroed)).toEqual(pattern(1_000, 7));
  });

  it('are not joined there once octets behind the first piece were given', () => {
    const source = new OctetSource(pattern(2_000), true);
    const collector = begun(source, 7, 1_007);
    source.give(1_500, 1_600, plainView);
    expect(collector.takeInPlace(plainView)).toBeUndefined();
  });

  it('are not joined in the chunk of a later collector', () => {
    const other = begun(new OctetSource(pattern(600)), 0, 600);
    begun(new OctetSource(pattern(5_000), true), 7, 1_007).appendTo(other, 0);
    expect(other.takeInPlace(plainView)).toBeUndefined();
    expect(other.length).toBe(1_600);
  });
});

describe('a collector that hands its pieces on', () => {
  it.each([0, 7, 599, 600, 601, 1_200, 1_203])('leaves out the first %i octets', (from) => {
    const collector = new OctetCollector();
    const other = new OctetCollector();
    for (const [start, end] of [
      [0, 600],
      [600, 1_200],
      [1_200, 1_203],
    ] as const) {
      collector.append(pattern(1_203), start, end);
    }
    collector.appendTo(other, from);
    expect(other.take(allocateZeroed)).toEqual(pattern(1_203).slice(from));
  });

  it('passes on nothing when it is empty', () => {
    const other = new OctetCollector();
    new OctetCollector().appendTo(other, 0);
    expect([other.length, other.pieces()]).toEqual([0, []]);
  });

  it('passes on which chunks its pieces keep', () => {
    const other = new OctetCollector();
    begun(new OctetSource(pattern(5_000)), 0, 600).appendTo(other, 0);
    expect(other.pinned).toBeGreaterThanOrEqual(5_000);
  });
});

describe('the memory that a collector keeps', () => {
  it('is the chunk of a view, counted once, and a little for each view', () => {
    const collector = begun(new OctetSource(pattern(5_000)), 0, 600);
    const ofOne = collector.pinned;
    expect([ofOne >= 5_000, ofOne < 5_500]).toEqual([true, true]);
    const two = new OctetCollector();
    const source = new OctetSource(pattern(5_000));
    two.appendFrom(source, 0, 600);
    two.appendFrom(source, 600, 1_200);
    expect([two.pinned > ofOne, two.pinned < 5_500]).toEqual([true, true]);
    two.appendFrom(new OctetSource(pattern(5_000)), 0, 600);
    expect(two.pinned).toBeGreaterThanOrEqual(10_000);
  });

  it('is the block of small pieces', () => {
    expect(collect(pattern(10), 1).pinned).toBeGreaterThanOrEqual(1_024);
  });

  it('is never less than the octets, though their block was counted before', () => {
    const collector = collect(pattern(10), 1);
    collector.clear();
    expect(collector.pinned).toBe(0);
    collector.append(pattern(10), 0, 10);
    expect(collector.pinned).toBe(10);
  });

  it.each([
    [0, false],
    [1, true],
  ])('is wasteful above twice the octets and 128 KiB: %i more, %s', (more, isWasteful) => {
    // A view is counted as 128 octets beside its chunk.
    const chunk = new Uint8Array(2 * 512 + 131_072 - 128 + more);
    expect(begun(new OctetSource(chunk), 0, 512).isWasteful).toBe(isWasteful);
  });

  it('is little more than the octets once it is compacted', () => {
    const collector = begun(new OctetSource(pattern(200_000)), 7, 1_007);
    collector.append(pattern(3), 0, 3);
    collector.compact();
    expect([collector.isWasteful, collector.length]).toEqual([false, 1_003]);
    expect(collector.pinned).toBeGreaterThanOrEqual(1_003);
    expect(collector.pinned).toBeLessThan(1_300);
    collector.append(pattern(2), 0, 2);
    expect(collector.take(allocateZeroed)).toEqual(join(pattern(1_000, 7), pattern(3), pattern(2)));
  });

  /** Octets of the block in which a small piece lies that is added now. */
  const blockOf = (collector: OctetCollector) => {
    collector.append(pattern(1), 0, 1);
    return collector.pieces().at(-1)?.buffer;
  };

  it('is a block of 1 KiB that is used on after the collector was emptied', () => {
    const collector = new OctetCollector();
    const block = blockOf(collector);
    expect(block?.byteLength).toBe(1_024);
    collector.clear();
    expect(blockOf(collector)).toBe(block);
  });

  it('is no larger block after the collector was emptied', () => {
    const collector = collect(pattern(50_000), 500);
    expect(blockOf(collector)?.byteLength).toBe(16_384);
    collector.clear();
    expect(blockOf(collector)?.byteLength).toBe(1_024);
  });

  it('is a block of 1 KiB again where the one before was full when the collector was emptied', () => {
    const collector = collect(pattern(1_024), 256);
    collector.clear();
    expect(blockOf(collector)?.byteLength).toBe(1_024);
  });
});
