/** Which DTs are plain, so that they are read without the codec. */
import { describe, expect, it } from 'vitest';
import { normalDt, readEot, SHORT_DT } from '../../../src/core/data-transfer/dt.js';

describe('EOT of a DT of class 0', () => {
  it.each([
    ['the last one', 2, 0xf0, 0x80, true],
    ['not the last one', 2, 0xf0, 0x00, false],
    ['one with another LI', 3, 0xf0, 0x80, undefined],
    ['another TPDU', 2, 0xe0, 0x80, undefined],
    ['one with a number', 2, 0xf0, 0x81, undefined],
    ['one that ends before EOT', 2, 0xf0, undefined, undefined],
  ] as const)('%s', (_, li, code, number, eot) => {
    expect(readEot(SHORT_DT, li, code, number)).toBe(eot);
  });
});

describe('EOT of a DT of class 2', () => {
  it.each([
    ['the last one', 4, 0x80, true],
    ['not the last one', 4, 0x00, false],
    ['the last one, with a number', 4, 0xff, true],
    ['not the last one, with a number', 4, 0x7f, false],
    ['one of class 0', 2, 0x80, undefined],
  ] as const)('%s', (_, li, number, eot) => {
    expect(readEot(normalDt(1, 2), li, 0xf0, number)).toBe(eot);
  });
});
