/**
 * Writes the variable part (X.224 13.2.3): selects the parameters and their order. The row of each parameter
 * encodes its value.
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
import { LENIENT } from './values.js';

/** Largest value of a parameter in octets. A longer one would exceed LI in any TPDU; `encode` checks LI. */
const MAX_VALUE_LENGTH = 252;

/** The parameters that the caller passes. */
interface Given {
  readonly type: TpduType;
  readonly parameters?: ParametersInit;
  readonly unknownParameters?: readonly RawParameter[];
  readonly rawParameters?: readonly RawParameter[];
}

/**
 * Encodes the parameters. Those with a code in `order` come first, then those in `rawParameters` in its
 * order, then the others in the order of the rows, then the unknown ones. A checksum to be computed is
 * written as two zero octets.
 *
 * @param selected class of the CR or CC; `undefined` in other TPDUs
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
 * The received encoding of a value if it means the same: a number can have leading zeros.
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
 * Sorts the parameters. If a code occurs several times, each occurrence takes the next place; the sort
 * is stable.
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
