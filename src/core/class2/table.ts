/**
 * The rows of class 2 (X.224 table A.6 with TCP as the network service, RFC 2126 4.2). If the CR prefers class 2 or a
 * higher one, they replace some cells of establishment; from OPEN to ENDING they are all there are.
 *
 * The release: the user's request leads to RELEASING while data is queued, and our DR to CLOSING. A DC, DR or ER of the
 * peer ends CLOSING. A DR of the peer in OPEN or RELEASING is answered by a DC, and our FIN follows it.
 */
import { ESTABLISHMENT } from '../connection/establishment.js';
import { complete, type Row, type Rows, type State, type Table } from '../connection/transition.js';

/** TPDUs for another connection, which X.224 answers or discards. */
function unassociated(state: State): Row {
  return {
    //= X.224 6.9.1.4.2 a 3
    'discarded TPDU': ['ignore', state],
    //= X.224 6.9.1.4.2 a 2
    //= X.224 6.9.1.4.2 d 1
    'foreign DR': ['answer foreign DR', state],
    //= X.224 13.5.3 a to c
    //= RFC 2126 4.2.1 multiplexing
    'second CR': ['refuse second CR', state],
  };
}

/** TPDUs that are discarded once this side has begun to release the connection. */
function discarded(state: State): Row {
  return {
    //= X.224 6.7.1.5 a 2
    DT: ['ignore', state],
    ED: ['ignore', state],
    EA: ['ignore', state],
    DC: ['ignore', state],
    CC: ['ignore', state],
    CR: ['ignore', state],
    'CC unacceptable': ['ignore', state],
    'CC refused by DR': ['ignore', state],
    'foreign CC': ['ignore', state],
    'protocol error': ['ignore', state],
    undecodable: ['ignore', state],
    'ER invalid': ['ignore', state],
    'other TPDU': ['ignore', state],
  };
}

const BEFORE_OPEN: Rows = {
  WFCC: {
    //= X.224 6.7.1.5 b 1
    'T-DISCONNECT request': ['give up', 'WBCL'],
    'disruptive T-DISCONNECT request': ['give up', 'WBCL'],
    //= X.224 6.7.1.5 d
    'DR with SRC-REF': ['refused, send DC', 'ENDING'],
    //= X.224 A.4 Table A.6 CC
    'CC refused by DR': ['refuse CC', 'CLOSING'],
    //= X.224 6.9.1.4.2 a 1
    'foreign CC': ['refuse foreign CC', 'ENDING'],
  },
  WBCL: {
    ...discarded('WBCL'),
    'discarded TPDU': ['ignore', 'WBCL'],
    //= X.224 6.7.1.5 b 1
    'unwanted CC': ['send DR at once', 'CLOSING'],
    'CC unacceptable': ['drop', 'CLOSED'],
    //= X.224 6.7.1.5 d
    'DR with SRC-REF': ['release with DC', 'ENDING'],
    DR: ['drop', 'CLOSED'],
    ER: ['drop', 'CLOSED'],
    'bad TPKT': ['drop', 'CLOSED'],
    'N-RELEASE indication': ['drop', 'CLOSED'],
    //= X.224 6.7.1.5 note 7
    'N-DISCONNECT indication': ['ignore', 'CLOSED'],
    timer: ['drop', 'CLOSED'],
  },
  WFTRESP: {
    // The class is not agreed on yet, so the peer cannot know the format of its DT.
    DT: ['fail', 'CLOSED'],
    //= X.224 6.7.1.5 e
    'DR with SRC-REF': ['fail with DC', 'ENDING'],
    'discarded TPDU': ['ignore', 'WFTRESP'],
  },
};

