import { describe, expect, it } from 'vitest';
import {
  copyOf,
  equalOctets,
  fromHex,
  joinOctets,
  octetAt,
  octetCount,
  readUint,
  toHex,
  uintOctets,
  writeUint,
} from '../../../src/core/octets/octets.js';

const THREE = Uint8Array.of(1, 2, 3);

describe('octetAt', () => {
  it('gives the octet at an offset', () => {
    expect([0, 1, 2].map((offset) => octetAt(THREE, offset))).toEqual([1, 2, 3]);
  });

  it.each([3, -1])('throws where there is none, at offset %i', (offset) => {
    expect(() => octetAt(THREE, offset)).toThrow(
      new RangeError(`no octet at offset ${offset} of 3`),
    );
  });
});

//= X.224 13.2 para 2 test
describe('an unsigned number', () => {
  it.each([
    [0, 1, [0]],
    [255, 1, [255]],
    [0x0102, 2, [1, 2]],
    [0xffff_ffff, 4, [255, 255, 255, 255]],
    [0x0102_0304_0506, 6, [1, 2, 3, 4, 5, 6]],
  ])('%i is written and read in %i octets, most significant first', (value, length, octets) => {
    expect([...uintOctets(value, length)]).toEqual(octets);
    expect(readUint(Uint8Array.from(octets), 0, length)).toBe(value);
  });

  it('is written at an offset, and returns the next one', () => {
    const octets = new Uint8Array(5).fill(0xaa);
    expect(writeUint(octets, 1, 2, 0x0102)).toBe(3);
    expect([...octets]).toEqual([0xaa, 1, 2, 0xaa, 0xaa]);
  });

  it('is read from an offset', () => {
    expect(readUint(THREE, 1, 2)).toBe(0x0203);
  });
});

describe('equalOctets', () => {
  it.each([
    [[1, 2], [1, 2], true],
    [[], [], true],
    [[1, 2], [1, 3], false],
    [[1, 2], [2, 2], false],
    [[1, 2], [1], false],
    [[1], [1, 2], false],
  ])('of %j and %j is %s', (a, b, isEqual) => {
    expect(equalOctets(Uint8Array.from(a), Uint8Array.from(b))).toBe(isEqual);
  });
});

describe('joinOctets', () => {
  it('puts pieces in order into one octet string of their length', () => {
    expect([...joinOctets([THREE, new Uint8Array(0), Uint8Array.of(4), THREE])]).toEqual([
      1, 2, 3, 4, 1, 2, 3,
    ]);
  });

  it('copies: the result does not change with a piece', () => {
    const piece = Uint8Array.of(1);
    const joined = joinOctets([piece]);
    piece[0] = 9;
    expect([...joined]).toEqual([1]);
  });
});

describe('hexadecimal', () => {
  it('is written in lower case with two digits an octet', () => {
    expect(toHex(Uint8Array.of(0, 0x0a, 0xff))).toBe('000aff');
  });

  it('is written with a separator between octets only', () => {
    expect(toHex(Uint8Array.of(0, 0x0a, 0xff), ' ')).toBe('00 0a ff');
  });

  it.each([
    ['010aFF', [1, 0x0a, 0xff]],
    ['00 0a\tff\n', [0, 0x0a, 0xff]],
    ['00:0a:ff', [0, 0x0a, 0xff]],
    ['00.0a.ff', [0, 0x0a, 0xff]],
    ['', []],
  ])('%j is read', (text, octets) => {
    expect([...(fromHex(text) ?? [-1])]).toEqual(octets);
  });

  it.each(['0', '000', '0g', 'g0', 'x00a', '00-1', '0x00'])('%j is refused', (text) => {
    expect(fromHex(text)).toBeUndefined();
  });
});

describe('copyOf', () => {
  it('gives the octets from start to end in memory of their own', () => {
    const octets = Buffer.from([1, 2, 3]);
    const copy = copyOf(octets, 1, 3);
    octets.fill(9);
    expect([...copy]).toEqual([2, 3]);
    expect([...copyOf(octets)]).toEqual([9, 9, 9]);
  });
});

describe('octetCount', () => {
  it.each([
    [0, '0 octets'],
    [1, '1 octet'],
    [2, '2 octets'],
  ])('says %i as "%s"', (count, words) => {
    expect(octetCount(count)).toBe(words);
  });
});
