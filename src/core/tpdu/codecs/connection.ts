/**
 * CR and CC: connection request and connection confirm (X.224 13.3, 13.4).
 *
 *       1         2        3    4    5    6         7          8
 *     +----+-----------+---------+---------+---------------+----------+-----------+
 *     | LI | 1110 CDT  |  0    0 | SRC-REF | class options | variable | user data |  CR
 *     | LI | 1101 CDT  | DST-REF | SRC-REF | class options | variable | 0 to 32   |  CC
 *     +----+-----------+---------+---------+---------------+----------+-----------+
 */
import { NO_OCTETS, octetAt, writeUint } from '../../octets/octets.js';
import { classOf, MAX_USER_DATA, TPDUS } from '../codes.js';
import { readParameters, type VariablePart } from '../parameter-list.js';
import type { Reading } from '../reading.js';
import {
  areParameters,
  beginsLikeCookie,
  type RemoteDesktopTpdu,
  readRemoteDesktop,
  writeRemoteDesktop,
} from '../remote-desktop.js';
import type { ConnectionRequest, TpduInitOf, TransportClass } from '../types.js';
import { checkOctets, checkUint, outOfRange } from '../values.js';
import { MAX_REF, type ReadFields, type Written } from './codec.js';

/** Largest CR in octets, including user data, in every class (X.224 13.3). */
export const MAX_CR_LENGTH = 128;

/** Bits 4 and 3 of the options are always zero (X.224 13.3.3). */
const DEFINED_OPTIONS = 0x03;

/** Reads CR. */
export function readCr(reading: Reading): ReadFields<'CR'> {
  reading.requireLi(6);
  //= X.224 13.3.3 c deviation: a tolerant reading ignores it, for nothing uses it and some peers set it
  if (reading.uint(2, 2) !== 0) {
    // X.224 13.3.3 c. Nothing uses the field, and every known stack accepts such a CR.
    reading.tolerate('dst-ref-nonzero', 4);
  }
  const tpdu = readConnection(reading, 'CR');
  //= X.224 13.3 deviation: a tolerant reading takes up to 319 octets
  if (reading.octets.length > MAX_CR_LENGTH) {
    reading.tolerate('cr-too-long', MAX_CR_LENGTH + 1);
  }
  return tpdu;
}

/** Writes CR. */
export function writeCr(init: TpduInitOf<'CR'>): Written {
  //= X.224 13.3.3 c
  checkUint('dstRef', init.dstRef ?? 0, 0);
  //= X.224 6.5.4 i para 1
  if (init.class === 0 || init.class === undefined) {
    // Table 3: a CR that prefers class 0 has no alternative classes.
    const alternatives = init.parameters?.alternativeClasses;
    if (alternatives !== undefined) {
      throw outOfRange('parameters.alternativeClasses', 'none with class 0', alternatives);
    }
  }
  return writeConnection(init);
}

/** Reads CC. */
export function readCc(reading: Reading): ReadFields<'CC'> {
  reading.requireLi(6);
  const tpdu = readConnection(reading, 'CC');
  const { tpduSize, preferredMaxTpduSize } = tpdu.parameters;
  //= X.224 6.5.4 k para 2
  //= X.224 6.5.4 k para 2 deviation: a tolerant reading takes a CC with both sizes, of which the preferred one counts
  if (tpduSize !== undefined && preferredMaxTpduSize !== undefined) {
    // X.224 6.5.4 k: a CC with parameter 0xF0 has no parameter 0xC0.
    reading.tolerate('cc-both-sizes', reading.headerEnd);
  }
  return tpdu;
}

/** Writes CC. */
export function writeCc(init: TpduInitOf<'CC'>): Written {
  const { tpduSize, preferredMaxTpduSize } = init.parameters ?? {};
  //= X.224 6.5.4 k para 2
  if (tpduSize !== undefined && preferredMaxTpduSize !== undefined) {
    throw outOfRange(
      'parameters.preferredMaxTpduSize',
      'none beside tpduSize in a CC',
      preferredMaxTpduSize,
    );
  }
  return writeConnection(init);
}