const OPEN: Row = {
  ...unassociated('OPEN'),
  'T-DATA request': ['send data', 'OPEN'],
  'T-EXPEDITED-DATA request': ['send expedited data', 'OPEN'],
  'end of data request': ['reject half-close', 'OPEN'],
  //= X.224 6.7.1.5 a 1
  //= RFC 2126 4.2.3 non-disruptive
  'T-DISCONNECT request': ['begin release', 'RELEASING'],
  //= RFC 2126 4.2.3 disruptive
  'disruptive T-DISCONNECT request': ['send DR at once', 'CLOSING'],
  // The end of TCP without a DR is an error: it does not show what was lost.
  //= X.224 6.8.3 para 1
  'N-RELEASE indication': ['fail', 'CLOSED'],
  'N-RELEASE within a TSDU': ['fail', 'CLOSED'],
  'N-DISCONNECT indication': ['fail', 'CLOSED'],
  timer: ['fail by reset', 'CLOSED'],
  'EA overdue': ['fail by reset', 'CLOSED'],
  limit: ['fail by DR', 'CLOSING'],
  //= X.224 A.4 Table A.6 DT
  DT: ['take data', 'OPEN'],
  //= X.224 A.4 Table A.6 ED
  ED: ['take expedited data', 'OPEN'],
  //= X.224 A.4 Table A.6 EA
  EA: ['resume sending', 'OPEN'],
  //= X.224 6.7.1.5 e
  //= X.224 A.4 Table A.6 DR
  DR: ['confirm disconnect', 'ENDING'],
  'foreign CC': ['answer foreign CC', 'OPEN'],
  //= X.224 A.4 Table A.6 DC
  DC: ['fail by DR', 'CLOSING'],
  //= X.224 6.22.1.3 note 1
  //= X.224 A.4 Table A.6 ER
  ER: ['fail by DR', 'CLOSING'],
  //= X.224 6.22.1.3 para 1
  //= X.224 A.4 Table A.6 AK
  'protocol error': ['fail by DR', 'CLOSING'],
  //= X.224 6.9.1.4.1 b 2
  undecodable: ['fail by reset', 'CLOSED'],
  'bad TPKT': ['fail by reset', 'CLOSED'],
};

const RELEASING: Row = {
  ...discarded('RELEASING'),
  ...unassociated('RELEASING'),
  'all data sent': ['send DR', 'CLOSING'],
  'disruptive T-DISCONNECT request': ['send DR at once', 'CLOSING'],
  'end of data request': ['reject half-close', 'RELEASING'],
  // If the connection ends here, queued data is lost: an error, although the user has closed the connection.
  'N-RELEASE indication': ['fail', 'CLOSED'],
  'N-DISCONNECT indication': ['fail', 'CLOSED'],
  timer: ['fail', 'CLOSED'],
  'EA overdue': ['fail by reset', 'CLOSED'],
  ED: ['acknowledge expedited data', 'RELEASING'],
  EA: ['resume sending', 'RELEASING'],
  DR: ['confirm disconnect', 'ENDING'],
  ER: ['fail by DR', 'CLOSING'],
  undecodable: ['fail by reset', 'CLOSED'],
  'bad TPKT': ['fail by reset', 'CLOSED'],
};

const CLOSING: Row = {
  ...discarded('CLOSING'),
  ...unassociated('CLOSING'),
  'end of data request': ['reject half-close', 'CLOSING'],
  //= X.224 6.7.1.5 a 3
  //= X.224 6.1.1.3 note 3 deviation: both sides send FIN, the sender of the DC directly behind it: TCP delivers the DC before the FIN, and every release ends TCP
  DC: ['confirmed', 'ENDING'],
  ER: ['release', 'ENDING'],
  //= X.224 6.7.1.5 c
  DR: ['release', 'ENDING'],
  // The peer has closed TCP without a DC. All data had left before our DR, so this side has lost none.
  'N-RELEASE indication': ['drop', 'CLOSED'],
  'N-DISCONNECT indication': ['ignore', 'CLOSED'],
  //= X.224 6.7.1.5 note 6
  timer: ['drop', 'CLOSED'],
  'bad TPKT': ['drop', 'CLOSED'],
};

const AFTER: Rows = {
  ENDING: {
    'N-RELEASE indication': ['ignore', 'CLOSED'],
    'N-DISCONNECT indication': ['ignore', 'CLOSED'],
    timer: ['drop', 'CLOSED'],
  },
  // Both sides have ended, but octets may still wait for a peer that does not read: closeTimeout runs on.
  CLOSED: { timer: ['drop', 'CLOSED'] },
};

/** The table of a connection whose CR prefers class 2 or a higher one, or that has agreed on class 2. */
export const CLASS2_TABLE: Table = complete(ESTABLISHMENT, BEFORE_OPEN, {
  OPEN,
  RELEASING,
  CLOSING,
  ...AFTER,
});
