/** Properties of the codec that hold for any TPDU and any octets. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTEXTS } from '../../fuzz/src/decode-contexts.js';
import { ProtocolError } from '../../src/core/errors.js';
import { fromHex } from '../../src/core/octets/octets.js';
import {
  type DecodeOptions,
  decode,
  decodeNsdu,
  encode,
  type Tpdu,
  type TpduInit,
  type TransportClass,
} from '../../src/core/tpdu/index.js';
import { runs } from '../support/runs.js';

const octets = (maxLength: number, minLength = 0) => fc.uint8Array({ maxLength, minLength });
const uint = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const ref = uint(16);
const ownRef = fc.integer({ min: 1, max: 0xffff });
const aboveClass0 = fc.constantFrom<TransportClass>(1, 2, 3, 4);

const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] });

const checksum = some({ checksum: uint(16) });

const size = fc.integer({ min: 7, max: 13 }).map((code) => 2 ** code);
const preferredSize = fc.integer({ min: 1, max: 0xffff_ffff }).map((units) => units * 128);

/** Parameters that CR and CC share in every class above 0. */
const common = {
  callingTsel: octets(8),
  calledTsel: octets(8),
  protection: octets(4),
  additionalOptions: uint(7),
  residualErrorRate: fc.record({
    target: uint(8),
    minimumAcceptable: uint(8),
    tsduSize: uint(8),
  }),
  priority: uint(16),
  transitDelay: fc.array(uint(16), { minLength: 4, maxLength: 4 }),
  throughput: fc.array(uint(24), { minLength: 4, maxLength: 4 }),
};

const request = fc.record({
  type: fc.constant('CR' as const),
  cdt: fc.constant(0),
  srcRef: ownRef,
  class: aboveClass0,
  options: uint(2),
  parameters: some({
    ...common,
    checksum: uint(16),
    tpduSize: size,
    preferredMaxTpduSize: preferredSize,
    version: fc.constant(1),
    alternativeClasses: fc.array(fc.constantFrom<TransportClass>(0, 1, 2, 3, 4), {
      minLength: 1,
      maxLength: 4,
    }),
    ackTime: uint(16),
    reassignmentTime: uint(16),
    inactivityTime: uint(32),
  }),
  unknownParameters: fc.array(
    fc.record({ code: fc.constantFrom(0x01, 0x7f, 0xdd), value: octets(3) }),
    { maxLength: 2 },
  ),
});

const confirm = fc.record({
  type: fc.constant('CC' as const),
  dstRef: ref,
  srcRef: ownRef,
  class: aboveClass0,
  options: uint(2),
  parameters: fc.oneof(
    some({ ...common, tpduSize: size }),
    some({ ...common, preferredMaxTpduSize: preferredSize }),
  ),
  userData: octets(32),
});

const dataForm = fc.oneof(
  fc.record({ form: fc.constant('short' as const), tpduNr: uint(7) }),
  fc.record({ form: fc.constant('normal' as const), dstRef: ref, tpduNr: uint(7) }),
  fc.record({ form: fc.constant('extended' as const), dstRef: ref, tpduNr: uint(31) }),
);

const data = fc
  .tuple(dataForm, fc.boolean(), fc.boolean(), octets(300, 1))
  .map(([form, roa, eot, userData]) => ({ type: 'DT' as const, ...form, roa, eot, userData }));

const expedited = fc
  .tuple(dataForm, octets(16, 1))
  .map(([form, userData]) => ({ type: 'ED' as const, ...form, userData }));

const longForms = [
  { form: fc.constant('normal' as const), cdt: uint(4), number: uint(7) },
  { form: fc.constant('extended' as const), cdt: uint(16), number: uint(31) },
];

const acknowledgements = longForms.flatMap(({ form, cdt, number }) => [
  fc.record({
    type: fc.constant('AK' as const),
    form,
    cdt,
    dstRef: ref,
    yrTuNr: number,
    parameters: some({
      checksum: uint(16),
      subsequenceNumber: uint(16),
      flowControlConfirmation: fc.record({
        lowerWindowEdge: uint(32),
        subsequenceNumber: uint(16),
        credit: uint(16),
      }),
    }),
  }),
  fc.record({
    type: fc.constant('EA' as const),
    form,
    dstRef: ref,
    yrEdtuNr: number,
    parameters: checksum,
  }),
  fc.record({ type: fc.constant('RJ' as const), form, cdt, dstRef: ref, yrTuNr: number }),
]);

const others = [
  fc.record({
    type: fc.constant('DR' as const),
    dstRef: ref,
    srcRef: ref,
    reason: fc.constantFrom(0, 1, 2, 3, 128, 129, 130, 131, 132, 133, 135, 136, 138),
    parameters: some({ checksum: uint(16), additionalInfo: octets(100) }),
    userData: octets(64),
  }),
  fc.record({
    type: fc.constant('DC' as const),
    dstRef: ref,
    srcRef: ref,
    parameters: checksum,
  }),
  fc.record({
    type: fc.constant('ER' as const),
    dstRef: ref,
    rejectCause: uint(2),
    parameters: some({ invalidTpdu: octets(240), checksum: uint(16) }),
  }),
];

const everyType: readonly fc.Arbitrary<TpduInit>[] = [
  request,
  confirm,
  data,
  expedited,
  ...acknowledgements,
  ...others,
];

