import { describe, expect, it } from 'vitest';
import { formatTsel, MAX_TSEL_LENGTH, parseTsel, tselOctets, tselOf } from '../../src/core/tsel.js';
import { hex } from '../support/splits.js';

//= X.224 13.2 para 2 test
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
    expect(() => tselOctets(n, 'localTsel')).toThrow(
      new RangeError(`localTsel must be an integer 0 to 65535 or octets, not ${n}`),
    );
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
    expect(() => tselOctets('0x0102' as unknown as number)).toThrow(
      new TypeError(
        "tsel must be a number or a Uint8Array, not string ('0x0102'): parseTsel() reads text",
      ),
    );
  });

  it('tells nobody else so', () => {
    expect(() => tselOctets(null as unknown as number)).toThrow(
      new TypeError('tsel must be a number or a Uint8Array, not object'),
    );
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
    [hex('20207e'), '"  ~"'],
    [hex('611f62'), '#611f62'],
    [hex('617f62'), '#617f62'],
    [hex('61e962'), '#61e962'],
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
    ['65535', 0xffff],
    ['0xFFFF', 0xffff],
    [`#${'00'.repeat(254)}`, new Uint8Array(254)],
  ])('%s is read', (text, tsel) => {
    expect(parseTsel(text)).toEqual(tsel);
  });

  it.each([
    '',
    'MTA',
    '65536',
    '0x',
    '0x12345',
    '#1',
    '01.2',
    '"a"b"',
    '-1',
    "'01'",
    '01.0203',
    '0102.03',
    '#01 02',
    '#01.02',
  ])('%j is refused', (text) => {
    expect(() => parseTsel(text)).toThrow(RangeError);
  });

  it.each([
    ['0300', /write 0x0300 if it is hexadecimal.*or 300 if it is decimal/],
    ['0102', /0x0102 .*or 102 /],
    ['0001', /0x0001 .*or 1 /],
    ['012', /0x0012 .*or 12 /],
    ['00', /0x0000 .*or 0 /],
    ['00123', /#000123 .*or 123 /],
    ['000102', /#000102 .*or 102 /],
    [' 0300 ', /0x0300 .*or 300 /],
    ['065535', /#065535 .*, or 65535 if it is decimal$/],
    ['065536', /#065536 if it is hexadecimal, as in SCL files and engineering tools$/],
    ['00112233', /#00112233 if it is hexadecimal, as in SCL files and engineering tools$/],
  ])('%j is refused, for it can be read in two ways', (text, readings) => {
    expect(() => parseTsel(text)).toThrow(RangeError);
    expect(() => parseTsel(text)).toThrow(readings);
  });

  it.each([
    ['0', 0],
    ['1', 1],
    ['300', 300],
    ['1000', 1000],
  ])('%j is a decimal number', (text, tsel) => {
    expect(parseTsel(text)).toBe(tsel);
  });

  it('is refused when it is longer than a parameter holds', () => {
    expect(() => parseTsel(`#${'00'.repeat(255)}`)).toThrow(RangeError);
  });

  it('shows the spellings where it has none of them', () => {
    expect(() => parseTsel('MTA')).toThrow(
      new RangeError(
        'text must be a T-selector such as 0x0102, 01.02, "MTA" or #00112233, not \'MTA\'',
      ),
    );
  });

  it('must be text', () => {
    expect(() => parseTsel(258 as unknown as string)).toThrow(
      new TypeError('text must be a string, not number'),
    );
  });
});

describe("the text form 'osi'", () => {
  it.each([
    ['0001', 1],
    ['00 01', 1],
    ['0300', 0x0300],
    ['1000', 0x1000],
    ['0a0B', 0x0a0b],
    ['000102', hex('000102')],
    ['00 01 02', hex('000102')],
    ['00000001', hex('00000001')],
    ['  01 ', hex('01')],
    ['', hex('')],
  ])('reads %j as octets', (text, tsel) => {
    expect(parseTsel(text, 'osi')).toEqual(tsel);
  });

  it.each(['1', '001', '0 001', '0x0001', '"MTA"', '00.01', 'xy'])('refuses %j', (text) => {
    expect(() => parseTsel(text, 'osi')).toThrow(/OSI-TSEL.*pairs of hexadecimal digits/);
  });

  it('is refused when it is longer than a parameter holds', () => {
    expect(() => parseTsel('00'.repeat(255), 'osi')).toThrow(RangeError);
  });

  it('is the only other one', () => {
    expect(() => parseTsel('0001', 'scl' as 'osi')).toThrow(
      new TypeError("form must be 'osi' or undefined, not 'scl'"),
    );
  });
});
