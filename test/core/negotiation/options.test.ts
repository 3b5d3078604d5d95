import { describe, expect, it } from 'vitest';
import {
  classesOf,
  meaningfulOptions,
  optionBits,
} from '../../../src/core/negotiation/class-and-options.js';

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

describe('the bits of additional options that are stated', () => {
  //= RFC 2126 4.2.1 bit 1 test
  //= RFC 2126 4.2.1 bit 6 test
  //= X.224 14 Amd.1 test
  it.each([
    [false, false, 0x00],
    [false, true, 0x00],
    [true, false, 0x01],
    [true, true, 0x21],
  ])('for expedited data %s and EA %s are %i', (expedited, expeditedAck, bits) => {
    expect(optionBits(expedited, expeditedAck)).toBe(bits);
  });
});

describe('the classes of a choice', () => {
  it.each([
    [0, [0]],
    [2, [2]],
    ['2,0', [2, 0]],
  ] as const)('%j are %j, the preferred one first', (choice, classes) => {
    expect(classesOf(choice)).toEqual(classes);
  });
});
