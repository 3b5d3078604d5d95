/**
 * AK, EA and RJ: acknowledgement of data and of expedited data, and reject (X.224 13.9 to 13.11).
 *
 *       1        2        3    4      5                6 ..
 *     +----+-----------+---------+-------------+----------+
 *     | LI | 0110 CDT  | DST-REF | 0 YR-TU-NR  | variable |   AK
 *     | LI | 0010 0000 | DST-REF | 0 YR-ED-NR  | variable |   EA
 *     +----+-----------+---------+-------------+----------+
 *     |  4 | 0101 CDT  | DST-REF | 0 YR-TU-NR  |              RJ
 *     +----+-----------+---------+-------------+
 *
 * In the extended form the number is in octets 5 to 8. The credit of AK and RJ is then in octets 9 and 10,
 * and the low half of octet 2 is 0000.
 */
import { writeUint } from '../../octets/octets.js';
import { readParameters } from '../parameter-list.js';
import type { Reading } from '../reading.js';
import type { TpduInitOf } from '../types.js';
import { checkUint } from '../values.js';
import type { ReadFields, Written } from './codec.js';
import {
  type LongForm,
  longFormToWrite,
  numberOctet,
  readLongForm,
  readNumber,
  variableOffset,
  writeNumbered,
} from './header-format.js';

/** Offset of the credit in the extended form. */
const CREDIT_OFFSET = 8;

/** Reads AK. */
//= X.224 13.9.3
export function readAk(reading: Reading): ReadFields<'AK'> {
  const form = readLongForm(reading, 'AK');
  const fields = readCredited(reading, form);
  const variable = readParameters(
    reading,
    { type: 'AK', class: reading.class },
    variableOffset('AK', form),
  );
  return { type: 'AK', ...fields, ...variable };
}

/** Writes AK. */
//= X.224 13.9.3
export function writeAk(init: TpduInitOf<'AK'>): Written {
  return { fixed: writeCredited(init) };
}

/** Reads EA. */
//= X.224 13.10.3
export function readEa(reading: Reading): ReadFields<'EA'> {
  const form = readLongForm(reading, 'EA');
  reading.requireZeroNibble();
  const yrEdtuNr = readYrNumber(reading, form);
  const variable = readParameters(
    reading,
    { type: 'EA', class: reading.class },
    variableOffset('EA', form),
  );
  return { type: 'EA', form, dstRef: reading.uint(2, 2), yrEdtuNr, ...variable };
}

/** Writes EA. */
//= X.224 13.10.3
export function writeEa(init: TpduInitOf<'EA'>): Written {
  const { dstRef, yrEdtuNr: number } = init;
  const form = longFormToWrite(init.form);
  const fields = { form, dstRef, nibble: 0, bit8: false, number };
  return { fixed: writeNumbered('EA', fields, 'yrEdtuNr') };
}

/** Reads RJ. */
//= X.224 13.11
export function readRj(reading: Reading): ReadFields<'RJ'> {
  const form = readLongForm(reading, 'RJ');
  return { type: 'RJ', ...readCredited(reading, form), rawParameters: [] };
}

/** Writes RJ. */
//= X.224 13.11
export function writeRj(init: TpduInitOf<'RJ'>): Written {
  return { fixed: writeCredited(init), isFixed: true };
}

/** Reads the fields that AK and RJ have in common. */
function readCredited(
  reading: Reading,
  form: LongForm,
): { form: LongForm; cdt: number; dstRef: number; yrTuNr: number } {
  if (form === 'extended') {
    reading.requireZeroNibble();
  }
  return {
    form,
    cdt: form === 'extended' ? reading.uint(CREDIT_OFFSET, 2) : reading.nibble,
    dstRef: reading.uint(2, 2),
    yrTuNr: readYrNumber(reading, form),
  };
}

/** Reads the number. Bit 8 of its first octet must be zero (X.224 13.9.3, 13.10.3). */
function readYrNumber(reading: Reading, form: LongForm): number {
  const { bit8, number } = readNumber(reading.octets, form);
  if (bit8) {
    reading.tolerate('yr-bit8', numberOctet(form));
  }
  return number;
}

function writeCredited(init: TpduInitOf<'AK' | 'RJ'>): Uint8Array {
  const form = longFormToWrite(init.form);
  const isExtended = form === 'extended';
  const cdt = checkUint('cdt', init.cdt ?? 0, isExtended ? 0xffff : 0x0f);
  const { dstRef, yrTuNr: number } = init;
  const fields = { form, dstRef, nibble: isExtended ? 0 : cdt, bit8: false, number };
  const fixed = writeNumbered(init.type, fields, 'yrTuNr');
  if (isExtended) {
    writeUint(fixed, CREDIT_OFFSET - 1, 2, cdt);
  }
  return fixed;
}
