import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/core/octets/octets.js';
import { decode, encode, type TpduInit } from '../../../src/core/tpdu/index.js';
import { hex, many } from './support.js';

/** What a caller in plain JavaScript may give. */
function encodeAnything(tpdu: unknown): Uint8Array {
  return encode(tpdu as TpduInit);
}

const CR = { type: 'CR', srcRef: 1 } as const;
const CC = { type: 'CC', dstRef: 1, srcRef: 2 } as const;
const AK = { type: 'AK', dstRef: 7, yrTuNr: 0 } as const;

describe('what is left out has a default', () => {
  it.each<[string, TpduInit, string]>([
    ['a CR is of class 0', CR, '06 e0 0000 0001 00'],
    ['a CC selects class 0', CC, '06 d0 0001 0002 00'],
    ['a DR refuses a CR', { type: 'DR', dstRef: 5, reason: 3 }, '06 80 0005 0000 03'],
    [
      'a DT without DST-REF is short and the last',
      { type: 'DT', userData: hex('61') },
      '02 f0 80 61',
    ],
    [
      'a DT with DST-REF is normal',
      { type: 'DT', dstRef: 7, userData: hex('61') },
      '04 f0 0007 80 61',
    ],
    ['an ED without DST-REF is short', { type: 'ED', userData: hex('61') }, '02 10 80 61'],
    ['an AK gives no credit', AK, '04 60 0007 00'],
  ])('%s', (_title, tpdu, octets) => {
    expect(toHex(encode(tpdu))).toBe(toHex(hex(octets)));
  });
});

