import { describe, expect, test } from 'vitest';
import { CASES } from '../../bench/cases.js';
import { failureLines, isFailing, verdict } from '../../bench/verdict.js';

const judged = (name: string, ratio: number, target = 0.7) => ({ name, ratio, target });

describe('a benchmark fails', () => {
  test.each([
    ['under half of what is to be reached', 0.349, true],
    ['at half of it', 0.35, false],
    ['above half of it', 0.5, false],
    ['when it is reached', 0.7, false],
    ['when it is more than reached', 3, false],
    ['with a ratio of 0', 0, true],
    ['with a ratio that is no number', Number.NaN, true],
  ])('%s: ratio %d of 0.7, %s', (_name, ratio, expected) => {
    expect(isFailing(judged('connect', ratio))).toBe(expected);
  });

  test('and names each case that did, and no other', () => {
    const lines = failureLines([
      judged('connect', 0.3),
      judged('many-64', 0.5, 0.9),
      judged('ow-64-2048', 2.4, 5),
    ]);
    expect(lines).toEqual([
      'FAILED: connect reached 0.30 of 0.7, 42%; it must be at least 50%',
      'FAILED: ow-64-2048 reached 2.40 of 5, 48%; it must be at least 50%',
    ]);
    expect(failureLines([judged('connect', 0.4)])).toEqual([]);
  });

  test('by a rule that every case has a target for', () => {
    for (const { name, target } of CASES) {
      expect(target, name).toBeGreaterThan(0);
    }
  });
});

test.each([
  [0.92, 0.92, 'ok'],
  [1.2, 0.92, 'ok'],
  [0.8, 0.92, '86%'],
  [0.9199, 0.92, '99%'],
  [0.1, 0.92, '10%'],
])('a ratio of %d where %d is to be reached is %s', (ratio, target, expected) => {
  expect(verdict({ ratio, target })).toBe(expected);
});
