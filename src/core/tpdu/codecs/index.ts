/** The codec of each TPDU by its name. */
import type { TpduType } from '../types.js';
import { dataAcknowledgement, expeditedAcknowledgement, reject } from './acknowledgement.js';
import type { AnyCodec, Codec } from './codec.js';
import { connectionConfirm, connectionRequest } from './connection.js';
import { data, expeditedData } from './data.js';
import { disconnectConfirm, disconnectRequest } from './disconnect.js';
import { tpduError } from './error.js';

/** All ten. Each codec must be given the TPDU that it stands for. */
export const CODECS: Readonly<Record<TpduType, AnyCodec>> = {
  CR: connectionRequest,
  CC: connectionConfirm,
  DR: disconnectRequest,
  DC: disconnectConfirm,
  DT: data,
  ED: expeditedData,
  AK: dataAcknowledgement,
  EA: expeditedAcknowledgement,
  RJ: reject,
  ER: tpduError,
} satisfies { readonly [T in TpduType]: Codec<T> };
