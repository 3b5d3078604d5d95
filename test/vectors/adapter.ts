/**
 * From the form of the vectors to this library and back: one function a layer. Knows the names
 * that vectors use and holds no rule of the protocol.
 */
import { type DtFormat, normalDt, SHORT_DT, writeTsdu } from '../../src/core/data-transfer/dt.js';
import { Reassembly } from '../../src/core/data-transfer/reassembly.js';
import { SendBuffer } from '../../src/core/data-transfer/send-buffer.js';
import { SendPool } from '../../src/core/data-transfer/send-pool.js';
import { ProtocolError } from '../../src/core/errors.js';
import { type Confirmation, confirm } from '../../src/core/negotiation/confirm.js';
import { respond, type SupportedClass } from '../../src/core/negotiation/respond.js';
import { allocateZeroed, OctetSource, plainView } from '../../src/core/octets/collector.js';
import { fromHex, joinOctets, toHex, uintOctets } from '../../src/core/octets/octets.js';
import { checksumOf } from '../../src/core/tpdu/checksum.js';
import { codeOfSize, sizeOfCode } from '../../src/core/tpdu/codes.js';
import { decode, decodeNsdu } from '../../src/core/tpdu/decode.js';
import { encode } from '../../src/core/tpdu/encode.js';
import { erFor } from '../../src/core/tpdu/er.js';
import type {
  DataForm,
  DecodeOptions,
  ParametersInit,
  Tpdu,
  TpduInit,
  TpduInitOf,
  TransportClass,
} from '../../src/core/tpdu/types.js';
import { TpktSplitter } from '../../src/core/tpkt/splitter.js';
import { takePieces } from '../support/engine.js';
import { runScript, type ScriptContext, type Step } from './script.js';

export type Mode = 'tolerant' | 'strict';

type Json = Readonly<Record<string, unknown>>;

/** One vector of the file; which of the optional keys are there depends on the layer. */
export interface Vector {
  readonly id: string;
  readonly group: string;
  readonly layer: string;
  readonly title: string;
  readonly hex?: string;
  readonly hexZeroed?: string;
  readonly firstChecksumOctet?: number;
  readonly remoteRef?: number;
  readonly chunks?: readonly string[];
  readonly tpdus?: readonly string[];
  readonly steps?: readonly Step[];
  readonly context?: Json;
  readonly local?: Json;
  readonly offer?: Json;
  readonly fields?: Json;
  readonly tolerant: Json;
  readonly strict: Json | 'same';
}

/** What the vector says must come out. */
export function expected(vector: Vector, mode: Mode): Json {
  return mode === 'strict' && vector.strict !== 'same' ? vector.strict : vector.tolerant;
}

/** What comes out of this library. */
export function actual(vector: Vector, mode: Mode): Json {
  const layer = LAYERS[vector.layer];
  if (layer === undefined) {
    throw new Error(`${vector.id}: the adapter knows no layer '${vector.layer}'`);
  }
  try {
    return { ok: layer(vector, mode) };
  } catch (error) {
    return { error: errorForm(error) };
  }
}

const LAYERS: Readonly<Record<string, (vector: Vector, mode: Mode) => unknown>> = {
  tpkt,
  tpdu: (vector, mode) =>
    tpduForm(decode(octetsOf(vector.hex), decodeOptions(vector, mode)), wanted(vector, mode)),
  nsdu: (vector, mode) => ({
    types: decodeNsdu(octetsOf(vector.hex), decodeOptions(vector, mode)).map(({ type }) => type),
  }),
  sequence,
  'negotiation-responder': negotiationResponder,
  'negotiation-initiator': negotiationInitiator,
  checksum,
  'er-generation': erGeneration,
  segmenting,
  again: (vector, mode) => ({
    hex: toHex(encode(decode(octetsOf(vector.hex), decodeOptions(vector, mode)))),
  }),
  encode: (vector) => ({ hex: toHex(encode(initOf(vector.fields ?? {}))) }),
  script: ({ context, steps = [] }, mode) =>
    // The form of the context depends on the layer.
    runScript(context as unknown as ScriptContext, steps, mode === 'strict'),
};