/** A CR of 129 octets or more is refused on sending, so long ones are left out. */
const anyTpdu: fc.Arbitrary<TpduInit> = fc
  .oneof(...everyType)
  .filter((tpdu) => tpdu.type !== 'CR' || parametersLength(tpdu) <= 110);

/** A generous estimate, in octets. */
function parametersLength(tpdu: TpduInit): number {
  const { parameters, unknownParameters } = { parameters: {}, unknownParameters: [], ...tpdu };
  const lengths = Object.values(parameters as object).map((value: unknown) =>
    value instanceof Uint8Array ? value.length + 2 : Array.isArray(value) ? 14 : 6,
  );
  return lengths.reduce((sum, length) => sum + length, unknownParameters.length * 5);
}

/** A TPDU or the ProtocolError in its place; anything else that is thrown goes on. */
function read(input: Uint8Array, options: DecodeOptions): Tpdu | ProtocolError {
  try {
    return decode(input, options);
  } catch (error) {
    if (error instanceof ProtocolError) {
      return error;
    }
    throw error;
  }
}

/** What must hold of any octets in any context. */
function judge(input: Uint8Array): void {
  for (const context of CONTEXTS) {
    const tolerant = read(input, context);
    const strict = read(input, { ...context, strict: true });
    if (!(strict instanceof ProtocolError)) {
      expect(tolerant).toEqual(strict);
      if (strict.diagnostics.length === 0) {
        expect(encode(strict)).toEqual(input);
      }
    }
    for (const error of [tolerant, strict]) {
      if (error instanceof ProtocolError && error.octet !== undefined) {
        expect(error.octet).toBeGreaterThanOrEqual(1);
        expect(error.octet).toBeLessThanOrEqual(Math.max(1, input.length));
      }
    }
  }
}

const VECTORS: readonly Uint8Array[] = ['vectors.json', 'captures.json'].flatMap((name) => {
  const text = readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8');
  const { vectors } = JSON.parse(text) as { vectors: readonly { hex?: string }[] };
  return vectors.flatMap(({ hex }) =>
    hex === undefined ? [] : [fromHex(hex) ?? new Uint8Array(0)],
  );
});

describe('any TPDU', () => {
  it('is read, strictly too, as it was written', () => {
    fc.assert(
      fc.property(anyTpdu, (tpdu) => {
        const { li, rawParameters, ...fields } = decode(encode(tpdu), { strict: true });
        expect(fields).toMatchObject(tpdu);
        expect(encode(fields)).toEqual(encode(tpdu));
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('that was read is written as the same octets, in whatever order its parameters came', () => {
    fc.assert(
      fc.property(anyTpdu, fc.array(uint(8)), (tpdu, parameterOrder) => {
        const input = encode(tpdu, { parameterOrder });
        expect(encode(decode(input))).toEqual(input);
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('verifies with the checksum that was worked out for it', () => {
    fc.assert(
      fc.property(anyTpdu, (tpdu) => {
        fc.pre(tpdu.type !== 'RJ' && tpdu.type !== 'CC');
        fc.pre(!('form' in tpdu && tpdu.form === 'short'));
        const parameters = { ...tpdu.parameters, checksum: 'compute' as const };
        const octetsOfTpdu = encode({ ...tpdu, parameters } as TpduInit);
        expect(read(octetsOfTpdu, { verifyChecksum: true })).not.toBeInstanceOf(ProtocolError);
      }),
    );
  });
});

describe('any octets', () => {
  it('are a TPDU or a ProtocolError, and what is strictly right is tolerantly right', () => {
    fc.assert(fc.property(octets(300), judge), { numRuns: runs(1_000) });
  });

  it('are so too when they begin like a TPDU', () => {
    const code = fc.integer({ min: 1, max: 15 }).map((high) => high * 16);
    const begun = fc.tuple(uint(5), code, octets(60)).map(([li, second, rest]) => {
      return Uint8Array.of(li, second, ...rest);
    });
    fc.assert(fc.property(begun, judge), { numRuns: runs(1_000) });
  });

  it('are so too when they are a vector with some octets changed', () => {
    const change = fc.tuple(fc.nat(40), uint(8));
    const mutated = fc
      .tuple(fc.constantFrom(...VECTORS), fc.array(change, { minLength: 1, maxLength: 3 }))
      .map(([vector, changes]) => {
        const copy = vector.slice();
        for (const [at, octet] of changes) {
          copy[at % Math.max(1, copy.length)] = octet;
        }
        return copy;
      });
    fc.assert(fc.property(mutated, judge), { numRuns: runs(1_000) });
  });

  it('of an NSDU are TPDUs or a ProtocolError', () => {
    fc.assert(
      fc.property(octets(300), fc.constantFrom(...CONTEXTS), (input, context) => {
        try {
          expect(decodeNsdu(input, context).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

describe('the longest octets', () => {
  it('are read in one pass', () => {
    const concatenated = new Uint8Array(65_530).map((_, i) => [4, 0x20, 0, 7, 0][i % 5] ?? 0);
    expect(decodeNsdu(concatenated, { class: 2 })).toHaveLength(13_106);
    const data = new Uint8Array(65_531);
    data.set([2, 0xf0, 0x80]);
    expect(decode(data, { class: 0 })).toMatchObject({ type: 'DT', eot: true });
  });
});
