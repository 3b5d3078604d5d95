/**
 * Reads the variable part (X.224 13.2.3): parameters in any order. This file decides what happens with an
 * unknown, repeated or invalid parameter; the row of each parameter reads its value.
 *
 *     +------+--------+-------+------+--------+---
 *     | code | length | value | code | length | …
 *     +------+--------+-------+------+--------+---
 */
import { octetAt } from '../octets/octets.js';
import type { Fault } from '../faults.js';
import {
  isParameterCode,
  type NamedParameter,
  type ParameterScope,
  parameterOf,
} from './parameters.js';
import type { Reading } from './reading.js';
import type {
  DiagnosticCode,
  Parameters,
  RawParameter,
  TpduType,
  TransportClass,
} from './types.js';
import type { ValueContext } from './values.js';

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
  const reader = new ParameterReader(reading, scope);
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
      const value = reader.read(row, parameter.value, codeOctet + 1);
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
    reading.fail('param-truncated', offset + 2, `${length} octets`);
  }
  return {
    code: octetAt(octets, offset),
    value: octets.subarray(valueOffset, valueOffset + length),
  };
}

/** X.224 13.2.3: an undefined code is ignored in a CR, and an error in any other TPDU. */
//= X.224 13.2.3 unknown
//= X.224 13.2.3 unknown deviation: a tolerant reading notes an undefined parameter of any TPDU and goes on
function verifyUnknown(reading: Reading, scope: ParameterScope, code: number, octet: number): void {
  if (isParameterCode(code)) {
    reading.tolerate('param-not-allowed', octet);
  } else if (scope.type === 'CR') {
    reading.note('param-unknown', octet);
  } else {
    reading.tolerate('param-unknown', octet);
  }
}

/** Reads and checks the parameter values of one TPDU, one after the other. */
class ParameterReader implements ValueContext {
  readonly strict: boolean;
  readonly type: TpduType;
  readonly class: TransportClass | undefined;
  readonly #reading: Reading;
  /** The parameter that is being read, and the number of its length octet. */
  #row: NamedParameter | undefined;
  #lengthOctet = 0;

  constructor(reading: Reading, scope: ParameterScope) {
    this.strict = reading.strict;
    this.type = scope.type;
    this.class = scope.class;
    this.#reading = reading;
  }

  /** Reads a value; returns `undefined` if it is invalid but the TPDU is accepted without it. */
  read(row: NamedParameter, value: Uint8Array, lengthOctet: number): unknown {
    this.#row = row;
    this.#lengthOctet = lengthOctet;
    return row.kind.fits(value.length)
      ? row.kind.read(value, this)
      : this.#refuse('param-length', lengthOctet);
  }

  wrong(index: number, fault: Fault = 'param-value'): undefined {
    return this.#refuse(fault, this.#lengthOctet + 1 + index);
  }

  tolerate(index: number, as: DiagnosticCode): void {
    this.#reading.tolerate('param-value', this.#lengthOctet + 1 + index, as);
  }

  #refuse(fault: Fault, octet: number): undefined {
    return !this.strict && this.#isForgivable(fault)
      ? this.#reading.note(fault, octet)
      : this.#reading.fail(fault, octet, this.#row?.name);
  }

  /**
   * X.224 13.2.3: an invalid parameter of a CR can be ignored. The standard has two exceptions, which are
   * tolerated in class 0 only: additional options, because deployed routers send two octets, which then select
   * nothing; and alternative classes, because they mean nothing with class 0. In a CC of class 0 a parameter
   * of the wrong length is ignored too, but a wrong value is an error: it answers something that was not
   * offered.
   */
  //= X.224 13.2.3 invalid value
  //= X.224 13.2.3 invalid value deviation: a tolerant reading leaves out additional options of a wrong length in a CR, and a parameter of a wrong length in a CC of class 0, for deployed peers send them
  #isForgivable(fault: Fault): boolean {
    if (this.type === 'CR') {
      return this.class === 0 || this.#row?.compulsory === undefined;
    }
    return this.type === 'CC' && this.class === 0 && fault === 'param-length';
  }
}