function readConnection<T extends 'CR' | 'CC'>(reading: Reading, type: T) {
  const cdt = reading.nibble;
  const srcRef = reading.uint(4, 2);
  //= X.224 13.3.3 e
  const classOctet = octetAt(reading.octets, 6);
  const options = classOctet & 0x0f;
  const transportClass =
    classOf(classOctet >> 4) ?? reading.fail('class-invalid', 7, `class ${classOctet >> 4}`);
  //= X.224 13.3.3 b deviation: a tolerant reading ignores credit in class 0
  if (cdt !== 0 && transportClass <= 1) {
    reading.tolerate('cdt-nonzero', 2);
  }
  if (srcRef === 0) {
    verifyZeroRef(reading, transportClass);
  }
  // Class 0 has no options, but deployed stacks echo the options of the other side.
  //= X.224 13.3.3 options
  //= X.224 13.3.3 options deviation: a tolerant reading ignores bits without meaning, for deployed peers echo them
  if ((options & (transportClass === 0 ? 0x0f : ~DEFINED_OPTIONS)) !== 0) {
    reading.tolerate('option-bits', 7);
  }
  const variable = readVariablePart(reading, type, transportClass);
  // RFC 1006 §5 allows user data in class 0 too.
  //= X.224 6.5.4 d deviation: RFC 1006 5 and RFC 2126 4.1.1 allow up to 32 octets in class 0 too; a tolerant reading takes more in class 0
  //= X.224 8.2.2 2 deviation: RFC 1006 5 and RFC 2126 4.1.1 allow up to 32 octets in class 0 too; a tolerant reading takes more in class 0
  //= X.224 13.3.5 deviation: RFC 1006 5 and RFC 2126 4.1.1 allow up to 32 octets in class 0 too; a tolerant reading takes more in class 0
  //= X.224 13.4.5 deviation: RFC 1006 5 and RFC 2126 4.1.1 allow up to 32 octets in class 0 too; a tolerant reading takes more in class 0
  //= RFC 1006 5 initial user data
  //= RFC 2126 4.1.1 connect data
  reading.limitUserData(MAX_USER_DATA.connect, { isTolerable: transportClass === 0 });
  const { parameters, unknownParameters, rawParameters, remoteDesktop } = variable;
  // Each field by its name: spreading takes as long as reading the parameters.
  const fields = {
    type,
    cdt,
    dstRef: reading.uint(2, 2),
    srcRef,
    class: transportClass,
    options,
    parameters,
    unknownParameters,
    rawParameters,
    userData: reading.userData,
  };
  return remoteDesktop === undefined ? fields : { ...fields, remoteDesktop };
}

/** Offset of the variable part. */
const VARIABLE_OFFSET = 7;

/** Reads the parameters, or in class 0 the fields that remote desktop sends instead. */
function readVariablePart(
  reading: Reading,
  type: RemoteDesktopTpdu,
  transportClass: TransportClass,
): VariablePart & Pick<ConnectionRequest, 'remoteDesktop'> {
  // Remote desktop begins with an octet below 0x80, parameters seldom: most CRs need no closer look.
  if (transportClass === 0 && (reading.octets[VARIABLE_OFFSET] ?? 0) < 0x80) {
    const octets = reading.octets.subarray(VARIABLE_OFFSET, reading.headerEnd);
    const form = readRemoteDesktop(type, octets);
    if (form !== undefined) {
      reading.tolerate('remote-desktop', VARIABLE_OFFSET + 1);
      const none = { parameters: {}, unknownParameters: [], rawParameters: [] };
      return { ...none, remoteDesktop: form.value };
    }
    if (beginsLikeCookie(octets) && !areParameters(octets)) {
      reading.fail('remote-desktop', VARIABLE_OFFSET + 1, 'its text or what follows it is broken');
    }
  }
  return readParameters(reading, { type, class: transportClass }, VARIABLE_OFFSET);
}

/**
 * X.224 6.5.4 a: a reference is never zero. Zero is tolerated in class 0, which uses no reference after the
 * CC, because some devices send it.
 */
//= X.224 6.5.4 a 2
//= X.224 6.5.4 a 2 deviation: a tolerant reading takes SRC-REF 0 in class 0, which uses no reference after the CC
function verifyZeroRef(reading: Reading, transportClass: TransportClass): void {
  if (transportClass === 0) {
    reading.tolerate('ref-zero', 6);
  } else {
    reading.fail('ref-zero', 6);
  }
}

//= X.224 13.3.3 b
//= X.224 13.3.3 d
//= X.224 13.3.3 e
//= X.224 13.3.3 options
//= X.224 13.4.3
function writeConnection(init: TpduInitOf<'CR' | 'CC'>): Written {
  const transportClass = classOf(checkUint('class', init.class ?? 0, 4)) ?? 0;
  const cdt = checkUint('cdt', init.cdt ?? 0, transportClass <= 1 ? 0 : 15);
  const options = checkUint(
    'options',
    init.options ?? 0,
    transportClass === 0 ? 0 : DEFINED_OPTIONS,
  );
  const fixed = new Uint8Array(6);
  fixed[0] = TPDUS[init.type].code | cdt;
  writeUint(fixed, 1, 2, checkUint('dstRef', init.dstRef ?? 0, MAX_REF));
  // X.224 6.5.4 a forbids SRC-REF 0, but remote desktop clients send it.
  //= X.224 6.5.4 a 2
  const leastRef = init.type === 'CR' && init.remoteDesktop !== undefined ? 0 : 1;
  writeUint(fixed, 3, 2, checkUint('srcRef', init.srcRef, MAX_REF, leastRef));
  fixed[5] = (transportClass << 4) | options;
  const userData = checkOctets('userData', init.userData ?? NO_OCTETS, MAX_USER_DATA.connect);
  if (init.remoteDesktop === undefined) {
    return { fixed, userData, class: transportClass };
  }
  if (transportClass !== 0) {
    throw outOfRange('remoteDesktop', `none in class ${transportClass}`, init.remoteDesktop);
  }
  const variable = writeRemoteDesktop(init.type, init.remoteDesktop);
  return { fixed, variable, userData, class: transportClass };
}
