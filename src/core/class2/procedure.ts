/**
 * The procedure of class 2 without explicit flow control (X.224 10, RFC 2126 4.2).
 */
import type { ClassProcedure } from '../connection/class-procedure.js';
import { classify, readOne } from '../connection/classify.js';
import { STATES } from '../connection/transition.js';
import { normalDt } from '../data-transfer/dt.js';
import { encode } from '../tpdu/encode.js';
import { classifyAssociated } from './classify.js';
import { readConcatenated } from './concatenation.js';
import { CLASS2_TABLE } from './table.js';

/** Class 2 for the engine. */
//= X.224 10.1
//= X.224 10.2.5
export const CLASS2: ClassProcedure = {
  tpClass: 2,
  table: CLASS2_TABLE,
  dtFormat: normalDt,
  read: (octets, state, context) =>
    STATES[state].isAgreed ? readConcatenated(octets, context) : [readOne(octets, state, context)],
  classify: (received, state, context) =>
    STATES[state].isAgreed
      ? classifyAssociated(received, state, context)
      : classify(received, state, context),
  expeditedData: (data, remoteRef, number) =>
    encode({ type: 'ED', form: 'normal', dstRef: remoteRef, tpduNr: number, userData: data }),
};
