/**
 * What a class 0 connection is told from above: its limits and times, and what of CR and CC is not
 * fixed in class 0. Types only; users' options are checked in the floor above.
 */
import type { Allocate } from '../octet-collector.js';
import type { MakeView } from '../octet-source.js';
import type { SendBlocks } from '../send-blocks.js';
import type { ParametersInit, RemoteDesktopInit } from '../tpdu/types.js';
import type { TpduObserver } from './data.js';
import type { TsduLimits } from './reassembly.js';

/** What both roles need. Times are in milliseconds. */
export interface Class0Options extends TsduLimits {
  /** Memory for a TSDU that did not come in one piece. */
  readonly allocate: Allocate;
  /** The view of one that did. */
  readonly view: MakeView;
  /** Shared by all connections. */
  readonly sendBlocks: SendBlocks;
  /** Our reference, 1 to 65535, unique among the open connections of this process. */
  readonly localRef: number;
  /** The peer as error messages name it. */
  readonly peer: string;
  /** Refuse what a tolerant reading lets pass. */
  readonly strict: boolean;
  /** Largest TPDU that this side takes, in octets. */
  readonly maxTpduSize: number;
  /** Initiator: TCP, TLS and CC together. Responder: the CR; then again for the user's answer. */
  readonly handshakeTimeout: number;
  /** A TPKT or TSDU begun, from its first octet; 0 for none. */
  readonly reassemblyTimeout: number;
  /** From the wish to close to the end of TCP. */
  readonly closeTimeout: number;
  /** A responder takes a CR of remote desktop. Default `false`: it is refused, for nobody would look at it. */
  readonly takesRemoteDesktop?: boolean;
  /** Sees every TPDU, while it is watching. */
  readonly observer?: TpduObserver | undefined;
}

/** The CR of an initiator: everything that is not fixed in class 0. */
export interface Class0Request {
  readonly parameters: Pick<
    ParametersInit,
    'callingTsel' | 'calledTsel' | 'tpduSize' | 'preferredMaxTpduSize'
  >;
  /** The form of remote desktop; it goes with no parameters. */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
  readonly userData: Uint8Array;
}

/** A responder's yes: all of it may be left out. */
export interface Class0Acceptance {
  /** A lower limit than the option's, in octets. */
  readonly maxTpduSize?: number | undefined;
  readonly maxTsduSize?: number | undefined;
  readonly userData?: Uint8Array | undefined;
  /** The answer to a CR of remote desktop, and to no other. */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
}
