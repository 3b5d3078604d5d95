/**
 * Writes the variable part (X.224 13.2.3): which parameters, in which order. How a value is written
 * stands in its row.
 */
import { equalOctets } from '../octets/octets.js';
import { checkOctets, checkUint, outOfRange, wrongType } from './checks.js';
import {
  isAllowed,
  type NamedParameter,
  type ParameterScope,
  parameterNamed,
} from './parameters.js';
import type { ParametersInit, RawParameter, TpduType, TransportClass } from './types.js';
import { INDULGENT } from './values.js';

/** A value of 253 octets makes LI more than 254 in any TPDU; `encode` judges LI as a whole. */
const MAX_VALUE_LENGTH = 252;

/** What a caller gives to be sent. */
interface Given {
  readonly type: TpduType;
  readonly parameters?: ParametersInit;
  readonly unknownParameters?: readonly RawParameter[];
  readonly rawParameters?: readonly RawParameter[];
}

/**
 * The parameters to send. Codes that `order` names come first, then those of `rawParameters` in its order,
 * then the others in the order of the rows, the unknown ones last. A checksum to be computed stands as
 * two zero octets.
 *
 * @param selected class of the CR or CC, `undefined` in other TPDUs
 * @throws TypeError, RangeError naming the parameter
 */
export function writeParameters(
  given: Given,
  selected: TransportClass | undefined,
  order: readonly number[],
): readonly RawParameter[] {
  const scope: ParameterScope = { type: given.type, class: selected };
  const values: Readonly<Record<string, unknown>> = given.parameters ?? {};
  const rows: NamedParameter[] = [];
  for (const name of Object.keys(values)) {
    const row = parameterNamed(name);
    if (row === undefined) {
      throw wrongType(`parameters.${name}`, 'the name of a parameter', name);
    }
    if (values[name] !== undefined) {
      rows.push(row);
    }
  }
  rows.sort((a, b) => a.place - b.place);
  const asCame = checkAsCame(given.rawParameters);
  const raw = rows.map((row) => writeParameter(row, scope, values[row.name], asCame));
  for (const [index, parameter] of given.unknownParameters?.entries() ?? []) {
    raw.push(checkRaw(parameter, index));
  }
  return order.length === 0 && asCame.length === 0 ? raw : inOrder(raw, order, asCame);
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
  const field = `parameters.${row.name}`;
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
 * The value as it came, where it says the same in other octets: a number may come with leading zeros.
 */
function sameAsCame(
  row: NamedParameter,
  octets: Uint8Array,
  asCame: readonly RawParameter[],
): Uint8Array | undefined {
  const value = asCame.filter(({ code }) => code === row.code).at(-1)?.value;
  if (value === undefined || value.length === octets.length || !row.kind.fits(value.length)) {
    return undefined;
  }
  const read = row.kind.read(value, INDULGENT);
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

/** Each of a code that came several times takes the next of its places; the sort keeps the rest as it is. */
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
