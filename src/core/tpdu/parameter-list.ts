/**
 * The variable part of a TPDU. Reads the list of parameters and decides whether an unknown, repeated or
 * invalid parameter is a fault. Writes the list in the canonical order. Knows no parameter by name but the
 * checksum.
 */
import type { Fault } from '../faults.js';
import { equalOctets, octetAt, octetCount } from '../octets/octets.js';
import {
  isAllowed,
  isParameterCode,
  type NamedParameter,
  type ParameterScope,
  parameterNamed,
  parameterOf,
} from './parameters.js';
import type { Reading } from './reading.js';
import type {
  DiagnosticCode,
  Parameters,
  ParametersInit,
  RawParameter,
  TpduType,
  TransportClass,
} from './types.js';
import {
  checkOctets,
  checkUint,
  LENIENT,
  outOfRange,
  type ValueContext,
  wrongType,
} from './values.js';

/** The parameters that were read. */
export interface VariablePart {
  readonly parameters: Parameters;
  readonly unknownParameters: readonly RawParameter[];
  readonly rawParameters: readonly RawParameter[];
}

/**
 * Reads the parameters from `offset` to the end of the header.
 *
 * @throws ProtocolError
 */
//= X.224 13.2.3 order and repeats
export function readParameters(
  reading: Reading,
  scope: ParameterScope,
  offset: number,
): VariablePart {
  const rawParameters: RawParameter[] = [];
  const unknownParameters: RawParameter[] = [];
  // Every key is the name of a row, and its value has the type of that row.
  const parameters: Record<string, unknown> = {};
  for (let at = offset; at < reading.headerEnd; ) {
    const codeOctet = at + 1;
    const parameter = readRaw(reading, at);
    const row = parameterOf(parameter.code, scope);
    if (row === undefined) {
      unknownParameters.push(parameter);
      verifyUnknown(reading, scope, parameter.code, codeOctet);
    } else {
      if (rawParameters.some(({ code }) => code === row.code)) {
        // The later one is used (X.224 13.2.3), so this is no fault, even with `strict`.
        reading.note('param-duplicate', codeOctet);
      }
      const value = new ParameterReader(reading, scope, row, codeOctet + 1).read(parameter.value);
      if (value !== undefined) {
        parameters[row.name] = value;
      }
    }
    rawParameters.push(parameter);
    at += 2 + parameter.value.length;
  }
  return { parameters, unknownParameters, rawParameters };
}

/** Reads the code, length and value at `offset`, which must be within the header. */
//= X.224 13.2.3 form
function readRaw(reading: Reading, offset: number): RawParameter {
  const { octets, headerEnd } = reading;
  const valueOffset = offset + 2;
  if (valueOffset > headerEnd) {
    reading.fail('param-truncated', offset + 1, 'no length octet');
  }
  const length = octetAt(octets, offset + 1);
  if (valueOffset + length > headerEnd) {
    reading.fail('param-truncated', offset + 2, octetCount(length));
  }
  return {
    code: octetAt(octets, offset),
    value: octets.subarray(valueOffset, valueOffset + length),
  };
}

/** X.224 13.2.3: an undefined code is ignored in a CR, and an error in any other TPDU. */
//= X.224 13.2.3 unknown
//= X.224 13.2.3 unknown deviation: a tolerant reading notes an undefined parameter of any TPDU and continues
function verifyUnknown(reading: Reading, scope: ParameterScope, code: number, octet: number): void {
  if (isParameterCode(code)) {
    reading.tolerate('param-not-allowed', octet);
  } else if (scope.type === 'CR') {
    reading.note('param-unknown', octet);
  } else {
    reading.tolerate('param-unknown', octet);
  }
}

/** Reads and checks the value of one parameter. */
class ParameterReader implements ValueContext {
  readonly strict: boolean;
  readonly type: TpduType;
  readonly class: TransportClass | undefined;
  readonly #reading: Reading;
  readonly #row: NamedParameter;
  /** Number of the length octet. */
  readonly #lengthOctet: number;

  constructor(reading: Reading, scope: ParameterScope, row: NamedParameter, lengthOctet: number) {
    this.strict = reading.strict;
    this.type = scope.type;
    this.class = scope.class;
    this.#reading = reading;
    this.#row = row;
    this.#lengthOctet = lengthOctet;
  }

  /** Reads a value; returns `undefined` if it is invalid but the TPDU is accepted without it. */
  read(value: Uint8Array): unknown {
    return this.#row.kind.fits(value.length)
      ? this.#row.kind.read(value, this)
      : this.#refuse('param-length', this.#lengthOctet);
  }

  wrong(index: number, fault: Fault = 'param-value'): undefined {
    return this.#refuse(fault, this.#lengthOctet + 1 + index);
  }

  note(index: number, as: DiagnosticCode): void {
    this.#reading.note(as, this.#lengthOctet + 1 + index);
  }

  tolerate(index: number, as: DiagnosticCode): void {
    this.#reading.tolerate('param-value', this.#lengthOctet + 1 + index, as);
  }

  #refuse(fault: Fault, octet: number): undefined {
    return !this.strict && this.#isForgivable(fault)
      ? this.#reading.note(fault, octet)
      : this.#reading.fail(fault, octet, this.#row.name);
  }

  /**
   * X.224 13.2.3: an invalid parameter of a CR can be ignored. The standard has two exceptions, which are
   * tolerated in class 0 only: additional options, because deployed routers send two octets, which are then
   * ignored; and alternative classes, because they have no meaning with class 0. In a CC of class 0 a
   * parameter of the wrong length is ignored too. A wrong value in a CC is an error: it answers something
   * that was not offered.
   */
  //= X.224 13.2.3 invalid value
  //= X.224 13.2.3 invalid value deviation: a tolerant reading leaves out additional options of a wrong length in a CR, and a parameter of a wrong length in a CC of class 0, for deployed peers send them
  #isForgivable(fault: Fault): boolean {
    if (this.type === 'CR') {
      return this.class === 0 || this.#row.compulsory !== true;
    }
    return this.type === 'CC' && this.class === 0 && fault === 'param-length';
  }
}