/** Octets as they come from TCP, to packets. */
function tpkt({ chunks = [] }: Vector): Json {
  const tpdus: string[] = [];
  const splitter = new TpktSplitter({
    packet: (chunk, start, end) => tpdus.push(toHex(chunk.view(start, end, plainView))) > 0,
    packetInPieces: (pieces) => tpdus.push(toHex(joinOctets(pieces.pieces()).subarray(4))) > 0,
  });
  for (const chunk of chunks) {
    splitter.push(octetsOf(chunk));
  }
  return { tpdus, pending: toHex(joinOctets(splitter.pending())), need: splitter.need };
}

/** TPDUs in order on an open connection, to TSDUs and expedited data. */
function sequence(vector: Vector, mode: Mode): Json {
  const events: Json[] = [];
  const limits = { maxTsduSize: 1 << 20, maxTsduSegments: 1 << 10 };
  const reassembly = new Reassembly(limits, allocateZeroed, plainView);
  const held: Uint8Array[] = [];
  for (const hex of vector.tpdus ?? []) {
    const octets = octetsOf(hex);
    const tpdu = decode(octets, decodeOptions(vector, mode));
    if (tpdu.type === 'ED') {
      events.push({ ed: toHex(tpdu.userData) });
    } else if (tpdu.type === 'DT') {
      const { userData, eot } = tpdu;
      if (mode === 'strict' && eot && userData.length === 0 && reassembly.segments === 0) {
        throw new ProtocolError('empty-tsdu', octets, 3);
      }
      held.push(userData);
      const tsdu = reassembly.add(new OctetSource(userData), 0, userData.length, eot);
      held.length = eot ? 0 : held.length;
      if (tsdu !== undefined) {
        events.push({ tsdu: toHex(tsdu) });
      }
    }
  }
  return { events, pending: toHex(joinOctets(held)) };
}

function negotiationResponder(vector: Vector, mode: Mode): Json {
  const { classes, maxTpdu = 2048, usePreferred = false, ...rest } = vector.local ?? {};
  const { expedited = false, ack = true } = rest;
  const octets = octetsOf(vector.hex);
  const strict = mode === 'strict';
  const request = decode(octets, { strict });
  if (request.type !== 'CR') {
    throw new Error(`a CR was expected, got ${request.type}`);
  }
  const response = respond(
    request,
    {
      classes: classes as SupportedClass[],
      maxTpduSize: maxTpdu as number,
      usePreferredMaxTpduSize: usePreferred as boolean,
      expedited: expedited as boolean,
      expeditedAck: ack as boolean,
      strict,
    },
    octets,
  );
  if (response.type === 'refuse') {
    return { send: 'DR', dstRef: request.srcRef, srcRef: 0, reason: response.reason };
  }
  const { tpduSize, preferredMaxTpduSize } = response.parameters;
  return {
    send: 'CC',
    class: response.class,
    options: response.options,
    ...(tpduSize === undefined ? {} : { sizeCode: codeOfSize(tpduSize) }),
    ...(preferredMaxTpduSize === undefined ? {} : { preferredMax: preferredMaxTpduSize / 128 }),
    ...inForce(response, response.parameters, vector, mode),
  };
}

function negotiationInitiator(vector: Vector, mode: Mode): Json {
  const {
    srcRef,
    class: preferred,
    sizeCode,
    preferred: units,
    alts,
    ...rest
  } = vector.offer ?? {};
  const { expedited, additionalOptions, calledTsap, callingTsap, ...unknown } = rest;
  for (const key of Object.keys(unknown)) {
    throw new Error(`the adapter knows no '${key}' of an offer`);
  }
  const strict = mode === 'strict';
  const octets = octetsOf(vector.hex);
  const cc = decode(octets, { strict });
  if (cc.type !== 'CC') {
    throw new Error(`a CC was expected, got ${cc.type}`);
  }
  const offer: TpduInitOf<'CR'> = {
    type: 'CR',
    srcRef: srcRef as number,
    class: preferred as TransportClass,
    parameters: withoutAbsent({
      tpduSize: sizeCode === undefined ? undefined : sizeOfCode(sizeCode as number),
      preferredMaxTpduSize: units === undefined ? undefined : (units as number) * 128,
      alternativeClasses: alts,
      additionalOptions: expedited === true ? 1 : additionalOptions,
      calledTsel: calledTsap === undefined ? undefined : octetsOf(calledTsap),
      callingTsel: callingTsap === undefined ? undefined : octetsOf(callingTsap),
    }) as ParametersInit,
  };
  const confirmation = confirm(offer, cc, { strict, octets });
  return { class: confirmation.class, ...inForce(confirmation, {}, vector, mode) };
}

