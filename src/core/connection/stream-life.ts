/**
 * The rows of the life of a TCP connection, under TPKTs alone and under a transport connection of class 0: data in both
 * directions, the FIN of either side (RFC 1006 §5: class 0 has no disconnect TPDU of its own), and the end.
 */
import { complete, type Rows, type Table } from './transition.js';

/** The rows of the life of a stream. */
export const STREAM_LIFE: Rows = {
  OPEN: {
    //= X.224 A.4 Table A.6 TDTreq
    'T-DATA request': ['send data', 'OPEN'],
    'end of data request': ['end sending', 'FIN_SENT'],
    //= X.224 6.7.1.4
    //= X.224 8.2.4
    //= X.224 A.4 Table A.6 TDISreq
    //= RFC 1006 5 N-DISCONNECT
    //= RFC 2126 3.2.3.3
    //= RFC 2126 4.1.3
    'T-DISCONNECT request': ['release', 'ENDING'],
    'disruptive T-DISCONNECT request': ['release at once', 'ENDING'],
    //= X.224 6.7.1.4
    //= X.224 6.7.1.4 deviation: the FIN of the peer ends its half of TCP alone, so that answers still go out
    'N-RELEASE indication': ['indicate end', 'FIN_RECEIVED'],
    'N-RELEASE within a TSDU': ['fail by reset', 'CLOSED'],
    //= X.224 6.8.3 para 1
    //= RFC 1006 5 N-DISCONNECT
    //= RFC 2126 3.2.3.3
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail by reset', 'CLOSED'],
    limit: ['fail by reset', 'CLOSED'],
    // Without boundaries there is no TPDU that an ER could reject (RFC 1006 §6).
    'bad TPKT': ['fail by reset', 'CLOSED'],
  },
  FIN_SENT: {
    'T-DISCONNECT request': ['release', 'ENDING'],
    'disruptive T-DISCONNECT request': ['release at once', 'ENDING'],
    'N-RELEASE indication': ['indicate end', 'ENDING'],
    'N-RELEASE within a TSDU': ['fail by reset', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail by reset', 'CLOSED'],
    limit: ['fail by reset', 'CLOSED'],
  },
  FIN_RECEIVED: {
    'T-DATA request': ['send data', 'FIN_RECEIVED'],
    'end of data request': ['release', 'ENDING'],
    'T-DISCONNECT request': ['release', 'ENDING'],
    'disruptive T-DISCONNECT request': ['release at once', 'ENDING'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail by reset', 'CLOSED'],
  },
  ENDING: {
    'N-DISCONNECT indication': ['ignore', 'CLOSED'],
    timer: ['drop', 'CLOSED'],
  },
};

/** The table of a stream of TPKTs alone. */
export const STREAM_TABLE: Table = complete(STREAM_LIFE);
