/**
 * What a transport connection is given when it is made.
 */
import type { TpduObserver } from '../data-transfer/dt.js';
import type { TsduLimits } from '../data-transfer/reassembly.js';
import type { SendPool } from '../data-transfer/send-buffer.js';
import type { TpClassChoice } from '../negotiation/class-and-options.js';
import type { Allocate, MakeView } from '../octets/collector.js';
import type { StreamTimes } from './stream-engine.js';

/** What both roles need. */
export interface ConnectionOptions extends TsduLimits, StreamTimes {
  /** Memory for a TSDU that did not come in one piece. */
  readonly allocate: Allocate;
  /** The view of one that did. */
  readonly view: MakeView;
  /** Shared by all connections. */
  readonly sendPool: SendPool;
  /** Our reference, 1 to 65535, unique among the open connections of this process. */
  readonly localRef: number;
  /** The peer as error messages name it. */
  readonly peer: string;
  /** Refuse what a tolerant reading lets pass. */
  readonly strict: boolean;
  /** Largest TPDU that this side takes, in octets. */
  readonly maxTpduSize: number;
  /** A responder takes a CR of remote desktop. Default `false`: it is refused, for nobody would look at it. */
  readonly takesRemoteDesktop?: boolean;
  /** The classes that a responder takes. Default 0. */
  readonly tpClass?: TpClassChoice | undefined;
  /** A responder grants expedited data that a CR asks for. Default `false`. */
  readonly expedited?: boolean | undefined;
  /** A responder grants that each ED is answered by an EA, where a CR asks for it. Default `true`. */
  readonly expeditedAck?: boolean | undefined;
  /**
   * For how many milliseconds the EA of an ED may be due, from the moment the ED has left. Default `undefined`, and 0:
   * for ever.
   */
  readonly writeTimeout?: number | undefined;
  /** Sees every TPDU, while it is watching. */
  readonly observer?: TpduObserver | undefined;
}
