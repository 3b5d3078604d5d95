import { describe, expect, it } from 'vitest';
import { formatTsel, MAX_TSEL_LENGTH, parseTsel, tselOctets, tselOf } from '../../src/core/tsel.js';
import { hex } from '../support/splits.js';

describe('tselOctets', () => {
  it.each([
    [0, '0000'],
    [1, '0001'],
    [0x0102, '0102'],
    [0xffff, 'ffff'],
  ])('gives the number %i two octets, most significant first', (tsel, octets) => {
    expect(tselOctets(tsel)).toEqual(hex(octets));
  });

  it.each([0, 1, 2, 32, MAX_TSEL_LENGTH])('gives back %i octets as they are', (length) => {
    const octets = new Uint8Array(length);
    expect(tselOctets(octets)).toBe(octets);
  });

  it.each([-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses the number %f', (n) => {
    expect(() => tselOctets(n, 'localTsel')).toThrow(RangeError);
  });

  it('refuses more octets than a parameter holds', () => {
    expect(() => tselOctets(new Uint8Array(255), 'localTsel')).toThrow(
      /localTsel must be at most 254 octets/,
    );
  });

  it.each([
    ['a string', '0x0102'],
    ['null', null],
    ['an array', [1, 2]],
    ['undefined', undefined],
  ])('refuses %s with a TypeError that names the option', (_name, value) => {
    expect(() => tselOctets(value as unknown as number, 'remoteTsel')).toThrow(TypeError);
  });

  it('tells who gave text that there is a reader for it', () => {
    expect(() => tselOctets('0x0102' as unknown as number)).toThrow(/parseTsel/);
  });
});

describe('tselOf', () => {
  it('gives two octets as a number', () => {
    expect(tselOf(hex('0102'))).toBe(0x0102);
  });

  it.each(['', '01', '010203'])('gives the octets %s as octets', (octets) => {
    expect(tselOf(hex(octets))).toEqual(hex(octets));
  });
});

describe('the text form', () => {
  it.each([
    [0x0102, '0x0102'],
    [1, '0x0001'],
    [hex('4d5441'), '"MTA"'],
    [hex(''), '""'],
    [hex('00112233'), '#00112233'],
    [hex('612262'), '#612262'],
  ])('%# is written and read back', (tsel, text) => {
    expect(formatTsel(tsel)).toBe(text);
    expect(parseTsel(text)).toEqual(tsel);
  });

  it.each([
    ['258', 0x0102],
    ['01.02', 0x0102],
    ['#0102', 0x0102],
    ["'00112233'H", hex('00112233')],
    ['#', hex('')],
    ['  0x1 ', 1],
    ['01.02.03', hex('010203')],
    ['"AB"', 0x4142],
  ])('%s is read', (text, tsel) => {
    expect(parseTsel(text)).toEqual(tsel);
  });

  it.each(['', 'MTA', '65536', '0x', '0x12345', '#1', '01.2', '"a"b"', '-1', "'01'"])(
    '%j is refused',
    (text) => {
      expect(() => parseTsel(text)).toThrow(RangeError);
    },
  );

  it('is refused when it is longer than a parameter holds', () => {
    expect(() => parseTsel(`#${'00'.repeat(255)}`)).toThrow(RangeError);
  });

  it('must be text', () => {
    expect(() => parseTsel(258 as unknown as string)).toThrow(TypeError);
  });
});
