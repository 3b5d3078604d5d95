/**
 * DR and DC: disconnect request and disconnect confirm (X.224 13.5, 13.6).
 *
 *       1        2        3    4    5    6      7         8
 *     +----+-----------+---------+---------+--------+----------+-----------+
 *     | LI | 1000 0000 | DST-REF | SRC-REF | reason | variable | user data |  DR
 *     +----+-----------+---------+---------+--------+--+-------+-----------+
 *     | LI | 1100 0000 | DST-REF | SRC-REF | variable  |                      DC
 *     +----+-----------+---------+---------+-----------+
 */
import { NO_OCTETS, octetAt, writeUint } from '../../octets/octets.js';
import { isDisconnectReason, MAX_USER_DATA, TPDUS } from '../codes.js';
import { readParameters } from '../parameter-list.js';
import type { Reading } from '../reading.js';
import type { TpduInitOf } from '../types.js';
import { checkOctets, checkUint, outOfRange } from '../values.js';
import { MAX_REF, type ReadFields, type Written } from './codec.js';

/** Reads DR. */
//= X.224 13.5.3 a to c
export function readDr(reading: Reading): ReadFields<'DR'> {
  reading.requireLi(6);
  reading.requireZeroNibble();
  const reason = octetAt(reading.octets, 6);
  //= X.224 13.5.3 d deviation: a tolerant reading takes every reason
  if (!isDisconnectReason(reason)) {
    reading.tolerate('reason-value', 7);
  }
  const variable = readParameters(reading, { type: 'DR', class: reading.class }, 7);
  // In class 0 any DR ends the connection, so deviations are tolerated; other classes check them.
  //= X.224 13.5.5
  reading.limitUserData(MAX_USER_DATA.disconnect, { isTolerable: (reading.class ?? 0) === 0 });
  //= X.224 13.5.5 deviation: a tolerant reading takes data in a DR of class 0, which ends the connection whatever it carries
  if (reading.class === 0 && reading.userData.length > 0) {
    // X.224 13.5.5: class 0 has no user data here. Tolerated: some S7 tools send one extra octet.
    reading.tolerate('user-data-forbidden', reading.headerEnd + 1, 'dr-data-class0');
  }
  return {
    type: 'DR',
    dstRef: reading.uint(2, 2),
    srcRef: reading.uint(4, 2),
    reason,
    ...variable,
    userData: reading.userData,
  };
}

/** Writes DR. */
//= X.224 13.5.3 a to c
export function writeDr(init: TpduInitOf<'DR'>): Written {
  const fixed = new Uint8Array(6);
  fixed[0] = TPDUS.DR.code;
  writeUint(fixed, 1, 2, checkUint('dstRef', init.dstRef, MAX_REF));
  // Zero in a DR that refuses a CR (X.224 6.6.3).
  writeUint(fixed, 3, 2, checkUint('srcRef', init.srcRef ?? 0, MAX_REF));
  fixed[5] = checkUint('reason', init.reason, 0xff);
  //= X.224 13.5.3 d
  if (!isDisconnectReason(init.reason)) {
    throw outOfRange('reason', 'a reason of X.224 13.5.3', init.reason);
  }
  const { userData = NO_OCTETS } = init;
  return { fixed, userData: checkOctets('userData', userData, MAX_USER_DATA.disconnect) };
}

/** Reads DC. */
//= X.224 13.6.3
export function readDc(reading: Reading): ReadFields<'DC'> {
  reading.requireLi(5);
  reading.requireZeroNibble();
  return {
    type: 'DC',
    dstRef: reading.uint(2, 2),
    srcRef: reading.uint(4, 2),
    ...readParameters(reading, { type: 'DC', class: reading.class }, 6),
  };
}

/** Writes DC. */
//= X.224 13.6.3
export function writeDc(init: TpduInitOf<'DC'>): Written {
  const fixed = new Uint8Array(5);
  fixed[0] = TPDUS.DC.code;
  writeUint(fixed, 1, 2, checkUint('dstRef', init.dstRef, MAX_REF));
  writeUint(fixed, 3, 2, checkUint('srcRef', init.srcRef, MAX_REF));
  return { fixed };
}
