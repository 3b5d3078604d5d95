import { describe, expect, it } from 'vitest';
import { maxUserData, segmentCount, segments } from '../../src/core/segmenting.js';

describe('a TSDU', () => {
  it('is cut into full segments and a rest', () => {
    expect(segments(300, 128)).toEqual([
      { offset: 0, length: 125, eot: false },
      { offset: 125, length: 125, eot: false },
      { offset: 250, length: 50, eot: true },
    ]);
  });

  it('that fills its segments has no empty one after them', () => {
    expect(segments(250, 128).map(({ length }) => length)).toEqual([125, 125]);
  });

  it('of no octets is none', () => {
    expect(segments(0, 128)).toEqual([]);
  });

  it('of 65528 octets fits the largest TPDU, one octet more does not', () => {
    expect(segmentCount(65_528, 65_531)).toBe(1);
    expect(segmentCount(65_529, 65_531)).toBe(2);
  });

  it('is cut smaller where the header is longer', () => {
    expect(maxUserData(128)).toBe(125);
    expect(maxUserData(128, 'normal')).toBe(123);
    expect(maxUserData(128, 'extended')).toBe(120);
  });

  it('is covered by its segments, whatever its length', () => {
    for (let length = 1; length < 800; length += 1) {
      const cut = segments(length, 128, 'extended');
      const end = cut.reduce((at, { offset, length: octets, eot }) => {
        expect(offset).toBe(at);
        expect(octets).toBeGreaterThan(0);
        expect(eot).toBe(at + octets === length);
        return at + octets;
      }, 0);
      expect(end).toBe(length);
    }
  });
});
