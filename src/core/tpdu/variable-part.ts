/**
 * The variable part (X.224 13.2.3): parameters as code, length, value, in any order. What an
 * unknown, repeated or wrong one means is decided here; what each value means stands in its row.
 *
 *     +------+--------+-------------+------+--------+---
 *     | code | length | value       | code | length | …
 *     +------+--------+-------------+------+--------+---
 */
import { octetAt } from '../octets.js';
import { outOfRange, checkOctets, checkUint, wrongType } from './checks.js';
import { isParameterCode, type NamedParameter, PARAMETER_ROWS, parameterOf } from './parameters.js';
import type { Reading } from './reading.js';
import type {
  Parameters,
  ParametersInit,
  RawParameter,
  TpduType,
  TransportClass,
} from './types.js';
import type { Judge } from './values.js';

/** The parameters of a TPDU that was read. */
export interface VariablePart {
  readonly parameters: Parameters;
  readonly unknownParameters: readonly RawParameter[];
  readonly rawParameters: readonly RawParameter[];
}

/**
 * Reads the parameters from `offset` to the end of the header.
 *
 * @param selected preferred class of a CR, otherwise the class in use where it is known
 * @throws ProtocolError
 */
export function readVariablePart(
  reading: Reading,
  type: TpduType,
  offset: number,
  selected: TransportClass | undefined,
): VariablePart {
  const rawParameters: RawParameter[] = [];
  const unknownParameters: RawParameter[] = [];
  const values = new Map<string, unknown>();
  const seen = new Set<string>();
  for (let at = offset; at < reading.headerEnd; ) {
    const parameter = readRaw(reading, at);
    rawParameters.push(parameter);
    const row = parameterOf(type, parameter.code);
    if (row !== undefined && belongs(row, type, selected)) {
      // The later of two counts (X.224 13.2.3), so this is no fault, not even when strict.
      if (seen.has(row.name)) {
        reading.note('param-duplicate', at + 1);
      }
      seen.add(row.name);
      const value = readValue(reading, type, row, parameter.value, at, selected);
      if (value !== undefined) {
        values.set(row.name, value);
      }
    } else {
      unknownParameters.push(parameter);
      judgeUnknown(reading, type, parameter.code, at + 1);
    }
    at += 2 + parameter.value.length;
  }
  // Every key is the name of a row and every value what that row read.
  const parameters = Object.fromEntries(values) as Parameters;
  return { parameters, unknownParameters, rawParameters };
}

/** The code, length and value at `offset`; all of it must lie within the header. */
function readRaw(reading: Reading, offset: number): RawParameter {
  const { octets, headerEnd } = reading;
  const valueOffset = offset + 2;
  if (valueOffset > headerEnd) {
    reading.fail('param-truncated', offset + 1, 'no length octet');
  }
  const length = octetAt(octets, offset + 1);
  if (valueOffset + length > headerEnd) {
    reading.fail('param-truncated', offset + 2, `${length} octets`);
  }
  return {
    code: octetAt(octets, offset),
    value: octets.subarray(valueOffset, valueOffset + length),
  };
}

/**
 * A CR may carry parameters of classes that are not chosen in the end; in any other TPDU the class
 * is settled and a parameter of another class shall not be present (X.224 13.2.3).
 */
function belongs(
  row: NamedParameter,
  type: TpduType,
  selected: TransportClass | undefined,
): boolean {
  return type === 'CR' || selected === undefined || row.classes.includes(selected);
}

/** X.224 13.2.3: a code that the standard does not define is ignored in a CR, wrong elsewhere. */
function judgeUnknown(reading: Reading, type: TpduType, code: number, octet: number): void {
  if (isParameterCode(code)) {
    reading.tolerate('param-not-allowed', octet);
  } else if (type === 'CR') {
    reading.note('param-unknown', octet);
  } else {
    reading.tolerate('param-unknown', octet);
  }
}

