/**
 * DT and ED: data and expedited data (X.224 13.7, 13.8). ED also has the short form that RFC 1006 §6 defines
 * for class 0.
 *
 *       1        2        3 ..
 *     +----+-----------+-----------------------+----------+-----------+
 *     | LI | 1111 000r | [DST-REF] EOT TPDU-NR | variable | user data |  DT
 *     | LI | 0001 0000 | [DST-REF] EOT ED-NR   | variable | 1 to 16   |  ED
 *     +----+-----------+-----------------------+----------+-----------+
 *
 * `r` is ROA, request of acknowledgement. `header-format.ts` shows the layout from octet 3 on.
 */
import { MAX_USER_DATA } from '../codes.js';
import { readParameters } from '../parameter-list.js';
import type { Reading } from '../reading.js';
import type { DataForm, TpduInitOf } from '../types.js';
import { checkFlag, checkOctets, outOfRange } from '../values.js';
import type { ReadFields, Written } from './codec.js';
import {
  formToWrite,
  numberOctet,
  readForm,
  readNumber,
  variableOffset,
  writeNumbered,
} from './header-format.js';

/** Bit 1 of the code octet of a DT (X.224 13.7.3 b). */
const ROA = 0x01;

/** Reads DT. */
export function readDt(reading: Reading): ReadFields<'DT'> {
  const form = readForm(reading, 'DT');
  verifyNibble(reading);
  const { bit8: eot, number: tpduNr } = readNumber(reading.octets, form);
  requireZeroInClass0(reading, form, tpduNr);
  const variable = readParameters(
    reading,
    { type: 'DT', class: reading.class },
    variableOffset('DT', form),
  );
  const { userData } = reading;
  //= X.224 6.3.3 para 2
  //= X.224 6.3.3 para 2 deviation: a tolerant reading ignores an empty DT, which some controllers send as a fast acknowledgement
  if (!eot && userData.length === 0) {
    // X.224 6.3.3. Tolerated: some PLCs send such a DT as a "fast acknowledge".
    reading.tolerate('empty-dt', numberOctet(form));
  }
  const roa = (reading.nibble & ROA) !== 0;
  return {
    type: 'DT',
    form,
    roa,
    ...readDstRef(reading, form),
    eot,
    tpduNr,
    ...variable,
    userData,
  };
}

/** Writes DT. */
export function writeDt(init: TpduInitOf<'DT'>): Written {
  const form = formToWrite(init.form, init.dstRef);
  const bit8 = checkFlag('eot', init.eot ?? true);
  const nibble = checkFlag('roa', init.roa ?? false) ? ROA : 0;
  const userData = checkOctets('userData', init.userData);
  //= X.224 6.3.3 para 2
  if (!bit8 && userData.length === 0) {
    throw outOfRange('userData', 'at least one octet where eot is false', userData);
  }
  const { dstRef, tpduNr: number = 0 } = init;
  const fixed = writeNumbered('DT', { form, dstRef, nibble, bit8, number }, 'tpduNr');
  return { fixed, userData, isFixed: form === 'short' };
}

/** Reads ED. */
export function readEd(reading: Reading): ReadFields<'ED'> {
  const form = readForm(reading, 'ED');
  reading.requireZeroNibble();
  const { bit8: eot, number: tpduNr } = readNumber(reading.octets, form);
  //= X.224 13.8.3 deviation: a tolerant reading takes an ED without EOT, for one stack swaps octets there
  if (!eot) {
    // X.224 13.8.3 d. Tolerated in class 0: one stack sends 0x00 because of a byte swap.
    reading.tolerate('ed-eot', numberOctet(form));
  }
  requireZeroInClass0(reading, form, tpduNr);
  const variable = readParameters(
    reading,
    { type: 'ED', class: reading.class },
    variableOffset('ED', form),
  );
  //= X.224 13.8.5
  reading.limitUserData(MAX_USER_DATA.expedited, { fault: 'ed-length' });
  const { userData } = reading;
  //= X.224 6.11.1.4 para 4
  if (userData.length === 0) {
    // X.224 6.11.1.4.
    reading.fail('ed-length', reading.headerEnd, 'no octets');
  }
  return {
    type: 'ED',
    form,
    ...readDstRef(reading, form),
    eot,
    tpduNr,
    ...variable,
    userData,
  };
}

/** Writes ED. */
export function writeEd(init: TpduInitOf<'ED'>): Written {
  const form = formToWrite(init.form, init.dstRef);
  const bit8 = checkFlag('eot', init.eot ?? true);
  //= X.224 13.8.3
  if (!bit8) {
    throw outOfRange('eot', 'true in an ED', bit8);
  }
  const userData = checkOctets('userData', init.userData, MAX_USER_DATA.expedited, 1);
  const { dstRef, tpduNr: number = 0 } = init;
  const fixed = writeNumbered('ED', { form, dstRef, nibble: 0, bit8, number }, 'tpduNr');
  return { fixed, userData, isFixed: form === 'short' };
}

/**
 * Checks the low half of the code octet. ROA exists in classes 1, 3 and 4 only (X.224 13.7.3 b). RFC 1006 §6
 * requires the receiver to ignore this half in class 0; RFC 2126 6.5 no longer does.
 */
//= X.224 13.7.3 a and b
//= X.224 13.7.3 a and b deviation: a tolerant reading ignores the low half, as RFC 1006 6 has it
//= RFC 1006 6 ignored bits
//= RFC 2126 6.5
function verifyNibble(reading: Reading): void {
  const allowed = reading.class === 0 || reading.class === 2 ? 0 : ROA;
  if ((reading.nibble & ~allowed) !== 0) {
    reading.tolerate('code-nibble', 2);
  }
}

/** In class 0 the TPDU number must be zero (X.224 13.7.3 e, RFC 2126 6.5). */
//= X.224 10.2.3 para 2
//= X.224 13.7.3 e
//= X.224 13.7.3 e deviation: a tolerant reading ignores the number in class 0, as RFC 1006 6 has it
//= RFC 2126 6.5 deviation: a tolerant reading follows RFC 1006 6 and ignores the bits; a strict one follows RFC 2126
//= RFC 1006 6 ignored bits
function requireZeroInClass0(reading: Reading, form: DataForm, number: number): void {
  if (reading.class === 0 && number !== 0) {
    reading.tolerate('tpdu-nr', numberOctet(form));
  }
}

function readDstRef(reading: Reading, form: DataForm): { readonly dstRef?: number } {
  return form === 'short' ? {} : { dstRef: reading.uint(2, 2) };
}
