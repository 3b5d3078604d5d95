import { describe, expect, it } from 'vitest';
import { confirm } from '../../../src/core/negotiation/confirm.js';
import {
  type ConnectionConfirm,
  decode,
  type ParametersInit,
  type TpduInitOf,
} from '../../../src/core/tpdu/index.js';
import { faultOf } from '../../support/fault.js';
import { hex } from '../tpdu/support.js';

function confirmation(octets: string): ConnectionConfirm {
  const tpdu = decode(hex(octets));
  if (tpdu.type !== 'CC') {
    throw new Error(`a CC was expected, got ${tpdu.type}`);
  }
  return tpdu;
}

function class0(parameters: ParametersInit = { tpduSize: 2048 }): TpduInitOf<'CR'> {
  return { type: 'CR', srcRef: 1, parameters };
}

function class2(parameters: ParametersInit = {}): TpduInitOf<'CR'> {
  return { type: 'CR', srcRef: 1, class: 2, options: 1, parameters };
}

describe('an acceptable CC', () => {
  it('puts its class and size in force', () => {
    expect(confirm(class0(), confirmation('09 d0 0001 0002 00 c0 01 09'))).toEqual({
      class: 0,
      maxTpduSize: 512,
      expedited: false,
      expeditedAcknowledgement: false,
      diagnostics: [],
    });
  });

  it('may answer an offer that has no parameters', () => {
    const cc = confirmation('06 d0 0001 0002 00');
    expect(confirm({ type: 'CR', srcRef: 1 }, cc)).toMatchObject({ class: 0, diagnostics: [] });
  });

  it('need not repeat the selector that was called', () => {
    const offer = class0({ calledTsel: hex('0102') });
    expect(confirm(offer, confirmation('06 d0 0001 0002 00')).diagnostics).toEqual([]);
  });

  //= X.224 6.5.4 i para 3 test
  //= RFC 2126 4 test
  //= RFC 2126 6.3 test
  it('may take the alternative', () => {
    const offer = class2({ alternativeClasses: [0] });
    expect(confirm(offer, confirmation('06 d0 0001 0002 00'))).toMatchObject({ class: 0 });
  });

  //= RFC 1006 5 expedited negotiation test
  //= RFC 2126 4.1.1 expedited test
  //= RFC 2126 4.2.1 bit 1 test
  //= RFC 2126 4.2.1 bit 6 test
  it('grants the expedited data that was asked for', () => {
    const inClass0 = class0({ additionalOptions: 1 });
    expect(confirm(inClass0, confirmation('09 d0 0001 0002 00 c6 01 01'))).toMatchObject({
      expedited: true,
    });
    const inClass2 = class2({ additionalOptions: 0x21 });
    expect(confirm(inClass2, confirmation('09 d0 0001 0002 21 c6 01 21'))).toMatchObject({
      expedited: true,
      expeditedAcknowledgement: true,
    });
    expect(confirm(inClass2, confirmation('09 d0 0001 0002 21 c6 01 20'))).toMatchObject({
      expedited: false,
      expeditedAcknowledgement: false,
    });
  });

  it('may set bits that mean nothing in its class', () => {
    expect(
      confirm(class0(), confirmation('09 d0 0001 0002 00 c6 01 68'), { strict: true }),
    ).toMatchObject({
      expedited: false,
    });
  });

  it('may state selectors of its own', () => {
    const cc = confirmation('0e d0 0001 0002 00 c1 02 0001 c2 02 0001');
    expect(confirm(class0({}), cc, { strict: true })).toMatchObject({ diagnostics: [] });
  });
});

describe('a CC is refused', () => {
  it.each<[string, TpduInitOf<'CR'>, string, string, number | undefined]>([
    //= X.224 13.4.3 test
    ['for another reference in class 2', class2(), '06 d0 0009 0002 21', 'cc-ref-mismatch', 4],
    //= RFC 2126 7 test
    ['for a class not offered', class2(), '06 d0 0001 0002 00', 'cc-class', 7],
    ['for class 2 in answer to class 0', class0(), '06 d0 0001 0002 21', 'cc-class', 7],
    //= X.224 6.5.4 o test
    //= RFC 2126 4.2.1 flow control test
    ['for class 2 with flow control', class2(), '06 d0 0001 0002 20', 'cc-options', 7],
    //= X.224 6.5.4 l test
    ['for extended formats in class 2', class2(), '06 d0 0001 0002 23', 'cc-options', 7],
    //= X.224 6.5.4 q test
    //= X.224 6.5.4 Table 4 test
    [
      'for expedited data not asked for',
      class0(),
      '09 d0 0001 0002 00 c6 01 01',
      'cc-options',
      undefined,
    ],
    [
      'for EA not asked for',
      class2({ additionalOptions: 1 }),
      '09 d0 0001 0002 21 c6 01 21',
      'cc-options',
      undefined,
    ],
    //= X.224 6.5.4 Table 4 test
    //= RFC 2126 4.2.1 bit 4 test
    [
      'for a reverse connection not asked for',
      class2({ additionalOptions: 0x21 }),
      '09 d0 0001 0002 21 c6 01 29',
      'cc-options',
      undefined,
    ],
  ])('%s', (_title, offer, octets, fault, octet) => {
    for (const strict of [false, true]) {
      const error = faultOf(() =>
        confirm(offer, confirmation(octets), { strict, octets: hex(octets) }),
      );
      expect(error).toMatchObject({ fault, octet, octets: hex(octets), rejectCause: 3 });
    }
  });
});

describe('a CC is refused by a strict reading only', () => {
  it.each<[string, TpduInitOf<'CR'>, string, string, number]>([
    //= X.224 6.5.4 j test
    ['for a larger size', class0(), '09 d0 0001 0002 00 c0 01 0d', 'cc-size', 2048],
    //= X.224 6.5.4 k para 3 test
    [
      'for a preferred size not asked for',
      class0(),
      '09 d0 0001 0002 00 f0 01 08',
      'cc-size',
      1024,
    ],
    [
      'for another called selector',
      class0({ calledTsel: hex('0102') }),
      '0a d0 0001 0002 00 c2 02 0103',
      'cc-selector',
      65_531,
    ],
    //= X.224 13.2.3 nil selector test
    [
      'for an empty responding selector where another one was called',
      class0({ calledTsel: hex('0102') }),
      '08 d0 0001 0002 00 c2 00',
      'cc-selector',
      65_531,
    ],
  ])('%s', (_title, offer, octets, fault, maxTpduSize) => {
    const cc = confirmation(octets);
    expect(faultOf(() => confirm(offer, cc, { strict: true })).fault).toBe(fault);
    expect(confirm(offer, cc)).toMatchObject({
      maxTpduSize,
      diagnostics: [{ code: fault, octet: undefined }],
    });
  });

  //= X.224 6.5.4 k para 2 test
  it('for both sizes, of which 0xF0 counts', () => {
    const offer = class0({ tpduSize: 2048, preferredMaxTpduSize: 4096 });
    const cc = confirmation('0c d0 0001 0002 00 c0 01 0a f0 01 10');
    expect(faultOf(() => confirm(offer, cc, { strict: true })).fault).toBe('cc-both-sizes');
    expect(confirm(offer, cc)).toMatchObject({ maxTpduSize: 2048, diagnostics: [] });
  });
});