describe('parameters', () => {
  const parameters = {
    alternativeClasses: [0],
    tpduSize: 1024,
    callingTsel: hex('01'),
    calledTsel: hex('02'),
  } as const;
  const codesOf = (octets: Uint8Array) =>
    decode(octets).rawParameters.map(({ code }) => code.toString(16));

  it('are sent in one order, in whatever order they are given', () => {
    const tpdu: TpduInit = { ...CR, class: 2, options: 1, parameters };
    expect(codesOf(encode(tpdu))).toEqual(['c1', 'c2', 'c0', 'c7']);
  });

  it('are sent in another order where one is asked for', () => {
    const tpdu: TpduInit = {
      ...CR,
      class: 2,
      options: 1,
      parameters,
      unknownParameters: [{ code: 0xdd, value: hex('') }],
    };
    const parameterOrder = [0xdd, 0xc0, 0xc2];
    expect(codesOf(encode(tpdu, { parameterOrder }))).toEqual(['dd', 'c0', 'c2', 'c1', 'c7']);
  });

  it.each([
    ['C0 first', '11 d0 0007 0003 00 c0010a c1020100 c2020102'],
    ['C0, C2, C1', '11 e0 0000 0001 00 c0010a c2020001 c1020001'],
    ['an unknown one first', '0c e0 0000 0001 00 dd0101 c10101'],
    ['unknown ones around the known', '0f e0 0000 0001 00 dd0101 c0010a dd0102'],
    ['a number that another one seems to spell out', '0d e0 0000 0001 00 f00110 dd020010'],
    ['a preferred size with leading zeros', '0b e0 0000 0001 00 f003000010'],
  ])('that were read are written in the octets that they were: %s', (_title, octets) => {
    expect(toHex(encode(decode(hex(octets))))).toBe(toHex(hex(octets)));
  });

  it('that were read keep their places when they change, and new ones follow', () => {
    const tpdu = decode(hex('0d d0 0007 0003 00 c0010a c2020102'));
    if (tpdu.type !== 'CC') {
      throw new Error('a CC was expected');
    }
    const changed = { ...tpdu.parameters, tpduSize: 512, callingTsel: hex('41') };
    expect(toHex(encode({ ...tpdu, parameters: changed }).subarray(7))).toBe(
      'c00109c2020102c10141',
    );
  });

  it('that were read go out in another order where one is asked for', () => {
    const tpdu = decode(hex('11 d0 0007 0003 00 c0010a c1020100 c2020102'));
    expect(codesOf(encode(tpdu, { parameterOrder: [0xc2] }))).toEqual(['c2', 'c0', 'c1']);
  });

  it('that were read and are taken away are not sent', () => {
    const tpdu = decode(hex('0d d0 0007 0003 00 c0010a c2020102'));
    expect(codesOf(encode({ ...tpdu, parameters: {} } as TpduInit))).toEqual([]);
  });

  it('in the order of something that is no list are refused', () => {
    expect(() => encodeAnything({ ...CR, rawParameters: 'c0' })).toThrow(/^rawParameters: /);
  });

  /** The variable part of a TPDU that is written again with these parameters. */
  const rewritten = (octets: string, parameters: object) =>
    toHex(encode({ ...decode(hex(octets)), parameters } as TpduInit).subarray(7));

  it('that were read with a deviation are written without it', () => {
    const tpdu = decode(hex('0a e0 0000 0005 41 c7 02 0021'));
    expect(toHex(encode(tpdu).subarray(7))).toBe('c7020020');
  });

  it('that were read twice are written as the later one was', () => {
    expect(
      toHex(encode(decode(hex('10 e0 0000 0001 00 f0020010 f004 00000020'))).subarray(7)),
    ).toBe('f00400000020');
    expect(
      toHex(encode(decode(hex('10 e0 0000 0001 00 f004 00000020 f0020010'))).subarray(7)),
    ).toBe('f0020010');
  });

  it.each([
    ['a wrong length', '0a e0 0000 0005 00 c0 02 0007', { tpduSize: 128 }, 'c00107'],
    ['no valid value', '0b e0 0000 0005 00 f0 03 000000', { preferredMaxTpduSize: 2048 }, 'f00110'],
    ['another value', '0b e0 0000 0005 00 f0 03 000010', { preferredMaxTpduSize: 4096 }, 'f00120'],
  ])(
    'that were read with %s are written in the fewest octets',
    (_title, octets, parameters, written) => {
      expect(rewritten(octets, parameters)).toBe(written);
    },
  );

  it('that were read many times keep their places, the ones without a name too', () => {
    const octets = '13 e0 0000 0001 00 dd0101 c0010a dd0102 c1020100';
    expect(toHex(encode(decode(hex(octets))))).toBe(toHex(hex(octets)));
  });

  it('without a place are the last, in the usual order', () => {
    const tpdu = decode(hex('0a e0 0000 0001 20 dd 00 dd 00'));
    const unknownParameters = [0xde, 0xdd, 0xdd, 0xdd].map((code) => ({ code, value: hex('') }));
    const octets = encode({
      ...tpdu,
      parameters: { tpduSize: 128, callingTsel: hex('') },
      unknownParameters,
    } as TpduInit);
    expect(codesOf(octets)).toEqual(['dd', 'dd', 'c1', 'c0', 'de', 'dd']);
  });

  it('that are undefined as a whole are none', () => {
    expect(encodeAnything({ ...CR, parameters: undefined })).toHaveLength(7);
  });

  //= X.224 13.3 test
  it('may fill a CR up to 128 octets', () => {
    expect(encode({ ...CR, parameters: { calledTsel: many(119) } })).toHaveLength(128);
  });

  it('of value undefined are left out', () => {
    expect(encodeAnything({ ...CR, parameters: { tpduSize: undefined } })).toHaveLength(7);
  });

  it('take a preferred size in the fewest octets', () => {
    const size = (preferredMaxTpduSize: number) =>
      toHex(encode({ ...CC, parameters: { preferredMaxTpduSize } }).subarray(7));
    expect(size(128)).toBe('f00101');
    expect(size(255 * 128)).toBe('f001ff');
    expect(size(256 * 128)).toBe('f0020100');
    expect(size(0xffff_ffff * 128)).toBe('f004ffffffff');
  });
});

