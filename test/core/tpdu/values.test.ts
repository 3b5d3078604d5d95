/** The kinds of parameter values: lengths, reading, writing, and what an error says. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/core/octets/octets.js';
import {
  checkFlag,
  checkOctets,
  checkUint,
  LENIENT,
  octetString,
  outOfRange,
  shortestUint,
  uint,
  uintList,
  uintRecord,
  wrongType,
} from '../../../src/core/tpdu/values.js';
import { hex, many } from './support.js';

describe('an error', () => {
  it.each<[string, unknown, string]>([
    ['text in quotes', 'a', "'a'"],
    ['the number of octets, not the octets', many(3), '3 octets'],
    ['each item of a list', [1, 'a', many(2), [null]], "[1, 'a', 2 octets, [null]]"],
    ['anything else as it is', undefined, 'undefined'],
  ])('shows %s', (_title, value, shown) => {
    expect(outOfRange('field', 'that', value)).toEqual(
      new RangeError(`field: expected that, got ${shown}`),
    );
    expect(wrongType('field', 'that', value)).toEqual(
      new TypeError(`field: expected that, got ${shown}`),
    );
  });
});

describe('a field', () => {
  it.each([2, 3, 5])('may be a whole number within its limits: %i', (value) => {
    expect(checkUint('field', value, 5, 2)).toBe(value);
  });

  it('may be 0 where no least number is given', () => {
    expect(checkUint('field', 0, 5)).toBe(0);
    expect(() => checkUint('field', -1, 5)).toThrow(
      new RangeError('field: expected a whole number from 0 to 5, got -1'),
    );
  });

  it.each([1, 6, 2.5, Number.NaN])('may be no other number: %f', (value) => {
    expect(() => checkUint('field', value, 5, 2)).toThrow(
      new RangeError(`field: expected a whole number from 2 to 5, got ${value}`),
    );
  });

  it('that has one possible number says which', () => {
    expect(() => checkUint('field', 2, 1, 1)).toThrow(new RangeError('field: expected 1, got 2'));
  });

  it('that must be a number may be no text', () => {
    expect(() => checkUint('field', '2', 5)).toThrow(
      new TypeError("field: expected a number, got '2'"),
    );
  });

  it.each([1, 2, 3])('may be octets within its limits: %i', (length) => {
    const octets = many(length);
    expect(checkOctets('field', octets, 3, 1)).toBe(octets);
  });

  it.each([0, 4])('may be no other number of octets: %i', (length) => {
    expect(() => checkOctets('field', many(length), 3, 1)).toThrow(
      new RangeError(`field: expected 1 to 3 octets, got ${length} octets`),
    );
  });

  it.each([0, 100_000])('may be any number of octets where no limit is given: %i', (length) => {
    expect(checkOctets('field', many(length))).toHaveLength(length);
  });

  it('that must be octets may be no list', () => {
    expect(() => checkOctets('field', [1])).toThrow(
      new TypeError('field: expected a Uint8Array, got [1]'),
    );
  });

  it('may be a flag and nothing like one', () => {
    expect([checkFlag('field', true), checkFlag('field', false)]).toEqual([true, false]);
    expect(() => checkFlag('field', 0)).toThrow(
      new TypeError('field: expected true or false, got 0'),
    );
  });
});

/** The lengths up to 10 that a kind allows. */
function lengthsOf(kind: { fits(length: number): boolean }): readonly number[] {
  return Array.from({ length: 11 }, (_, length) => length).filter((length) => kind.fits(length));
}

describe('a value that is octets', () => {
  it('has any length and is itself', () => {
    expect(lengthsOf(octetString)).toHaveLength(11);
    const octets = many(3);
    expect(octetString.read(octets, LENIENT)).toBe(octets);
    expect(octetString.write(octets, 'field')).toBe(octets);
  });
});

