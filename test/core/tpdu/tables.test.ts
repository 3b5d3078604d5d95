import { describe, expect, it } from 'vitest';
import {
  codeOfSize,
  isDisconnectReason,
  isRefusalReason,
  isRejectCause,
  largestCodedSize,
  sizeOfCode,
  TPDU_TYPES,
  TPDUS,
  tpduTypeOf,
} from '../../../src/core/tpdu/codes.js';
import type { TpduType, TransportClass } from '../../../src/core/tpdu/index.js';
import { disconnectReason, rejectCauseText } from '../../../src/core/tpdu/index.js';
import {
  isParameterCode,
  PARAMETER_ROWS,
  PARAMETERS,
  parameterNamed,
  parameterOf,
} from '../../../src/core/tpdu/parameters.js';
import { LENIENT } from '../../../src/core/tpdu/values.js';

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

  it.each([
    [0, 'reason not specified'],
    [1, 'congestion at the TSAP'],
    [2, 'session entity not attached to the TSAP'],
    [128, 'normal disconnect initiated by the session entity'],
    [129, 'remote transport entity congestion at connect request time'],
    [130, 'connection negotiation failed: the proposed class is not supported'],
    [131, 'duplicate source reference for the same pair of NSAPs'],
    [132, 'mismatched references'],
    [133, 'protocol error'],
    [135, 'reference overflow'],
    [136, 'connection request refused on this network connection'],
    [138, 'header or parameter length invalid'],
  ])('have one text each: reason %i is %s', (reason, text) => {
    expect(disconnectReason(reason)).toBe(text);
  });

  it.each([
    [0, 'reason not specified'],
    [1, 'invalid parameter code'],
    [3, 'invalid parameter value'],
  ])('have one text each: cause %i is %s', (cause, text) => {
    expect(rejectCauseText(cause)).toBe(text);
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

  /** X.224 13.3.4 to 13.12.4: the TPDUs that may have a parameter, and the classes that define it. */
  const BELONG: readonly (readonly [number, string, readonly TransportClass[]])[] = [
    [0xc3, 'CR CC DR DC DT ED AK EA ER', [4]],
    [0xc1, 'CR CC ER', [0, 1, 2, 3, 4]],
    [0xc2, 'CR CC', [0, 1, 2, 3, 4]],
    [0xc0, 'CR CC', [0, 1, 2, 3, 4]],
    [0xf0, 'CR CC', [0, 1, 2, 3, 4]],
    [0xc4, 'CR', [1, 2, 3, 4]],
    [0xc5, 'CR CC', [1, 2, 3, 4]],
    [0xc6, 'CR CC', [0, 1, 2, 3, 4]],
    [0xc7, 'CR', [1, 2, 3, 4]],
    [0x85, 'CR CC', [4]],
    [0x86, 'CR CC', [1, 2, 3, 4]],
    [0x87, 'CR CC', [1, 2, 3, 4]],
    [0x88, 'CR CC', [1, 2, 3, 4]],
    [0x89, 'CR CC', [1, 2, 3, 4]],
    [0x8b, 'CR', [1, 3, 4]],
    [0xf2, 'CR CC', [4]],
    [0xe0, 'DR', [0, 1, 2, 3, 4]],
    [0x8a, 'AK', [4]],
    [0x8c, 'AK', [4]],
    [0x8f, 'AK', [4]],
    [0x90, 'DT', [4]],
  ];

  //= X.224 13.2.3 other class test
  //= X.224 6.17.3 para 1 test
  it.each(BELONG)('of code %i belong in %s', (code, tpdus, classes) => {
    const has = (type: TpduType, of?: TransportClass) =>
      parameterOf(code, { type, class: of }) !== undefined;
    expect(TPDU_TYPES.filter((type) => has(type)).sort()).toEqual(tpdus.split(' ').sort());
    for (const type of tpdus.split(' ') as TpduType[]) {
      const of = ([0, 1, 2, 3, 4] as const).filter((each) => has(type, each));
      // A CR may have the parameters of any class: none is selected yet.
      expect(of).toEqual(type === 'CR' ? [0, 1, 2, 3, 4] : classes);
    }
  });

  it.each(BELONG)('of code %i are defined in classes of their own', (code, _tpdus, classes) => {
    const rows = PARAMETER_ROWS.filter((row) => row.code === code);
    expect(rows.map((row) => row.classes)).toEqual(rows.map(() => classes));
  });

  it.each([
    [0x06, 64],
    [0x10, 65_531],
  ])('are shown as the most tolerant reading has them: size code %i', (code, size) => {
    expect(PARAMETERS.tpduSize.kind.read(Uint8Array.of(code), LENIENT)).toBe(size);
  });

  it('have no other codes', () => {
    const known = BELONG.map(([code]) => code).sort((a, b) => a - b);
    expect(OCTETS.filter(isParameterCode)).toEqual(known);
  });

  it('are found by name', () => {
    expect(parameterNamed('checksum')?.code).toBe(0xc3);
    expect(parameterNamed('toString')).toBeUndefined();
  });
});

describe('the reasons by which a DR may refuse a CR', () => {
  it('are the first four if the CR prefers class 0', () => {
    expect(OCTETS.filter((reason) => isRefusalReason(reason, 0))).toEqual([0, 1, 2, 3]);
  });

  it('are all that X.224 defines in the other classes', () => {
    for (const preferred of [1, 2, 4]) {
      const allowed = OCTETS.filter((reason) => isRefusalReason(reason, preferred));
      expect(allowed).toEqual(OCTETS.filter(isDisconnectReason));
    }
  });
});
