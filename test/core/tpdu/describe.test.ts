import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/tpdu/decode.js';
import { describeTpdu } from '../../../src/core/tpdu/describe.js';
import { hex } from '../../support/raw.js';

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
