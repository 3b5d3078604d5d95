/** One line of text for each TPDU, as logs and traces have it. */
import { describe, expect, it } from 'vitest';
import { describeTpdu } from '../../../src/core/tpdu/describe.js';
import { type DecodeOptions, decode } from '../../../src/core/tpdu/index.js';
import { additionalInfoText, optionNames } from '../../../src/core/tpdu/meanings.js';
import { hex } from './support.js';

const CLASS_2: DecodeOptions = { class: 2 };

describe('in one line', () => {
  it.each<[string, string, string, DecodeOptions?]>([
    [
      'a CR has its references, class and nothing that is absent',
      '06 e0 0000 4a1c 00',
      'CR TPDU src-ref: 0x4a1c dst-ref: 0x0000 class: 0',
    ],
    [
      'a CR has its selectors, sizes and user data',
      '15 e0 0000 0005 20 c1020100 c2034d5441 c0010a f00110 cafe',
      'CR TPDU src-ref: 0x0005 dst-ref: 0x0000 class: 2 calling: 0x0100 called: "MTA" size: 1024 preferred size: 2048 data: cafe',
    ],
    [
      'a CR has its alternatives in its order',
      '0a e0 0000 0005 40 c7023020',
      'CR TPDU src-ref: 0x0005 dst-ref: 0x0000 class: 4 alternatives: 3, 2',
    ],
    [
      'a CC has an empty selector as such',
      '08 d0 0001 0002 00 c200',
      'CC TPDU src-ref: 0x0002 dst-ref: 0x0001 class: 0 called: ""',
    ],
    [
      'a DR has its reason, by number and in words',
      '06 80 0005 0006 80',
      'DR TPDU src-ref: 0x0006 dst-ref: 0x0005 reason: 128 (normal disconnect initiated by the session entity)',
    ],
    ['a DC has its references', '05 c0 0005 0006', 'DC TPDU src-ref: 0x0006 dst-ref: 0x0005'],
    ['a DT has its number and octets', '04 f0 0007 5a 6162', 'DT TPDU (90) 2 octets', CLASS_2],
    ['a DT that is the last has EOT', '02 f0 80 61', 'DT TPDU (0) EOT 1 octet'],
    ['an ED has the same', '04 10 0007 83 41', 'ED TPDU (3) EOT 1 octet', CLASS_2],
    [
      'an AK has its number and credit',
      '04 63 0007 05',
      'AK TPDU dst-ref: 0x0007 number: 5 credit: 3',
    ],
    ['an RJ has the same', '04 5f 0007 05', 'RJ TPDU dst-ref: 0x0007 number: 5 credit: 15'],
    ['an EA has its number', '04 20 0007 7f', 'EA TPDU dst-ref: 0x0007 number: 127'],
    [
      'an ER has its cause, by number and in words',
      '04 70 0005 02',
      'ER TPDU dst-ref: 0x0005 cause: 2 (invalid TPDU type)',
    ],
    [
      'every deviation is named at the end',
      '06 e1 0000 0000 01',
      'CR TPDU src-ref: 0x0000 dst-ref: 0x0000 class: 0 [cdt-nonzero, ref-zero, option-bits]',
    ],
    [
      'a routing token and a correlation id of remote desktop are shown',
      `35 e0 0000 0001 00 610d0a 01 08 0800 03000000 06 00 2400 ${'11'.repeat(16)} ${'00'.repeat(16)}`,
      `CR TPDU src-ref: 0x0001 dst-ref: 0x0000 class: 0 remote desktop: "a" requests TLS, CredSSP correlation: ${'11'.repeat(16)} [remote-desktop]`,
    ],
    [
      'a request of remote desktop needs no line of text',
      '0e e0 0000 0001 00 01 00 0800 02000000',
      'CR TPDU src-ref: 0x0001 dst-ref: 0x0000 class: 0 remote desktop: requests CredSSP [remote-desktop]',
    ],
    [
      'an empty cookie of remote desktop is shown',
      '08 e0 0000 0001 00 0d0a',
      'CR TPDU src-ref: 0x0001 dst-ref: 0x0000 class: 0 remote desktop: "" [remote-desktop]',
    ],
  ])('%s', (_title, octets, line, context) => {
    expect(describeTpdu(decode(hex(octets), context))).toBe(line);
  });
});

const described = (digits: string) => describeTpdu(decode(hex(digits)));

describe('describeTpdu', () => {
  it.each([
    [
      'in class 2',
      '0c e0 0000 1234 21 c60121 c70100',
      'alternatives: 0 options: expedited data, EA',
    ],
    ['all four of RFC 2126', '09 e0 0000 1234 21 c60169', 'EA, non-blocking, reverse connection'],
    ['in class 0, the first alone', '09 d0 1234 0007 00 c60121', 'options: expedited data'],
  ])('names the options of a CR or CC: %s', (_what, digits, words) => {
    expect(described(digits)).toContain(words);
  });

  it.each([
    ['none is set', '09 e0 0000 1234 21 c60100'],
    ['the class gives them another meaning', '09 e0 0000 1234 40 c60121'],
  ])('names no options where %s', (_when, digits) => {
    expect(described(digits)).not.toContain('options');
  });

  it.each([
    ['80', 'info: 80 (non-disruptive) data: 627965'],
    ['c0', 'info: c0 (abort) data: 627965'],
    ['2a', 'info: 2a data: 627965'],
  ])('says what a DR with additional information %s carries', (info, words) => {
    const dr = described(`09 80 1234 0007 80 e001${info} 627965`);
    expect(
      dr.endsWith(`reason: 128 (normal disconnect initiated by the session entity) ${words}`),
    ).toBe(true);
  });
});

describe('the options of 0xC6', () => {
  it.each([
    [0x01, ['expedited data']],
    [0x08, ['reverse connection']],
    [0x20, ['EA']],
    [0x40, ['non-blocking']],
    [0x16, []],
  ])('have names in class 2: %i', (options, names) => {
    expect(optionNames(options, 2)).toEqual(names);
  });

  it('are in class 0 the first bit alone', () => {
    expect([optionNames(0x01, 0), optionNames(0x7e, 0)]).toEqual([['expedited data'], []]);
  });

  it.each([1, 3, 4] as const)('mean something else in class %i', (transportClass) => {
    expect(optionNames(0x21, transportClass)).toBeUndefined();
  });
});

describe('the additional information of a DR', () => {
  it.each([
    ['80', 'non-disruptive'],
    ['c0', 'abort'],
    ['81', ''],
    ['', ''],
    ['8000', ''],
  ])('of the octets %j means %j', (octets, meaning) => {
    expect(additionalInfoText(hex(octets))).toBe(meaning);
  });
});
