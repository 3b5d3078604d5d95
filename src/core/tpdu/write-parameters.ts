/**
 * Writes the variable part (X.224 13.2.3): which parameters, in which order. How a value is written
 * stands in its row.
 */
import { checkOctets, checkUint, outOfRange, wrongType } from './checks.js';
import {
  isAllowed,
  type NamedParameter,
  type ParameterScope,
  parameterNamed,
} from './parameters.js';
import type { ParametersInit, RawParameter, TpduType, TransportClass } from './types.js';

/** A value of 253 octets makes LI more than 254 in any TPDU; `encode` judges LI as a whole. */
const MAX_VALUE_LENGTH = 252;

/** What a caller gives to be sent. */
interface Given {
  readonly type: TpduType;
  readonly parameters?: ParametersInit;
  readonly unknownParameters?: readonly RawParameter[];
}

/**
 * The parameters to send: in the order of the rows, the unknown ones last, unless `order` names
 * codes that come first. A checksum to be computed stands as two zero octets.
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
  const raw = rows.map((row) => writeParameter(row, scope, values[row.name]));
  for (const [index, parameter] of given.unknownParameters?.entries() ?? []) {
    raw.push(checkRaw(parameter, index));
  }
  return order.length === 0 ? raw : inOrder(raw, order);
}

function writeParameter(row: NamedParameter, scope: ParameterScope, value: unknown): RawParameter {
  const field = `parameters.${row.name}`;
  if (!isAllowed(row, scope)) {
    const where = scope.class === undefined ? scope.type : `${scope.type} of class ${scope.class}`;
    throw outOfRange(field, `none in ${where}`, value);
  }
  const isComputed = row.name === 'checksum' && value === 'compute';
  const octets = row.kind.write(isComputed ? 0 : value, field);
  return { code: row.code, value: checkOctets(field, octets, MAX_VALUE_LENGTH) };
}

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
