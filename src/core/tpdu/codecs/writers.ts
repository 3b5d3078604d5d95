/** The functions that write each TPDU type. */
import type { TpduInit, TpduType } from '../types.js';
import { writeAk, writeEa, writeRj } from './acknowledgement.js';
import type { WriteTpdu, Written } from './codec.js';
import { writeCc, writeCr } from './connection.js';
import { writeDt, writeEd } from './data.js';
import { writeDc, writeDr } from './disconnect.js';
import { writeEr } from './error.js';

/** The writers of the ten TPDU types. */
const WRITERS: { readonly [T in TpduType]: WriteTpdu<T> } = {
  CR: writeCr,
  CC: writeCc,
  DR: writeDr,
  DC: writeDc,
  DT: writeDt,
  ED: writeEd,
  AK: writeAk,
  EA: writeEa,
  RJ: writeRj,
  ER: writeEr,
};

/** The writer of a TPDU. The caller must pass it a TPDU of that type. */
export function writerOf(type: TpduType): (init: TpduInit) => Written {
  return WRITERS[type] as (init: TpduInit) => Written;
}
