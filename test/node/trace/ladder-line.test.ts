import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/core/tpdu/index.js';
import { decodeOrError } from '../../../src/node/trace/entry.js';
import { ladderLine, shortWords } from '../../../src/node/trace/ladder-line.js';
import { hex } from '../../support/raw.js';

const LEAD = '12:00:00.000 #1   ';
const ARROW = 'client ────▶ target';

function line(octets: Uint8Array, columns: number, cutsWords = true): string {
  return ladderLine({
    ...{ lead: LEAD, arrow: ARROW, tpdu: decodeOrError(octets), octets, columns, cutsWords },
    paint: (_colour, text) => text,
  });
}

function dt(userData: Uint8Array): Uint8Array {
  return encode({ type: 'DT', userData });
}

const TEXT = Buffer.from('Hello, world, and more than fits in a line');

describe('the octets of a line', () => {
  test.each([
    [80, 'DT EOT 42     48 65 6c 6c 6f …   Hello'],
    [120, 'DT EOT 42     48 65 6c 6c 6f 2c 20 77 6f 72 6c 64 2c 20 61 …   Hello, world, a'],
    [300, 'DT EOT 42     48 65 6c 6c 6f 2c 20 77 6f 72 6c 64 2c 20 61 …   Hello, world, a'],
  ])('are those of the user data that fit in %i columns', (columns, shown) => {
    expect(line(dt(TEXT), columns)).toBe(`${LEAD}${ARROW}  ${shown}`);
  });

  test('are all of them if they fit', () => {
    expect(line(dt(hex('00 41 7e 7f 80 ff')), 80)).toMatch(/ 00 41 7e 7f 80 ff {2}\.A~\.\.\.$/);
  });

  test('begin in the same column for each DT, and the characters too', () => {
    const lines = [1, 10, 1000, 65_528].map((length) => line(dt(Buffer.alloc(length, 'A')), 120));
    expect(new Set(lines.map((each) => each.indexOf(' 41')))).toHaveLength(1);
    expect(new Set(lines.map((each) => each.search(/A+$/)))).toHaveLength(1);
  });

  test('are those of the user data of a CR and an ED', () => {
    const cr = encode({ type: 'CR', class: 2, srcRef: 1, userData: Buffer.from('data') });
    expect(line(cr, 120)).toMatch(/64 61 74 61 +data$/);
    const ed = encode({ type: 'ED', dstRef: 1, userData: Buffer.from('STOP') });
    expect(line(ed, 120)).toMatch(/ED 4 +53 54 4f 50 +STOP$/);
  });

  test('are those of the whole TPDU if it has no user data', () => {
    expect(line(encode({ type: 'DC', dstRef: 1, srcRef: 2 }), 120)).toMatch(/05 c0 00 01 00 02 /);
  });

  test('are none for a DT without user data', () => {
    expect(line(dt(new Uint8Array()), 120)).toBe(`${LEAD}${ARROW}  DT EOT 0`);
  });

  test('are left out where there is no room for four', () => {
    const columns = LEAD.length + ARROW.length + 2 + 12;
    expect(line(dt(TEXT), columns + 18)).toBe(`${LEAD}${ARROW}  DT EOT 42`);
    expect(line(dt(TEXT), columns + 19)).toMatch(/48 65 6c … {3}Hel$/);
  });
});

const TPDUS = [
  ['a CR', '1ae00000000700c10c000102030405060708090a0bc2020102c0010b'],
  ['a CR with additional options', '12e00000000721c0010bc60121c70100f0020200'],
  ['a DR with a long reason', '06800007000080'],
  ['an ER', '0470000702'],
  ['an AK', '0460000705'],
  ['what cannot be decoded', '02f5'],
  ['a DT', `02f080${'41'.repeat(300)}`],
] as const;

describe.each([80, 120])('a line of %i columns', (columns) => {
  test.each(TPDUS)('is not exceeded by %s', (_name, octets) => {
    const shown = line(hex(octets), columns);
    expect(shown.length).toBeLessThanOrEqual(columns);
    expect(shown.startsWith(`${LEAD}${ARROW}  `)).toBe(true);
  });
});

test('words that do not fit are cut on a terminal alone', () => {
  const dr = hex('06800007000001');
  expect(line(dr, 50)).toBe(`${LEAD}${ARROW}  DR reason …`);
  expect(line(dr, 50, false)).toBe(`${LEAD}${ARROW}  DR reason 1: congestion at the TSAP`);
});

describe('a TPDU in short words', () => {
  test.each([
    ['11e00000000700c1020100c2020102c0010b', 'CR class 0 0x0100 > 0x0102 size 2048'],
    ['0ad00007000800c2020102', 'CC class 0 > 0x0102'],
    ['09e00000000720c70100', 'CR class 2,0'],
    ['06800007000080', 'DR reason 128: normal'],
    ['05c000070008', 'DC'],
    ['02f00041', 'DT 1'],
    ['02f08041', 'DT EOT 1'],
    ['02f58041', 'DT EOT 1 [code-nibble]'],
    ['0420000703', 'EA number 3'],
    ['0460000705', 'AK number 5 credit 0'],
    ['0470000702', 'ER cause 2: invalid TPDU type'],
  ])('%s: %s', (octets, words) => {
    expect(shortWords(decodeOrError(hex(octets)))).toBe(words);
  });

  test('says what cannot be decoded, and where', () => {
    expect(shortWords(decodeOrError(hex('0af0')))).toBe('?? not decodable: li-exceeds at octet 1');
  });
});
