/**
 * The short, normal and extended header format of DT, ED, AK, EA and RJ (X.224 13.7 to 13.11): determines
 * the format of a TPDU, and reads and writes its DST-REF and number.
 *
 *       1      2        3    4      5    6    7    8
 *     +----+------+-------------+
 *     | LI | code | bit, 7 bits |                        short, no DST-REF
 *     +----+------+-------------+-------------+
 *     | LI | code |   DST-REF   | bit, 7 bits |          normal
 *     +----+------+-------------+-------------+------+
 *     | LI | code |   DST-REF   | bit, 31 bits       |   extended
 *     +----+------+-------------+--------------------+
 */
import { octetAt, readUint, writeUint } from '../../octets/octets.js';
import { TPDUS } from '../codes.js';
import type { Reading } from '../reading.js';
import type { DataForm } from '../types.js';
import { checkUint, outOfRange, wrongType } from '../values.js';
import { MAX_REF } from './codec.js';

/** The TPDU types with several header formats. All of them have a number. */
export type NumberedTpdu = 'DT' | 'ED' | 'AK' | 'EA' | 'RJ';

/** The formats with a DST-REF. */
export type LongForm = Exclude<DataForm, 'short'>;

/** Length of the fixed part without the LI octet. It is the LI of a TPDU without a variable part. */
const FIXED_LENGTH: Readonly<Record<NumberedTpdu, Readonly<Record<DataForm, number>>>> = {
  //= X.224 13.7.1 a
  //= X.224 13.7.1 b
  //= X.224 13.7.1 c
  DT: { short: 2, normal: 4, extended: 7 },
  //= X.224 13.8.1
  //= RFC 1006 6 ED format
  ED: { short: 2, normal: 4, extended: 7 },
  // AK, EA and RJ have no short format; a shorter header than the normal one is an error.
  AK: { short: 4, normal: 4, extended: 9 },
  EA: { short: 4, normal: 4, extended: 7 },
  RJ: { short: 4, normal: 4, extended: 9 },
};

/** Position of the number; its first bit is EOT, or zero. */
const NUMBER: Readonly<Record<DataForm, { readonly offset: number; readonly length: number }>> = {
  short: { offset: 2, length: 1 },
  normal: { offset: 4, length: 1 },
  extended: { offset: 4, length: 4 },
};

/** Determines the format of a DT or ED, and checks LI. */
export function readForm(reading: Reading, type: 'DT' | 'ED'): DataForm {
  if (!isShort(reading, type)) {
    return readLongForm(reading, type);
  }
  requireExactLi(reading, FIXED_LENGTH[type].short);
  return 'short';
}

/** Determines the format of a TPDU with a DST-REF, and checks LI. */
export function readLongForm(reading: Reading, type: NumberedTpdu): LongForm {
  const form = isExtended(reading) ? 'extended' : 'normal';
  if (type === 'RJ') {
    // X.224 13.11: RJ has no variable part.
    requireExactLi(reading, FIXED_LENGTH.RJ[form]);
  } else {
    reading.requireLi(FIXED_LENGTH[type][form]);
  }
  return form;
}

/** DT is short in classes 0 and 1, ED in class 0 (RFC 1006 §6). If the class is not known, LI decides. */
function isShort(reading: Reading, type: 'DT' | 'ED'): boolean {
  if (reading.class === undefined) {
    return reading.li <= FIXED_LENGTH[type].short;
  }
  return reading.class === 0 || (reading.class === 1 && type === 'DT');
}

/**
 * Extended formats exist in classes 2 to 4. If the class is not known, an odd LI means extended: only the
 * extended fixed part has an odd length, and every parameter of these TPDUs has an even length.
 */
function isExtended(reading: Reading): boolean {
  if (reading.class === undefined) {
    return reading.li % 2 === 1;
  }
  return reading.class >= 2 && reading.extendedFormats;
}

function requireExactLi(reading: Reading, li: number): void {
  reading.requireLi(li);
  if (reading.li > li) {
    reading.fail('header-form', 1, `LI ${reading.li}, expected ${li}`);
  }
}

/** Offset of the variable part. */
export function variableOffset(type: NumberedTpdu, form: DataForm): number {
  return 1 + FIXED_LENGTH[type][form];
}

/** The first octet of the number, counted from 1. */
export function numberOctet(form: DataForm): number {
  return NUMBER[form].offset + 1;
}

/** Reads the number, and separately bit 8 of its first octet. */
//= X.224 6.3.3 note 1
//= X.224 13.7.3 d
export function readNumber(octets: Uint8Array, form: DataForm): { bit8: boolean; number: number } {
  const { offset, length } = NUMBER[form];
  const bit8 = octetAt(octets, offset) >= 0x80;
  const value = readUint(octets, offset, length);
  return { bit8, number: bit8 ? value - 128 * 256 ** (length - 1) : value };
}

/** The fields that {@link writeNumbered} writes. */
export interface NumberedFields {
  readonly form: DataForm;
  /** Absent only in the short format. */
  readonly dstRef?: number | undefined;
  /** Bits 4 to 1 of the code octet. */
  readonly nibble: number;
  /** Bit 8 of the first octet of the number. */
  readonly bit8: boolean;
  readonly number: number;
}

/**
 * Writes the fixed part, beginning with the code octet.
 *
 * @param numberField name of the number, for error messages
 * @throws TypeError, RangeError naming the field
 */
export function writeNumbered(
  type: NumberedTpdu,
  fields: NumberedFields,
  numberField: string,
): Uint8Array {
  const { form, dstRef } = fields;
  const fixed = new Uint8Array(FIXED_LENGTH[type][form]);
  fixed[0] = TPDUS[type].code | fields.nibble;
  if (form !== 'short') {
    writeUint(fixed, 1, 2, checkUint('dstRef', dstRef, MAX_REF));
  } else if (dstRef !== undefined) {
    throw outOfRange('dstRef', 'none in the short form', dstRef);
  }
  const { offset, length } = NUMBER[form];
  const bit8 = 128 * 256 ** (length - 1);
  const number = checkUint(numberField, fields.number, bit8 - 1);
  // Offsets count from the LI octet, which is not in the fixed part.
  writeUint(fixed, offset - 1, length, fields.bit8 ? bit8 + number : number);
  return fixed;
}

/**
 * The format to write. Default: short without a DST-REF, normal with one.
 *
 * @throws TypeError if it is not a format of this TPDU
 */
export function formToWrite(form: DataForm | undefined, dstRef: number | undefined): DataForm {
  const chosen = form ?? (dstRef === undefined ? 'short' : 'normal');
  if (!Object.hasOwn(NUMBER, chosen)) {
    throw wrongType('form', "'short', 'normal' or 'extended'", form);
  }
  return chosen;
}

/** The format to write for a TPDU that always has a DST-REF. Default: normal. */
export function longFormToWrite(form: LongForm = 'normal'): LongForm {
  if (form !== 'normal' && form !== 'extended') {
    throw wrongType('form', "'normal' or 'extended'", form);
  }
  return form;
}