/** With a value of 253 octets LI exceeds 254 in any TPDU. `encode` checks LI of the whole header. */
const MAX_VALUE_LENGTH = 252;

/** The parameters that the caller wants to send. */
interface Given {
  readonly type: TpduType;
  readonly parameters?: ParametersInit;
  readonly unknownParameters?: readonly RawParameter[];
  readonly rawParameters?: readonly RawParameter[];
}

/**
 * Encodes the parameters to send. Codes in `order` come first, then those of `rawParameters` in its order,
 * then the others in the order of the rows, and unknown ones last. A checksum that is still to be computed is
 * written as two zero octets.
 *
 * @param selected class of the CR or CC; `undefined` for other TPDUs
 * @throws TypeError, RangeError naming the parameter
 */
export function writeParameters(
  given: Given,
  selected: TransportClass | undefined,
  order: readonly number[],
): readonly RawParameter[] {
  const scope: ParameterScope = { type: given.type, class: selected };
  const values: Readonly<Record<string, unknown>> = given.parameters ?? {};
  const asCame = checkAsCame(given.rawParameters);
  const raw = writeNamed(values, scope, asCame);
  for (const [index, parameter] of given.unknownParameters?.entries() ?? []) {
    raw.push(checkRaw(parameter, index));
  }
  return order.length === 0 && asCame.length === 0 ? raw : inOrder(raw, order, asCame);
}

/** Encodes the parameters that have a value, in sending order. */
function writeNamed(
  values: Readonly<Record<string, unknown>>,
  scope: ParameterScope,
  asCame: readonly RawParameter[],
): RawParameter[] {
  const written: RawParameter[] = [];
  let last = -1;
  let isInOrder = true;
  for (const name of Object.keys(values)) {
    const row = parameterNamed(name);
    if (row === undefined) {
      throw wrongType(`parameters.${name}`, 'the name of a parameter', name);
    }
    const value = values[name];
    if (value !== undefined) {
      written.push(writeParameter(row, scope, value, asCame));
      isInOrder &&= row.place > last;
      last = row.place;
    }
  }
  const place = ({ code }: RawParameter) => parameterOf(code, scope)?.place ?? 0;
  return isInOrder ? written : written.sort((a, b) => place(a) - place(b));
}

function checkAsCame(asCame: readonly RawParameter[] = []): readonly RawParameter[] {
  if (!Array.isArray(asCame)) {
    throw wrongType('rawParameters', 'an array of parameters', asCame);
  }
  return asCame;
}

function writeParameter(
  row: NamedParameter,
  scope: ParameterScope,
  value: unknown,
  asCame: readonly RawParameter[],
): RawParameter {
  const { field } = row;
  if (!isAllowed(row, scope)) {
    const where = scope.class === undefined ? scope.type : `${scope.type} of class ${scope.class}`;
    throw outOfRange(field, `none in ${where}`, value);
  }
  const isComputed = row.name === 'checksum' && value === 'compute';
  const octets = row.kind.write(isComputed ? 0 : value, field);
  const checked = checkOctets(field, octets, MAX_VALUE_LENGTH);
  return { code: row.code, value: sameAsCame(row, checked, asCame) ?? checked };
}

/**
 * The received encoding of a value, if the value is unchanged but its usual encoding has another length: a
 * peer can send a number with leading zeros.
 */
function sameAsCame(
  row: NamedParameter,
  octets: Uint8Array,
  asCame: readonly RawParameter[],
): Uint8Array | undefined {
  if (asCame.length === 0) {
    return undefined;
  }
  const value = asCame.filter(({ code }) => code === row.code).at(-1)?.value;
  if (value === undefined || value.length === octets.length || !row.kind.fits(value.length)) {
    return undefined;
  }
  const read = row.kind.read(value, LENIENT);
  const isSame = read !== undefined && equalOctets(row.kind.write(read, row.name), octets);
  return isSame ? value : undefined;
}

function checkRaw(parameter: RawParameter, index: number): RawParameter {
  const field = `unknownParameters[${index}]`;
  return {
    // 0xff is reserved for extending the code field (X.224 13.2.3).
    code: checkUint(`${field}.code`, parameter.code, 0xfe),
    value: checkOctets(`${field}.value`, parameter.value, MAX_VALUE_LENGTH),
  };
}

/**
 * Sorts the parameters. If a code was received several times, its parameters take the places of that code one
 * after the other. The sort is stable, so all others keep their order.
 */
function inOrder(
  raw: readonly RawParameter[],
  order: readonly number[],
  asCame: readonly RawParameter[],
): readonly RawParameter[] {
  const last = order.length + asCame.length;
  const places = new Map<number, number[]>();
  asCame.forEach(({ code }, index) => {
    places.set(code, [...(places.get(code) ?? []), order.length + index]);
  });
  const placed = raw.map((parameter) => {
    const first = order.indexOf(parameter.code);
    const place = first === -1 ? (places.get(parameter.code)?.shift() ?? last) : first;
    return { parameter, place };
  });
  return placed.sort((a, b) => a.place - b.place).map(({ parameter }) => parameter);
}
