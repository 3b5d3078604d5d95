/** The functions that read each TPDU type. Apart from those that write, so that a program which only decodes is small. */
import type { TpduType } from '../types.js';
import { readAk, readEa, readRj } from './acknowledgement.js';
import type { ReadTpdu } from './codec.js';
import { readCc, readCr } from './connection.js';
import { readDt, readEd } from './data.js';
import { readDc, readDr } from './disconnect.js';
import { readEr } from './error.js';

/** The readers of the ten TPDU types. */
export const READERS: Readonly<Record<TpduType, ReadTpdu<TpduType>>> = {
  CR: readCr,
  CC: readCc,
  DR: readDr,
  DC: readDc,
  DT: readDt,
  ED: readEd,
  AK: readAk,
  EA: readEa,
  RJ: readRj,
  ER: readEr,
} satisfies { readonly [T in TpduType]: ReadTpdu<T> };