describe('a value that is a number of two octets', () => {
  const kind = uint(2);

  it('has two octets, most significant first', () => {
    expect(lengthsOf(kind)).toEqual([2]);
    expect(kind.read(hex('0102'), LENIENT)).toBe(0x0102);
    expect(toHex(kind.write(0x0102, 'field'))).toBe('0102');
  });

  it('is at most 65535', () => {
    expect(toHex(kind.write(0xffff, 'field'))).toBe('ffff');
    expect(() => kind.write(0x1_0000, 'field')).toThrow(
      new RangeError('field: expected a whole number from 0 to 65535, got 65536'),
    );
  });

  it('may have limits of its own', () => {
    expect(() => uint(2, 9, 5).write(4, 'field')).toThrow('from 5 to 9, got 4');
    expect(() => uint(2, 9, 5).write(10, 'field')).toThrow('from 5 to 9, got 10');
  });
});

describe('a value that is a list of one or three numbers of two octets', () => {
  const kind = uintList(2, 1, 3);

  it('has two octets for each', () => {
    expect(lengthsOf(kind)).toEqual([2, 6]);
    expect(kind.read(hex('0001 0200 ffff'), LENIENT)).toEqual([1, 0x0200, 0xffff]);
    expect(toHex(kind.write([1, 0x0200, 0xffff], 'field'))).toBe('00010200ffff');
  });

  it('has no other count', () => {
    expect(() => kind.write([1, 2], 'field')).toThrow(
      new RangeError('field: expected 1 or 3 numbers, got [1, 2]'),
    );
  });

  it('has numbers that fit their octets', () => {
    expect(() => kind.write([1, 0x1_0000, 2], 'field')).toThrow(
      new RangeError('field[1]: expected a whole number from 0 to 65535, got 65536'),
    );
  });

  it('is a list', () => {
    expect(() => kind.write(5 as unknown as number[], 'field')).toThrow(
      new TypeError('field: expected an array of numbers, got 5'),
    );
  });
});

describe('a value that is a record of numbers', () => {
  const kind = uintRecord({ edge: 4, credit: 2 });

  it('has the octets of each in order', () => {
    expect(lengthsOf(kind)).toEqual([6]);
    expect(kind.read(hex('00000102 0003'), LENIENT)).toEqual({ edge: 0x0102, credit: 3 });
    expect(toHex(kind.write({ credit: 3, edge: 0x0102 }, 'field'))).toBe('000001020003');
  });

  it('has numbers that fit their octets', () => {
    expect(() => kind.write({ edge: 1, credit: 0x1_0000 }, 'field')).toThrow(
      new RangeError('field.credit: expected a whole number from 0 to 65535, got 65536'),
    );
    expect(toHex(kind.write({ edge: 0xffff_ffff, credit: 0xffff }, 'field'))).toBe('ffffffffffff');
  });

  it.each([5, null])('is a record and not %s', (value) => {
    expect(() => kind.write(value as never, 'field')).toThrow(
      new TypeError(`field: expected { edge, credit }, got ${value}`),
    );
  });
});

describe('a value that is a number in one, two or four octets', () => {
  const kind = shortestUint(1, 2, 4);

  it('is read from any of these', () => {
    expect(lengthsOf(kind)).toEqual([1, 2, 4]);
    expect(['05', '0005', '00000005'].map((octets) => kind.read(hex(octets), LENIENT))).toEqual([
      5, 5, 5,
    ]);
  });

  it.each([
    [0, '00'],
    [0xff, 'ff'],
    [0x100, '0100'],
    [0xffff, 'ffff'],
    [0x1_0000, '00010000'],
    [0xffff_ffff, 'ffffffff'],
  ])('%i is written in the fewest: %s', (value, octets) => {
    expect(toHex(kind.write(value, 'field'))).toBe(octets);
  });

  it('is at most what the most octets hold', () => {
    expect(() => kind.write(2 ** 32, 'field')).toThrow(
      new RangeError('field: expected a whole number from 0 to 4294967295, got 4294967296'),
    );
  });
});
