import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/core/octets/octets.js';
import { type DecodeOptions, decode, decodeNsdu, encode } from '../../../src/core/tpdu/index.js';
import { SAMPLES } from './samples.js';
import { hex } from './support.js';

/** Parts that every decoded TPDU has and that a sample leaves out where they are empty. */
function fieldsOf(tpdu: object): object {
  const { li, rawParameters, diagnostics, ...fields } = tpdu as Record<string, unknown>;
  const empty = { parameters: {}, unknownParameters: [] };
  return { ...empty, ...fields };
}

//= X.224 13.2 para 2 test
//= X.224 13.2 order of fields test
describe.each(SAMPLES)('$title', ({ tpdu, octets, context }) => {
  it('is written as these octets', () => {
    expect(toHex(encode(tpdu))).toBe(toHex(hex(octets)));
  });

  it('is read from them, by whoever knows the class', () => {
    expect(fieldsOf(decode(hex(octets), context))).toEqual(fieldsOf(tpdu));
  });

  it('is read from them, by whoever does not', () => {
    expect(fieldsOf(decode(hex(octets)))).toEqual(fieldsOf(tpdu));
  });

  it('is written again as it was read', () => {
    expect(toHex(encode(decode(hex(octets), context)))).toBe(toHex(hex(octets)));
  });

  it('may end at no other octet of its header', () => {
    const whole = hex(octets);
    for (let end = 0; end <= (whole[0] ?? 0); end += 1) {
      expect(() => decode(whole.subarray(0, end), context)).toThrow();
    }
  });
});

describe('a strict reading', () => {
  const standard = SAMPLES.filter(({ isDeviation }) => isDeviation !== true);

  it.each(standard)('takes and has nothing to note on: $title', ({ octets, context }) => {
    const { diagnostics } = decode(hex(octets), { ...context, strict: true });
    expect(diagnostics.filter(({ code }) => code !== 'param-unknown')).toEqual([]);
  });
});

describe('what decoding gives', () => {
  it('is views of the octets, not copies', () => {
    const octets = hex('0a e0 0000 0005 00 c1 02 0100 cafe');
    const tpdu = decode(octets);
    octets.fill(0xee, 9);
    expect(tpdu).toMatchObject({
      parameters: { callingTsel: hex('eeee') },
      userData: hex('eeee'),
      rawParameters: [{ code: 0xc1, value: hex('eeee') }],
    });
  });

  it('keeps every parameter in the order of the wire', () => {
    const { rawParameters, li } = decode(hex('0e e0 0000 0005 00 dd 00 c0 01 07 c0 01 0a'));
    expect(li).toBe(14);
    expect(rawParameters.map(({ code }) => code)).toEqual([0xdd, 0xc0, 0xc0]);
  });

  //= X.224 13.2.3 order and repeats test
  it('counts the later of two equal parameters', () => {
    const tpdu = decode(hex('0c e0 0000 0005 00 c0 01 07 c0 01 0a'), { strict: true });
    expect(tpdu).toMatchObject({
      parameters: { tpduSize: 1024 },
      diagnostics: [{ code: 'param-duplicate', octet: 11 }],
    });
  });
});

describe('the header format', () => {
  it.each<[string, string, DecodeOptions, object]>([
    ['of a DT is short in class 0', '02 f0 80 61', { class: 0 }, { form: 'short' }],
    [
      'of a DT is short in class 1',
      '02 f0 85 61',
      { class: 1, extendedFormats: true },
      { form: 'short', tpduNr: 5 },
    ],
    [
      'of an ED is normal in class 1',
      '04 10 0007 85 61',
      { class: 1, extendedFormats: true },
      { form: 'normal', tpduNr: 5 },
    ],
    [
      'of a DT is normal in class 2',
      '04 f0 0007 85 61',
      { class: 2 },
      { form: 'normal', tpduNr: 5 },
    ],
    [
      'of a DT is extended where that was agreed',
      '07 f0 0007 80000005 61',
      { class: 2, extendedFormats: true },
      { form: 'extended', tpduNr: 5 },
    ],
    [
      'is judged by LI where the class is not known: 2',
      '02 f0 85 61',
      {},
      { form: 'short', tpduNr: 5 },
    ],
    [
      'is judged by LI where the class is not known: 4',
      '04 f0 0007 85 61',
      {},
      { form: 'normal', tpduNr: 5 },
    ],
    [
      'is judged by LI where the class is not known: 7',
      '07 f0 0007 80000005 61',
      {},
      { form: 'extended', tpduNr: 5 },
    ],
  ])('%s', (_title, octets, options, fields) => {
    expect(decode(hex(octets), options)).toMatchObject(fields);
  });
});

it('the header format is judged by the class where it is known, whatever LI is', () => {
  const tpdu = decode(hex('07 f0 0007 85 dd0100 61'), { class: 2 });
  expect(tpdu).toMatchObject({ form: 'normal', tpduNr: 5, userData: hex('61') });
});

it('an RJ has no parameters', () => {
  expect(decode(hex('04 5f 0007 05'), { class: 1 })).toMatchObject({ rawParameters: [] });
});

describe('several TPDUs in one NSDU', () => {
  //= X.224 6.4.2 a test
  //= X.224 6.4.2 para 3 test
  //= X.224 6.9.1.4.1 b decodable test
  it('are read one after the other outside class 0', () => {
    const octets = hex('04 20 0007 00 05 c0 0007 0008 04 f0 0007 80 6162');
    expect(decodeNsdu(octets, { class: 2 }).map(({ type }) => type)).toEqual(['EA', 'DC', 'DT']);
  });

  //= X.224 6.9.1.4.1 a decodable test
  //= RFC 1006 6 one TPDU test
  it('are refused in class 0', () => {
    const octets = hex('04 70 0005 00 02 f0 80 41');
    expect(() => decodeNsdu(octets, { class: 0 })).toThrow('trailing-octets at octet 6');
  });

  it('are judged each for itself', () => {
    const octets = hex('04 20 0007 00 04 f0 00');
    expect(() => decodeNsdu(octets, { class: 2 })).toThrow('li-exceeds at octet 1');
  });

  //= X.224 6.4.2 b test
  it('leave to a TPDU with user data all that follows', () => {
    const [tpdu, ...others] = decodeNsdu(hex('04 f0 0007 80 04 20 0007 00'), { class: 2 });
    expect(others).toEqual([]);
    expect(tpdu).toMatchObject({ userData: hex('04 20 0007 00') });
  });

  it('are at least one', () => {
    expect(() => decodeNsdu(hex(''))).toThrow('tpdu-too-short');
  });
});
