/**
 * What differs from one class to another, as one engine needs to know it.
 */
import type { DtFormat } from '../data-transfer/dt.js';
import type { ProtocolError } from '../errors.js';
import type { Tpdu } from '../tpdu/types.js';
import type { Context } from './classify.js';
import type { State, Table, TransitionInput } from './transition.js';

/** A received TPDU: its octets, and what they mean or what is wrong with them. */
export interface Part {
  readonly octets: Uint8Array;
  readonly tpdu: Tpdu | ProtocolError;
}

/**
 * The procedure of a class. Before the connection is open, that of the class which the CR prefers, for the peer of a CR
 * of class 2 may expect a DC.
 */
export interface ClassProcedure {
  readonly tpClass: 0 | 2;
  /** The rows of the class, over those of establishment and of the life of a stream. */
  readonly table: Table;
  /** The plain DT. */
  dtFormat(localRef: number, remoteRef: number): DtFormat;
  /** The TPDUs of one TPKT, in order. */
  read(octets: Uint8Array, state: State, context: Context): readonly Part[];
  /** The event that one of them is in this state. */
  classify(part: Part, state: State, context: Context): TransitionInput;
  /** The ED with this number. */
  expeditedData(data: Uint8Array, remoteRef: number, number: number): Uint8Array;
}
