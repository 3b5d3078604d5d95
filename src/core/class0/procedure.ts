/**
 * The procedure of class 0: what its TPDUs do on an open connection (X.224 table A.6 with TCP as the network
 * service, RFC 1006 §3 and §5), as rows of the transition table.
 */
import type { ClassProcedure } from '../connection/class-procedure.js';
import { classify, readOne } from '../connection/classify.js';
import { ESTABLISHMENT } from '../connection/establishment.js';
import { STREAM_LIFE } from '../connection/stream-life.js';
import { complete, type Rows, type Table } from '../connection/transition.js';
import { SHORT_DT } from '../data-transfer/dt.js';
import { encode } from '../tpdu/encode.js';

const ROWS: Rows = {
  OPEN: {
    //= X.224 A.4 Table A.6 DT
    DT: ['take data', 'OPEN'],
    // In the form of RFC 1006 §6, where it was agreed on.
    //= X.224 A.4 Table A.6 TEXreq
    //= RFC 1006 5 expedited transfer
    //= RFC 2126 4.1.2
    'T-EXPEDITED-DATA request': ['send expedited data', 'OPEN'],
    ED: ['take expedited data', 'OPEN'],
    // X.224 6.7.1.4 has no DR in class 0, but peers send one before they close TCP.
    //= X.224 6.9.1.4.2 d 1
    //= X.224 A.4 Table A.6 DR deviation: a DR on an open connection ends it with its reason, cleanly when tolerant, for peers send one before they close TCP; it is never answered
    DR: ['indicate disconnect', 'ENDING'],
    'DR within a TSDU': ['fail by reset', 'CLOSED'],
    // An ER, even a malformed one, is never answered by an ER (X.224 6.22.1.3).
    //= X.224 6.22.1.3 note 1
    //= X.224 A.4 Table A.6 ER
    ER: ['fail by reset', 'CLOSED'],
    //= X.224 6.22.1.3 note 2
    'ER invalid': ['fail by reset', 'CLOSED'],
    'other TPDU': ['fail with ER', 'ENDING'],
    //= X.224 6.1.1.3 para 1
    //= X.224 6.1.1.3 para 2
    //= X.224 6.5.4 para 4 deviation: nothing is repeated over TCP, so in class 0 a second CR is a protocol error whatever class it prefers; in class 2 a repeated CR of class 4 is ignored
    //= X.224 6.9.1.4.2 para 1 deviation: an ER answers the second CR before TCP is closed, and one that prefers class 4 is no exception
    CR: ['fail with ER', 'ENDING'],
    'CR unacceptable': ['fail with ER', 'ENDING'],
    'CR invalid': ['fail with ER', 'ENDING'],
    CC: ['fail with ER', 'ENDING'],
    'CC unacceptable': ['fail with ER', 'ENDING'],
    //= X.224 A.4 Table A.6 DC
    //= X.224 A.4 Table A.6 AK
    //= X.224 A.4 Table A.6 EA
    //= X.224 A.4 Table A.6 ED
    //= X.224 6.9.1.4.1 a undecodable
    //= X.224 6.22.1.3 para 1
    undecodable: ['fail with ER', 'ENDING'],
  },
  FIN_SENT: {
    DT: ['take data', 'FIN_SENT'],
    ED: ['take expedited data', 'FIN_SENT'],
    DR: ['indicate disconnect', 'ENDING'],
  },
  FIN_RECEIVED: {
    'T-EXPEDITED-DATA request': ['send expedited data', 'FIN_RECEIVED'],
  },
};

/** Every state of a class 0 connection by every event. */
export const CLASS0_TABLE: Table = complete(ESTABLISHMENT, STREAM_LIFE, ROWS);

/** Class 0 for the engine. */
export const CLASS0: ClassProcedure = {
  tpClass: 0,
  table: CLASS0_TABLE,
  dtFormat: () => SHORT_DT,
  read: (octets, state, context) => [readOne(octets, state, context)],
  classify,
  expeditedData: (data) => encode({ type: 'ED', form: 'short', userData: data }),
};
