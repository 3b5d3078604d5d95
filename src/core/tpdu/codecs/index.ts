/** The codecs of all TPDU types, by name. */
import type { TpduType } from '../types.js';
import { dataAcknowledgement, expeditedAcknowledgement, reject } from './acknowledgement.js';
import type { AnyCodec, Codec } from './codec.js';
import { connectionConfirm, connectionRequest } from './connection.js';
import { data, expeditedData } from './data.js';
import { disconnectConfirm, disconnectRequest } from './disconnect.js';
import { errorTpdu } from './error.js';

/** The ten codecs. The caller must pass each codec a TPDU of its type. */
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
  ER: errorTpdu,
} satisfies { readonly [T in TpduType]: Codec<T> };