function readValue(
  reading: Reading,
  type: TpduType,
  row: NamedParameter,
  value: Uint8Array,
  offset: number,
  selected: TransportClass | undefined,
): unknown {
  // X.224 13.2.3: a CR may be read as if the wrong parameter were not there, unless that is the
  // one of the alternative classes or of the additional options. In other TPDUs it is an error.
  const isForgivable = type === 'CR' && !reading.strict && row.compulsory === undefined;
  const lengthOctet = offset + 2;
  const judge: Judge = {
    strict: reading.strict,
    class: selected,
    wrong(index, fault = 'param-value') {
      const octet = lengthOctet + 1 + index;
      return isForgivable ? reading.note(fault, octet) : reading.fail(fault, octet, row.name);
    },
    tolerate: (index, as) => reading.tolerate('param-value', lengthOctet + 1 + index, as),
  };
  if (row.kind.fits(value.length)) {
    return row.kind.read(value, judge);
  }
  if (isForgivable) {
    return reading.note('param-length', lengthOctet);
  }
  return reading.fail('param-length', lengthOctet, row.name);
}

/**
 * The parameters to send, in order: canonical, unless `order` names codes that come first.
 * A checksum to be computed stands as two zero octets.
 *
 * @param selected class of the CR or CC, `undefined` in other TPDUs
 * @throws TypeError, RangeError naming the parameter
 */
export function writeVariablePart(
  init: {
    readonly type: TpduType;
    readonly parameters?: ParametersInit;
    readonly unknownParameters?: readonly RawParameter[];
  },
  selected: TransportClass | undefined,
  order: readonly number[],
): readonly RawParameter[] {
  const given = new Map<string, unknown>(Object.entries(init.parameters ?? {}));
  const raw: RawParameter[] = [];
  for (const row of PARAMETER_ROWS) {
    const value = given.get(row.name);
    given.delete(row.name);
    if (value !== undefined) {
      raw.push(writeParameter(row, init.type, selected, value));
    }
  }
  for (const name of given.keys()) {
    throw wrongType(`parameters.${name}`, 'the name of a parameter', name);
  }
  raw.push(...(init.unknownParameters ?? []).map(checkRaw));
  return order.length === 0 ? raw : inOrder(raw, order);
}

function writeParameter(
  row: NamedParameter,
  type: TpduType,
  selected: TransportClass | undefined,
  value: unknown,
): RawParameter {
  const field = `parameters.${row.name}`;
  if (!row.tpdus.includes(type)) {
    throw outOfRange(field, `none in a TPDU of type ${type}`, value);
  }
  if (!belongs(row, type, selected)) {
    throw outOfRange(field, `none in class ${selected}`, value);
  }
  const isComputed = row.name === 'checksum' && value === 'compute';
  const octets = row.kind.write(isComputed ? 0 : value, field);
  checkOctets(field, octets, MAX_VALUE_LENGTH);
  return { code: row.code, value: octets };
}

/** A value of 253 octets makes LI more than 254 whatever the TPDU; encoding judges LI as a whole. */
const MAX_VALUE_LENGTH = 252;

function checkRaw(parameter: RawParameter, index: number): RawParameter {
  const field = `unknownParameters[${index}]`;
  return {
    // 0xff is reserved for extending the code field (X.224 13.2.3).
    code: checkUint(`${field}.code`, parameter.code, 0xfe),
    value: checkOctets(`${field}.value`, parameter.value, MAX_VALUE_LENGTH),
  };
}

/** Those whose code `order` names come first, in its order; the sort keeps the rest as it is. */
function inOrder(raw: readonly RawParameter[], order: readonly number[]): readonly RawParameter[] {
  const place = ({ code }: RawParameter) => {
    const index = order.indexOf(code);
    return index === -1 ? order.length : index;
  };
  return [...raw].sort((a, b) => place(a) - place(b));
}
