/**
 * The rows of the table from TCP to the CC. The table of class 2 replaces some of them.
 */
import type { Rows } from './transition.js';

/** The rows before a connection is open. */
export const ESTABLISHMENT: Rows = {
  WFNC: {
    //= X.224 6.5.4 para 1
    //= X.224 8.2.2 a and b
    //= X.224 A.4 Table A.6 NCONconf
    'N-CONNECT confirm': ['send CR', 'WFCC'],
    //= X.224 A.4 Table A.6 NDISind
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'disruptive T-DISCONNECT request': ['drop', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFCC: {
    //= X.224 A.4 Table A.6 CC
    CC: ['confirm connect', 'OPEN'],
    'CC unacceptable': ['fail', 'CLOSED'],
    //= X.224 6.9.1.4.2 d 2
    //= X.224 A.4 Table A.6 DR
    DR: ['refused', 'CLOSED'],
    //= X.224 A.4 Table A.6 ER
    ER: ['refused', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'disruptive T-DISCONNECT request': ['drop', 'CLOSED'],
    'N-RELEASE indication': ['fail', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    //= X.224 6.5.4 note 2
    timer: ['fail', 'CLOSED'],
  },
  WFCR: {
    //= X.224 A.4 Table A.6 CR
    CR: ['indicate connect', 'WFTRESP'],
    'CR unacceptable': ['refuse by DR', 'ENDING'],
    'CR invalid': ['refuse by ER', 'ENDING'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'disruptive T-DISCONNECT request': ['drop', 'CLOSED'],
    // Before a CR there is nothing to report: a port scan is no error of the server.
    'N-RELEASE indication': ['drop', 'CLOSED'],
    'N-DISCONNECT indication': ['drop', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFTRESP: {
    //= X.224 6.5.4 para 1
    //= X.224 A.4 Table A.6 TCONresp
    'T-CONNECT response': ['send CC', 'OPEN'],
    'T-CONNECT refusal': ['refuse by DR', 'ENDING'],
    'T-DISCONNECT request': ['refuse by DR', 'ENDING'],
    'disruptive T-DISCONNECT request': ['refuse by DR', 'ENDING'],
    //= X.224 A.4 Table A.6 DT deviation: data behind the CR waits for the decision of the user, because several stacks do not wait for the CC
    DT: ['keep data', 'WFTRESP'],
    // The peer has closed TCP: the indication is withdrawn.
    'N-RELEASE indication': ['fail', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['refuse by DR', 'ENDING'],
  },
};
