/**
 * The options of an engine: those of every stream, and those of a transport connection.
 */
import type { ConnectionObserver } from '../data-transfer/observer.js';
import type { TsduLimits } from '../data-transfer/reassembly.js';
import type { SendPool } from '../data-transfer/send-pool.js';
import type { TpClassChoice } from '../negotiation/class-and-options.js';
import type { Allocate, MakeView } from '../octets/collector.js';

/** Times in milliseconds, from the options of the user; 0 for none. */
export interface StreamTimes {
  /** Initiator: TCP, TLS and CC together. Responder: the CR; then again for the user's answer. */
  readonly handshakeTimeout: number;
  /** A TPKT or TSDU, from its first octet to its last. */
  readonly reassemblyTimeout: number;
  /** From the request to close to the end of TCP. */
  readonly closeTimeout: number;
}

/** The properties of an engine that do not change. */
export interface StreamTraits {
  readonly times: StreamTimes;
  /** The name of a message in errors. */
  readonly unit: 'TSDU' | 'TPKT';
  /** The peer as the hints of an initiator name it. */
  readonly peer: string;
}

/** Options of an initiator or a responder. */
export interface ConnectionOptions extends TsduLimits, StreamTimes {
  /** Allocates memory for a TSDU that came in several pieces. */
  readonly allocate: Allocate;
  /** Makes the view of a TSDU that came in one piece. */
  readonly view: MakeView;
  /** Shared by all connections. */
  readonly sendPool: SendPool;
  /** Our reference, 1 to 65535, unique among the open connections of this process. */
  readonly localRef: number;
  /** The peer as the hints of an initiator name it; empty for a responder. */
  readonly peer: string;
  /** Refuse deviations from the standard that are otherwise tolerated. */
  readonly strict: boolean;
  /** Largest TPDU that this side takes, in octets. */
  readonly maxTpduSize: number;
  /** A responder accepts a CR of remote desktop. Default `false`, because its user has to answer the negotiation. */
  readonly takesRemoteDesktop?: boolean;
  /** The classes that a responder accepts. Default 0. */
  readonly tpClass?: TpClassChoice | undefined;
  /** A responder grants expedited data that a CR asks for. Default `false`. */
  readonly expedited?: boolean | undefined;
  /** A responder grants an EA for each ED to a CR that asks for it. Default `true`. */
  readonly expeditedAck?: boolean | undefined;
  /**
   * Milliseconds within which an EA must come after its ED has left. Default `undefined`, like 0: no limit.
   */
  readonly writeTimeout?: number | undefined;
  /** Gets every TPDU while it is watching. */
  readonly observer?: ConnectionObserver | undefined;
}
