import { describe, expect, test } from 'vitest';
import { bucketsOf, histogram } from '../../src/cli/output/histogram.js';

describe('buckets', () => {
  test('hold each time once, between their bounds', () => {
    const times = Array.from({ length: 1000 }, (_, i) => 0.02 * 1.01 ** i);
    const buckets = bucketsOf(times);
    expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    for (const { from, to, count } of buckets) {
      const within = times.filter((time) => time >= from * 0.999 && time <= to * 1.001);
      expect(count).toBeLessThanOrEqual(within.length);
    }
  });

  test.each([
    ['close together', [1, 1.1, 1.2]],
    ['over five powers of ten', [0.01, 1, 900]],
    ['all alike', [3, 3, 3]],
  ])('are at most 12: times %s', (_name, times) => {
    const buckets = bucketsOf(times);
    expect(buckets.length).toBeLessThanOrEqual(12);
    expect(buckets[0]?.count).toBeGreaterThan(0);
    expect(buckets.at(-1)?.count).toBeGreaterThan(0);
  });

  test('count a time that the clock could not measure as the shortest', () => {
    expect(bucketsOf([0, 5]).map(({ count }) => count)).toEqual([2]);
  });

  test('are none without times', () => {
    expect(bucketsOf([])).toEqual([]);
    expect(bucketsOf([0])).toEqual([]);
  });

  test('have bounds in the same ratio', () => {
    const ratios = bucketsOf([0.01, 900]).map(({ from, to }) => to / from);
    for (const ratio of ratios) {
      expect(ratio).toBeCloseTo(ratios[0] ?? 0, 6);
    }
  });
});

describe('a histogram', () => {
  const buckets = [
    { from: 0.01, to: 0.1, count: 1 },
    { from: 0.1, to: 1, count: 200 },
    { from: 1, to: 10, count: 0 },
  ];

  test('has bars as long as the counts, but none shorter than one column', () => {
    expect(histogram(buckets, 36)).toEqual([
      `  0.0100 - 0.100    1  ${'#'}`,
      `    0.100 - 1.00  200  ${'#'.repeat(13)}`,
      '     1.00 - 10.0    0',
    ]);
  });

  test.each([40, 80, 120])('fits %i columns', (columns) => {
    for (const line of histogram(buckets, columns)) {
      expect(line.length).toBeLessThanOrEqual(columns);
    }
  });

  test('has no lines without buckets', () => {
    expect(histogram([], 80)).toEqual([]);
  });
});
