/**
 * ER: TPDU error (X.224 13.12).
 *
 *       1        2        3    4       5        6
 *     +----+-----------+---------+--------+----------+
 *     | LI | 0111 0000 | DST-REF | cause  | variable |
 *     +----+-----------+---------+--------+----------+
 */
import { octetAt, writeUint } from '../../octets/octets.js';
import { isRejectCause, TPDUS } from '../codes.js';
import { readParameters } from '../parameter-list.js';
import type { Reading } from '../reading.js';
import type { TpduInitOf } from '../types.js';
import { checkUint } from '../values.js';
import { MAX_REF, type ReadFields, type Written } from './codec.js';

/** Reads ER. */
//= X.224 13.12.3
export function readEr(reading: Reading): ReadFields<'ER'> {
  reading.requireLi(4);
  reading.requireZeroNibble();
  const rejectCause = octetAt(reading.octets, 4);
  if (!isRejectCause(rejectCause)) {
    reading.tolerate('cause-value', 5);
  }
  return {
    type: 'ER',
    dstRef: reading.uint(2, 2),
    rejectCause,
    ...readParameters(reading, { type: 'ER', class: reading.class }, 5),
  };
}

/** Writes ER. */
//= X.224 13.12.3
export function writeEr(init: TpduInitOf<'ER'>): Written {
  const fixed = new Uint8Array(4);
  fixed[0] = TPDUS.ER.code;
  writeUint(fixed, 1, 2, checkUint('dstRef', init.dstRef, MAX_REF));
  fixed[3] = checkUint('rejectCause', init.rejectCause, 3);
  return { fixed };
}