describe('a checksum', () => {
  it('is worked out over the whole TPDU', () => {
    const tpdu: TpduInit = {
      type: 'DT',
      dstRef: 1,
      tpduNr: 0,
      eot: true,
      parameters: { checksum: 'compute' },
      userData: hex('010203'),
    };
    expect(toHex(encode({ ...tpdu, tpduNr: 0 }))).toMatch(/^08f0000180c302....010203$/);
    expect(decode(encode(tpdu), { class: 4, verifyChecksum: true })).toMatchObject({ type: 'DT' });
  });

  it('is worked out wherever it stands', () => {
    const octets = encode(
      { ...CR, class: 4, parameters: { checksum: 'compute', tpduSize: 8192 } },
      { parameterOrder: [0xc0, 0xc3] },
    );
    expect(toHex(octets)).toMatch(/^0de00000000140c0010dc302....$/);
    expect(decode(octets, { verifyChecksum: true })).toMatchObject({ type: 'CR' });
  });
});

describe('what cannot stand on the wire is refused with the name of the field', () => {
  it.each<[string, unknown, string]>([
    [
      'a type',
      { type: 'UD' },
      "type: expected one of CR, CC, DR, DC, DT, ED, AK, EA, RJ, ER, got 'UD'",
    ],
    ['no SRC-REF', { type: 'CR' }, 'srcRef: expected a number, got undefined'],
    ['a text', { ...CR, srcRef: '1' }, "srcRef: expected a number, got '1'"],
    ['a class of text', { ...CR, class: '0' }, "class: expected a number, got '0'"],
    ['no user data', { type: 'DT' }, 'userData: expected a Uint8Array, got undefined'],
    [
      'user data of text',
      { type: 'DT', userData: 'a' },
      "userData: expected a Uint8Array, got 'a'",
    ],
    [
      'a form',
      { type: 'DT', form: 'long', userData: many(1) },
      "form: expected 'short', 'normal' or 'extended', got 'long'",
    ],
    ['a short AK', { ...AK, form: 'short' }, "form: expected 'normal' or 'extended', got 'short'"],
    ['a flag', { type: 'DT', eot: 1, userData: many(1) }, 'eot: expected true or false, got 1'],
    [
      'a normal DT without DST-REF',
      { type: 'DT', form: 'normal', userData: many(1) },
      'dstRef: expected a number, got undefined',
    ],
    [
      'a parameter',
      { ...CR, parameters: { tpdusize: 1024 } },
      "parameters.tpdusize: expected the name of a parameter, got 'tpdusize'",
    ],
    [
      'a selector of text',
      { ...CR, parameters: { calledTsel: '0102' } },
      "parameters.calledTsel: expected a Uint8Array, got '0102'",
    ],
    [
      'classes',
      { ...CR, class: 2, parameters: { alternativeClasses: 0 } },
      'parameters.alternativeClasses: expected an array of classes, got 0',
    ],
    [
      'a list',
      { ...CR, parameters: { transitDelay: 5 } },
      'parameters.transitDelay: expected an array of numbers, got 5',
    ],
    [
      'a record',
      { ...CR, parameters: { residualErrorRate: 5 } },
      'parameters.residualErrorRate: expected { target, minimumAcceptable, tsduSize }, got 5',
    ],
    [
      'the order of something that is no list',
      { ...CR, rawParameters: 'c0' },
      "rawParameters: expected an array of parameters, got 'c0'",
    ],
    [
      'a number to compute that is no checksum',
      { ...CR, class: 4, parameters: { ackTime: 'compute' } },
      "parameters.ackTime: expected a number, got 'compute'",
    ],
    [
      'an unknown parameter of text',
      { ...CR, unknownParameters: [{ code: 1, value: 'a' }] },
      "unknownParameters[0].value: expected a Uint8Array, got 'a'",
    ],
    [
      'a request that is no flag',
      { type: 'DT', roa: 1, userData: many(1) },
      'roa: expected true or false, got 1',
    ],
    ['an ED flag', { type: 'ED', eot: 1, userData: many(1) }, 'eot: expected true or false, got 1'],
    [
      'part of a record',
      { ...CR, parameters: { residualErrorRate: { target: 1 } } },
      'parameters.residualErrorRate.minimumAcceptable: expected a number, got undefined',
    ],
  ])('%s (TypeError)', (_title, tpdu, message) => {
    expect(() => encodeAnything(tpdu)).toThrow(new TypeError(message));
  });

  it.each<[string, unknown, string]>([
    //= X.224 6.5.4 a 2 test
    ['SRC-REF 0', { ...CR, srcRef: 0 }, 'srcRef: expected a whole number from 1 to 65535, got 0'],
    [
      'SRC-REF 65536',
      { ...CC, srcRef: 65_536 },
      'srcRef: expected a whole number from 1 to 65535, got 65536',
    ],
    [
      'half a reference',
      { ...CC, dstRef: 0.5 },
      'dstRef: expected a whole number from 0 to 65535, got 0.5',
    ],
    //= X.224 13.3.3 c test
    ['DST-REF of a CR', { ...CR, dstRef: 1 }, 'dstRef: expected 0, got 1'],
    ['class 5', { ...CR, class: 5 }, 'class: expected a whole number from 0 to 4, got 5'],
    //= X.224 13.3.3 b test
    ['credit in class 0', { ...CR, cdt: 1 }, 'cdt: expected 0, got 1'],
    [
      'credit 16',
      { ...CR, class: 2, cdt: 16 },
      'cdt: expected a whole number from 0 to 15, got 16',
    ],
    //= X.224 13.3.3 options test
    ['options in class 0', { ...CR, options: 1 }, 'options: expected 0, got 1'],
    [
      'options 4',
      { ...CR, class: 4, options: 4 },
      'options: expected a whole number from 0 to 3, got 4',
    ],
    //= X.224 13.4.5 test
    [
      '33 octets in a CC',
      { ...CC, userData: many(33) },
      'userData: expected 0 to 32 octets, got 33 octets',
    ],
    //= X.224 13.3 test
    [
      'a CR of 129 octets',
      { ...CR, parameters: { calledTsel: many(120) } },
      'CR: expected at most 128 octets in all, got 129 octets',
    ],
    //= X.224 13.2.1 para 1 test
    [
      'a header of 255 octets',
      { ...CC, parameters: { calledTsel: many(247) } },
      'parameters: expected a header of at most 254 octets, got 255 octets',
    ],
    [
      'a selector of 300 octets',
      { ...CC, parameters: { calledTsel: many(300) } },
      'parameters.calledTsel: expected 0 to 252 octets, got 300 octets',
    ],
    [
      'a size that has no code',
      { ...CR, parameters: { tpduSize: 1000 } },
      'parameters.tpduSize: expected a power of two from 128 to 32768, or 65531, got 1000',
    ],
    [
      'a size of 65536',
      { ...CR, parameters: { tpduSize: 65_536 } },
      'parameters.tpduSize: expected a power of two from 128 to 32768, or 65531, got 65536',
    ],
    [
      'a preferred size of 0',
      { ...CR, parameters: { preferredMaxTpduSize: 0 } },
      'parameters.preferredMaxTpduSize: expected a whole number from 128 to 549755813760, got 0',
    ],
    [
      'a preferred size of 129',
      { ...CR, parameters: { preferredMaxTpduSize: 129 } },
      'parameters.preferredMaxTpduSize: expected a multiple of 128, got 129',
    ],
    //= X.224 13.3.4 d test
    [
      'version 2',
      { ...CR, class: 2, parameters: { version: 2 } },
      'parameters.version: expected 1, got 2',
    ],
    [
      'bit 8 of the additional options',
      { ...CR, parameters: { additionalOptions: 0x80 } },
      'parameters.additionalOptions: expected a whole number from 0 to 127, got 128',
    ],
    //= X.224 6.5.4 i para 1 test
    [
      'an alternative to class 0',
      { ...CR, parameters: { alternativeClasses: [0] } },
      'parameters.alternativeClasses: expected none with class 0, got [0]',
    ],
    [
      'no alternative',
      { ...CR, class: 2, parameters: { alternativeClasses: [] } },
      'parameters.alternativeClasses: expected at least one class, got []',
    ],
    [
      'alternative 5',
      { ...CR, class: 2, parameters: { alternativeClasses: [0, 5] } },
      'parameters.alternativeClasses[1]: expected a whole number from 0 to 4, got 5',
    ],
    [
      'five figures of throughput',
      { ...CR, parameters: { throughput: [1, 2, 3, 4, 5] } },
      'parameters.throughput: expected 4 or 8 numbers, got [1, 2, 3, 4, 5]',
    ],
    //= X.224 6.5.4 k para 2 test
    [
      'both sizes in a CC',
      { ...CC, parameters: { tpduSize: 128, preferredMaxTpduSize: 128 } },
      'parameters.preferredMaxTpduSize: expected none beside tpduSize in a CC, got 128',
    ],
    //= X.224 6.5.4 u test
    [
      'a parameter of another TPDU',
      { ...CC, parameters: { version: 1 } },
      'parameters.version: expected none in CC of class 0, got 1',
    ],
    //= X.224 13.4.4 test
    [
      'a parameter of another class',
      { ...CC, parameters: { priority: 1 } },
      'parameters.priority: expected none in CC of class 0, got 1',
    ],
    //= X.224 13.2.3 form test
    [
      'parameter code 255',
      { ...CR, unknownParameters: [{ code: 255, value: many(0) }] },
      'unknownParameters[0].code: expected a whole number from 0 to 254, got 255',
    ],
    [
      'an unknown parameter of 253 octets',
      {
        ...CC,
        unknownParameters: [
          { code: 1, value: many(1) },
          { code: 2, value: many(253) },
        ],
      },
      'unknownParameters[1].value: expected 0 to 252 octets, got 253 octets',
    ],
    [
      'a parameter of another TPDU that has no class',
      { type: 'DR', dstRef: 1, reason: 0, parameters: { tpduSize: 1024 } },
      'parameters.tpduSize: expected none in DR, got 1024',
    ],
    [
      'an alternative to class 0 that is named',
      { ...CR, class: 0, parameters: { alternativeClasses: [1] } },
      'parameters.alternativeClasses: expected none with class 0, got [1]',
    ],
    ['credit in class 1', { ...CR, class: 1, cdt: 1 }, 'cdt: expected 0, got 1'],
    [
      'credit 16 in octet 2 of an AK',
      { ...AK, cdt: 16 },
      'cdt: expected a whole number from 0 to 15, got 16',
    ],
    [
      'YR-TU-NR 128',
      { ...AK, yrTuNr: 128 },
      'yrTuNr: expected a whole number from 0 to 127, got 128',
    ],
    [
      'an extended YR-TU-NR of 32 bits',
      { ...AK, form: 'extended', yrTuNr: 2 ** 31 },
      'yrTuNr: expected a whole number from 0 to 2147483647, got 2147483648',
    ],
    [
      'DST-REF of a DR',
      { type: 'DR', dstRef: 65_536, reason: 0 },
      'dstRef: expected a whole number from 0 to 65535, got 65536',
    ],
    [
      'SRC-REF of a DR',
      { type: 'DR', dstRef: 1, srcRef: 65_536, reason: 0 },
      'srcRef: expected a whole number from 0 to 65535, got 65536',
    ],
    [
      'a reason of nine bits',
      { type: 'DR', dstRef: 1, reason: 256 },
      'reason: expected a whole number from 0 to 255, got 256',
    ],
    [
      'DST-REF of a DC',
      { type: 'DC', dstRef: -1, srcRef: 1 },
      'dstRef: expected a whole number from 0 to 65535, got -1',
    ],
    [
      'SRC-REF of a DC',
      { type: 'DC', dstRef: 1, srcRef: -1 },
      'srcRef: expected a whole number from 0 to 65535, got -1',
    ],
    [
      'DST-REF of an ER',
      { type: 'ER', dstRef: -1, rejectCause: 0 },
      'dstRef: expected a whole number from 0 to 65535, got -1',
    ],
    [
      'an ED-TPDU-NR of 8 bits',
      { type: 'ED', tpduNr: 128, userData: many(1) },
      'tpduNr: expected a whole number from 0 to 127, got 128',
    ],
    //= X.224 13.5.3 d test
    [
      'a reason that is not defined',
      { type: 'DR', dstRef: 1, reason: 134 },
      'reason: expected a reason of X.224 13.5.3, got 134',
    ],
    //= X.224 13.5.5 test
    [
      '65 octets in a DR',
      { type: 'DR', dstRef: 1, reason: 0, userData: many(65) },
      'userData: expected 0 to 64 octets, got 65 octets',
    ],
    [
      'DST-REF in the short form',
      { type: 'DT', form: 'short', dstRef: 1, userData: many(1) },
      'dstRef: expected none in the short form, got 1',
    ],
    //= X.224 6.17.3 para 1 test
    //= X.224 13.7.1 a test
    [
      'parameters in the short form',
      { type: 'DT', userData: many(1), parameters: { checksum: 1 } },
      'parameters: expected none in this form, got 1',
    ],
    [
      'parameters in a short ED',
      { type: 'ED', userData: many(1), parameters: { checksum: 1 } },
      'parameters: expected none in this form, got 1',
    ],
    [
      'parameters in an RJ',
      { type: 'RJ', dstRef: 1, yrTuNr: 1, unknownParameters: [{ code: 1, value: many(1) }] },
      'parameters: expected none in this form, got 1',
    ],
    [
      'TPDU-NR 128',
      { type: 'DT', tpduNr: 128, userData: many(1) },
      'tpduNr: expected a whole number from 0 to 127, got 128',
    ],
    //= X.224 6.3.3 para 2 test
    [
      'an empty DT that is not the last',
      { type: 'DT', eot: false, userData: many(0) },
      'userData: expected at least one octet where eot is false, got 0 octets',
    ],
    //= X.224 13.8.5 test
    [
      'ED of 17 octets',
      { type: 'ED', userData: many(17) },
      'userData: expected 1 to 16 octets, got 17 octets',
    ],
    //= X.224 6.11.1.4 para 4 test
    [
      'ED of no octets',
      { type: 'ED', userData: many(0) },
      'userData: expected 1 to 16 octets, got 0 octets',
    ],
    //= X.224 13.8.3 test
    [
      'ED without EOT',
      { type: 'ED', eot: false, userData: many(1) },
      'eot: expected true in an ED, got false',
    ],
    [
      'credit 65536',
      { ...AK, form: 'extended', cdt: 65_536 },
      'cdt: expected a whole number from 0 to 65535, got 65536',
    ],
    [
      'YR-EDTU-NR 128',
      { type: 'EA', dstRef: 1, yrEdtuNr: 128 },
      'yrEdtuNr: expected a whole number from 0 to 127, got 128',
    ],
    [
      'reject cause 4',
      { type: 'ER', dstRef: 1, rejectCause: 4 },
      'rejectCause: expected a whole number from 0 to 3, got 4',
    ],
  ])('%s (RangeError)', (_title, tpdu, message) => {
    expect(() => encodeAnything(tpdu)).toThrow(new RangeError(message));
  });
});
