import { describe, expect, it } from 'vitest';
import { meaningfulOptions } from '../../../src/core/negotiation/class-and-options.js';

describe('the bits of additional options that mean something', () => {
  it.each([
    ['in class 0: expedited data alone', 0, 0xff, 0x01],
    ['in class 2: those of RFC 2126', 2, 0xff, 0x69],
    ['in class 0 without expedited data: none', 0, 0xfe, 0x00],
    ['in class 2 without expedited data: none', 2, 0xfe, 0x00],
  ] as const)('are %s', (_what, selected, given, meaningful) => {
    expect(meaningfulOptions(selected, given)).toBe(meaningful);
  });

  it('are none where the parameter is absent', () => {
    expect(meaningfulOptions(2)).toBe(0);
  });
});