/** What is agreed on. The vectors of class 0 alone say nothing of EA and of the bits of a CC. */
function inForce(
  agreed: Pick<Confirmation, 'class' | 'maxTpduSize' | 'expedited' | 'expeditedAcknowledgement'>,
  { additionalOptions }: ParametersInit,
  vector: Vector,
  mode: Mode,
): Json {
  const format = agreed.class === 0 ? SHORT_DT : normalDt(1, 1);
  const stated = (expected(vector, mode).ok ?? {}) as Json;
  const more = { ack: agreed.expeditedAcknowledgement, additionalOptions };
  return {
    maxTpdu: agreed.maxTpduSize,
    maxUserData: agreed.maxTpduSize - format.headerLength,
    expedited: agreed.expedited,
    ...Object.fromEntries(Object.entries(more).filter(([name]) => name in stated)),
  };
}

function checksum(vector: Vector): Json {
  const octets = octetsOf(vector.hexZeroed);
  const offset = (vector.firstChecksumOctet ?? 0) - 1;
  const value = uintOctets(checksumOf(octets, offset), 2);
  octets.set(value, offset);
  return { x: value[0], y: value[1], hex: toHex(octets) };
}

/** The TPDU is refused as strict in both modes: a tolerant reading may have nothing to reject. */
function erGeneration(vector: Vector): Json {
  const octets = octetsOf(vector.hex);
  try {
    decode(octets, decodeOptions(vector, 'strict'));
  } catch (error) {
    if (error instanceof ProtocolError) {
      const er = erFor(error, octets, vector.remoteRef ?? 0, maxTpduOf(vector.context));
      return { error: errorForm(error), er: toHex(er) };
    }
    throw error;
  }
  throw new Error('the TPDU was accepted');
}

interface Segment {
  readonly length: number;
  readonly eot: boolean;
}

/** How a TSDU leaves: what the path that sends has queued, decoded. */
function sentSegments(
  tsduLength: number,
  maxTpduSize: number,
  format: DtFormat,
): readonly Segment[] {
  const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
  if (tsduLength > 0) {
    const tsdu = new Uint8Array(tsduLength);
    writeTsdu(sendBuffer, format, tsdu, maxTpduSize, plainView);
  }
  const sent: Segment[] = [];
  const splitter = new TpktSplitter({
    packet: ({ octets }, start, end) => {
      const cls = format === SHORT_DT ? 0 : 2;
      const tpdu = decode(octets.subarray(start, end), { strict: true, class: cls });
      if (tpdu.type === 'DT') {
        sent.push({ length: tpdu.userData.length, eot: tpdu.eot });
      }
      return true;
    },
    packetInPieces: () => true,
  });
  splitter.push(joinOctets(takePieces(sendBuffer)));
  return sent;
}

/** Octets of the DT header in extended format, LI included, which no connection sends (X.224 13.7.1). */
const EXTENDED_HEADER_LENGTH = 8;

/** The lengths of such DT are those of the codec alone. */
function segmentsOf(tsduLength: number, step: number): readonly Segment[] {
  return Array.from({ length: Math.ceil(tsduLength / step) }, (_, i) => {
    const length = Math.min(step, tsduLength - i * step);
    return { length, eot: i * step + length === tsduLength };
  });
}

