/**
 * What the TPDUs of class 0 do on an open connection (X.224 table A.6 with TCP as the network service, RFC 1006
 * §3 and §5), and the whole table of a class 0 connection.
 */
import { ESTABLISHMENT } from '../connection/establishment.js';
import { STREAM_LIFE } from '../connection/stream-life.js';
import { complete, type Rows, type Table } from '../connection/transition.js';

const CLASS0: Rows = {
  OPEN: {
    DT: ['take data', 'OPEN'],
    // X.224 6.7.4 has no DR in class 0, but peers send one before they close TCP.
    DR: ['indicate disconnect', 'ENDING'],
    'DR within a TSDU': ['fail by reset', 'CLOSED'],
    // An ER, even a malformed one, is never answered by an ER (X.224 6.22.3).
    ER: ['fail by reset', 'CLOSED'],
    'ER invalid': ['fail by reset', 'CLOSED'],
    'other TPDU': ['fail with ER', 'ENDING'],
    CR: ['fail with ER', 'ENDING'],
    'CR unacceptable': ['fail with ER', 'ENDING'],
    'CR invalid': ['fail with ER', 'ENDING'],
    CC: ['fail with ER', 'ENDING'],
    'CC unacceptable': ['fail with ER', 'ENDING'],
    undecodable: ['fail with ER', 'ENDING'],
  },
  FIN_SENT: {
    DT: ['take data', 'FIN_SENT'],
    DR: ['indicate disconnect', 'ENDING'],
  },
};

/** Every state of a class 0 connection by every event. */
export const CLASS0_TABLE: Table = complete(ESTABLISHMENT, STREAM_LIFE, CLASS0);
