import { describe, expect, it } from 'vitest';
import {
  codeOfSize,
  isDisconnectReason,
  isRejectCause,
  largestCodedSize,
  sizeOfCode,
  TPDU_TYPES,
  TPDUS,
  tpduTypeOf,
} from '../../../src/core/tpdu/codes.js';
import { disconnectReason, rejectCauseText } from '../../../src/core/tpdu/index.js';
import { PARAMETER_ROWS } from '../../../src/core/tpdu/parameters.js';

const OCTETS = Array.from({ length: 256 }, (_, octet) => octet);

describe('TPDU codes', () => {
  //= X.224 13.2.2.2 test
  it('name a TPDU by their upper half', () => {
    for (const type of TPDU_TYPES) {
      for (let nibble = 0; nibble < 16; nibble += 1) {
        expect(tpduTypeOf(TPDUS[type].code | nibble)).toBe(type);
      }
    }
  });

  //= X.224 13.1 Table 8 test
  it('are none for the six other halves', () => {
    const none = OCTETS.filter((octet) => tpduTypeOf(octet) === undefined);
    expect([...new Set(none.map((octet) => octet >> 4))]).toEqual([0x0, 0x3, 0x4, 0x9, 0xa, 0xb]);
  });
});

describe('size codes', () => {
  //= X.224 13.3.4 b test
  it('mean a power of two from 7 to 15, 65531 as 16, and nothing else', () => {
    const sizes = OCTETS.map(sizeOfCode);
    expect(sizes.slice(7, 17)).toEqual([
      128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_531,
    ]);
    expect(sizes.filter((size) => size !== undefined)).toHaveLength(10);
  });

  it('are found again by their size', () => {
    for (const code of OCTETS) {
      const size = sizeOfCode(code);
      expect(size === undefined ? undefined : codeOfSize(size)).toBe(
        size === undefined ? undefined : code,
      );
    }
    expect(codeOfSize(65_536)).toBeUndefined();
    expect(codeOfSize(1000)).toBeUndefined();
  });

  it('give the largest size within a limit', () => {
    expect(largestCodedSize(1500, 0x0b)).toBe(1024);
    expect(largestCodedSize(65_531, 0x0b)).toBe(2048);
    expect(largestCodedSize(65_530, 0x10)).toBe(32_768);
    expect(largestCodedSize(65_531, 0x10)).toBe(65_531);
    expect(largestCodedSize(0, 0x10)).toBe(128);
  });
});

describe('reasons and causes', () => {
  it('have the text of X.224', () => {
    expect(disconnectReason(3)).toBe('address unknown');
    expect(disconnectReason(130)).toMatch(/^connection negotiation failed/);
    expect(rejectCauseText(2)).toBe('invalid TPDU type');
  });

  it('have a text too where X.224 has none', () => {
    expect(disconnectReason(134)).toBe('reason 134, not defined by X.224');
    expect(rejectCauseText(200)).toBe('cause 200, not defined by X.224');
  });

  //= X.224 13.5.3 d test
  //= X.224 13.12.3 test
  it('are defined for these values', () => {
    expect(OCTETS.filter(isDisconnectReason)).toEqual([
      0, 1, 2, 3, 128, 129, 130, 131, 132, 133, 135, 136, 138,
    ]);
    expect(OCTETS.filter(isRejectCause)).toEqual([0, 1, 2, 3]);
  });
});

describe('parameters', () => {
  it('have one meaning a code in any TPDU', () => {
    for (const type of TPDU_TYPES) {
      const codes = PARAMETER_ROWS.filter((row) => row.tpdus.includes(type)).map(
        ({ code }) => code,
      );
      expect(new Set(codes).size).toBe(codes.length);
    }
  });

  //= X.224 13.2.3 form test
  it('have codes that the standard may use', () => {
    for (const { code } of PARAMETER_ROWS) {
      // X.224 13.2.3: not with bits 8 and 7 both zero, and not 0xff.
      expect(code & 0xc0).not.toBe(0);
      expect(code).not.toBe(0xff);
    }
  });
});