function segmenting({ context = {} }: Vector): Json {
  const { tsduLength, maxTpdu, class: transportClass, extended, dstRef } = context;
  const long: DataForm = extended === true ? 'extended' : 'normal';
  const form: DataForm = transportClass === 0 ? 'short' : long;
  const format = form === 'short' ? SHORT_DT : normalDt(1, (dstRef ?? 1) as number);
  const cut =
    form === 'extended'
      ? segmentsOf(tsduLength as number, (maxTpdu as number) - EXTENDED_HEADER_LENGTH)
      : sentSegments(tsduLength as number, maxTpdu as number, format);
  const tpdus = cut.map(({ length, eot }) =>
    encode({
      type: 'DT',
      form,
      eot,
      userData: new Uint8Array(length),
      ...(typeof dstRef === 'number' ? { dstRef } : {}),
    }),
  );
  return {
    userDataLengths: cut.map(({ length }) => length),
    tpduLengths: tpdus.map(({ length }) => length),
    tpktLengths: tpdus.map(({ length }) => 4 + length),
    headers: tpdus.map((tpdu) => toHex(tpdu.subarray(0, 1 + (tpdu[0] ?? 0)))),
  };
}

/** The fields of an 'encode' vector as a TPDU. */
function initOf(fields: Json): TpduInit {
  const { meaning = {}, userData, nr, yrNr, cause, form, ...rest } = fields;
  const { callingTsap, calledTsap, nonDisruptive, ...parameters } = meaning as Json;
  // The recommended form of a CR states the size; 2048 unless the fields say otherwise.
  const size = fields.type === 'CR' ? { tpduSize: 2048 } : {};
  const init = withoutAbsent({
    ...rest,
    userData: userData === undefined ? undefined : octetsOf(userData),
    form: form === 'ext' ? 'extended' : form,
    tpduNr: nr,
    yrTuNr: fields.type === 'EA' ? undefined : yrNr,
    yrEdtuNr: fields.type === 'EA' ? yrNr : undefined,
    rejectCause: cause,
    parameters: withoutAbsent({
      ...size,
      callingTsel: callingTsap === undefined ? undefined : octetsOf(callingTsap),
      calledTsel: calledTsap === undefined ? undefined : octetsOf(calledTsap),
      additionalInfo: nonDisruptive === true ? Uint8Array.of(0x80) : undefined,
      ...Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, fieldValue(value)]),
      ),
    } as ParametersInit),
  });
  // The vector names the type and its fields; `encode` judges them.
  return init as unknown as TpduInit;
}

/** Octets stand as hexadecimal text in a vector. */
function fieldValue(value: unknown): unknown {
  return typeof value === 'string' ? octetsOf(value) : value;
}

/** What a vector calls the values that have another name or form here. */
const MEANINGS: Readonly<Record<string, (tpdu: Tpdu) => unknown>> = {
  explicitFlowControl: (tpdu) => flag(tpdu, 0x01, (it) => it === 2, false),
  extendedFormats: (tpdu) => flag(tpdu, 0x02, (it) => it >= 2, true),
  nonDisruptive: (tpdu) => {
    // Of length 0 it says nothing.
    const info = toHex((parametersOf(tpdu).additionalInfo ?? new Uint8Array(0)) as Uint8Array);
    return info === '' ? undefined : info === '80';
  },
  callingTsap: (tpdu) => parametersOf(tpdu).callingTsel,
  calledTsap: (tpdu) => parametersOf(tpdu).calledTsel,
  checksum: (tpdu) => {
    const value = parametersOf(tpdu).checksum;
    return value === undefined ? undefined : uintOctets(value as number, 2);
  },
  ackTimeMs: (tpdu) => parametersOf(tpdu).ackTime,
  transitDelayMs: (tpdu) => parametersOf(tpdu).transitDelay,
  reassignmentTimeS: (tpdu) => parametersOf(tpdu).reassignmentTime,
  inactivityTimeMs: (tpdu) => parametersOf(tpdu).inactivityTime,
};

/** Parameters that every vector states under their own name when they are there. */
const SAME_NAME = [
  'tpduSize',
  'preferredMaxTpduSize',
  'version',
  'protection',
  'additionalOptions',
  'alternativeClasses',
  'residualErrorRate',
  'priority',
  'throughput',
  'additionalInfo',
  'invalidTpdu',
];

