/**
 * What differs from one class to another, as the engine needs to know it.
 */
import type { DtFormat } from '../data-transfer/dt.js';
import type { Context } from './classify.js';
import type { ReceivedTpdu } from './received-tpdu.js';
import type { State, Table, TransitionInput } from './transition.js';

/**
 * The procedure of a class. Until the connection is open, the procedure of the class that the CR prefers applies: the
 * peer of a CR of class 2 may expect a DC.
 */
export interface ClassProcedure {
  readonly tpClass: 0 | 2;
  /** The rows of the class, over those of establishment and of the life of a stream. */
  readonly table: Table;
  /** Returns the format of a plain DT. */
  dtFormat(localRef: number, remoteRef: number): DtFormat;
  /** Decodes the TPDUs of one TPKT, in order. */
  read(octets: Uint8Array, state: State, context: Context): readonly ReceivedTpdu[];
  /** Determines which event of the table a TPDU is in this state. */
  classify(received: ReceivedTpdu, state: State, context: Context): TransitionInput;
  /** Encodes the ED with this number. */
  expeditedData(data: Uint8Array, remoteRef: number, number: number): Uint8Array;
}
