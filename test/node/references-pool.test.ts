import { describe, expect, it } from 'vitest';
import { References } from '../../src/node/references.js';

describe('References', () => {
  it.each([
    [0, 1],
    [0.5, 32_768],
    [1 - Number.EPSILON, 65_535],
  ])('turns the random number %f into the reference %i', (random, reference) => {
    expect(new References().take(random)).toBe(reference);
  });

  //= X.224 6.5.4 a 1 test
  it('gives the next free one when the one pointed at is in use', () => {
    const references = new References();
    references.take(0);
    expect(references.take(0)).toBe(2);
  });

  //= X.224 6.5.4 a 2 test
  it('wraps from 65535 to 1 and never gives 0', () => {
    const references = new References();
    references.take(1 - Number.EPSILON);
    expect(references.take(1 - Number.EPSILON)).toBe(1);
  });

  it('gives all 65535 once, then none', () => {
    const references = new References();
    const given = new Set(
      // A step without common factor with 65535 reaches every starting point.
      Array.from({ length: 65_535 }, (_, i) => references.take(((i * 7) % 65_535) / 65_535)),
    );
    expect(given.size).toBe(65_535);
    expect(given.has(0)).toBe(false);
    expect(references.take(0.3)).toBeUndefined();
  });

  //= X.224 6.18.2.1 test
  it('gives a released one again', () => {
    const references = new References();
    const reference = references.take(0.25) ?? 0;
    references.release(reference);
    expect(references.size).toBe(0);
    expect(references.take(0.25)).toBe(reference);
  });

  it('does not mind a release of one that is not in use', () => {
    const references = new References();
    references.take(0);
    references.release(99);
    expect(references.size).toBe(1);
  });
});