/** A decoded TPDU as the vectors write it; `names` are those of the meanings that are expected. */
function tpduForm(tpdu: Tpdu, names: readonly string[]): Json {
  const { rawParameters, diagnostics } = tpdu;
  const all = new Set([...Object.keys(MEANINGS), ...SAME_NAME, ...names]);
  const meaning = withoutAbsent(
    Object.fromEntries([...all].map((name) => [name, meaningOf(tpdu, name)])),
  );
  return withoutAbsent({
    ...fixedForm(tpdu),
    params: rawParameters.map(({ code, value }) => ({ code, value: toHex(value) })),
    meaning: Object.keys(meaning).length === 0 ? undefined : meaning,
    warnings: diagnostics.length === 0 ? undefined : diagnostics.map(({ code }) => code).sort(),
  });
}

function meaningOf(tpdu: Tpdu, name: string): unknown {
  return jsonOf(MEANINGS[name]?.(tpdu) ?? parametersOf(tpdu)[name]);
}

/** The fixed part and user data under the names of the vectors. */
function fixedForm(tpdu: Tpdu): Json {
  const { rawParameters, diagnostics, ...fields } = tpdu;
  const renamed = Object.entries(fields).map(([name, value]) => {
    const is = name === 'form' && value === 'extended' ? 'ext' : jsonOf(value);
    return [FIELD_NAMES[name] ?? name, is];
  });
  const { parameters, unknownParameters, ...fixed } = Object.fromEntries(renamed);
  return 'remoteDesktop' in tpdu ? { ...fixed, remoteDesktop: named(tpdu.remoteDesktop) } : fixed;
}

/** The parts of remote desktop under their own names. */
function named(parts: object = {}): Json {
  const entries = Object.entries(parts).map(([name, value]) => {
    return [name, value instanceof Uint8Array ? toHex(value) : value];
  });
  return Object.fromEntries(entries);
}

const FIELD_NAMES: Readonly<Record<string, string>> = {
  tpduNr: 'nr',
  yrTuNr: 'yrNr',
  yrEdtuNr: 'yrNr',
  rejectCause: 'cause',
};

function parametersOf(tpdu: Tpdu): Json {
  return 'parameters' in tpdu ? { ...tpdu.parameters } : {};
}

/** A bit of the class octet, stated only in the classes where it means something. */
function flag(
  tpdu: Tpdu,
  bit: number,
  meansSomething: (transportClass: TransportClass) => boolean,
  whenSet: boolean,
): boolean | undefined {
  if ((tpdu.type !== 'CR' && tpdu.type !== 'CC') || !meansSomething(tpdu.class)) {
    return undefined;
  }
  return (tpdu.options & bit) !== 0 ? whenSet : !whenSet;
}

/** Octets as hexadecimal text, named numbers as a list. */
function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return toHex(value);
  }
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? Object.values(value) : value;
}

function wanted(vector: Vector, mode: Mode): readonly string[] {
  const ok = expected(vector, mode).ok as Json | undefined;
  return Object.keys((ok?.meaning as Json | undefined) ?? {});
}

function decodeOptions({ context = {} }: Vector, mode: Mode): DecodeOptions {
  const { cls, class: other, extended, edForm, verifyChecksum } = context;
  return withoutAbsent({
    strict: mode === 'strict',
    class: (cls ?? other) as TransportClass,
    extendedFormats: extended as boolean,
    expedited: edForm === 'rfc1006',
    maxTpduSize: maxTpduOf(context),
    verifyChecksum: verifyChecksum as boolean,
  });
}

function maxTpduOf(context: Json = {}): number | undefined {
  return context.maxTpdu as number | undefined;
}

function errorForm(error: unknown): Json {
  if (error instanceof ProtocolError) {
    const { fault, octet = null, rejectCause = null } = error;
    return { code: fault, octet, erCause: rejectCause };
  }
  return { code: String(error) };
}

/** Octets of hexadecimal text. */
function octetsOf(hex: unknown): Uint8Array {
  const octets = typeof hex === 'string' ? fromHex(hex) : undefined;
  if (octets === undefined) {
    throw new Error(`hexadecimal text was expected, got ${String(hex)}`);
  }
  return octets;
}

/** The same object without the keys whose value is undefined. */
function withoutAbsent<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const present = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]: Exclude<T[K], undefined> };
}
