/**
 * Consecutive packets of a chunk, each with a DT that is a whole TSDU, collected to be passed on unchanged as one piece.
 * Knows no headers beyond their length.
 */
import type { MakeView, OctetSource } from '../octets/collector.js';
import { TPKT_HEADER_LENGTH } from '../tpkt/header.js';

/** Where the reserved octet of a TPKT header is, in octets before its payload. */
const RESERVED = 3;

/** Receives runs of packets, to be sent unchanged by `sendRun` of another connection. */
export interface RunReceiver {
  /** Octets of the largest TPDU in a run. A longer one comes as a message. */
  readonly maxTpduSize: number;
  /**
   * Gets whole packets, each with a DT of class 0 that is a whole TSDU: so many TSDUs, with so many octets of user data.
   * Must not call the engine.
   */
  onRun(packets: Uint8Array, tsdus: number, octets: number): void;
}

/** The run that a connection receives. */
export class PacketRun {
  readonly #receiver: RunReceiver;
  /** Longest TSDU of a run, in octets. */
  readonly #maxLength: number;
  readonly #headerLength: number;
  readonly #view: MakeView;
  /** The chunk in which the run lies; `undefined` while there is none. */
  #source: OctetSource | undefined;
  #start = 0;
  #end = 0;
  #tsdus = 0;
  #octets = 0;

  /**
   * @param headerLength octets of the header of a DT
   * @param maxTsduSize octets of the longest TSDU that may be received
   */
  constructor(receiver: RunReceiver, headerLength: number, maxTsduSize: number, view: MakeView) {
    this.#receiver = receiver;
    this.#maxLength = Math.min(receiver.maxTpduSize - headerLength, maxTsduSize);
    this.#headerLength = headerLength;
    this.#view = view;
  }

  /**
   * Adds the packet whose TPDU lies from `start` up to, not including, `end`.
   *
   * @returns `false` if it may not be sent as it is: it is too long or empty, or its reserved octet is not 0
   */
  //= RFC 2126 6.10
  add(source: OctetSource, start: number, end: number): boolean {
    const length = end - start - this.#headerLength;
    if (length <= 0 || length > this.#maxLength || source.octets[start - RESERVED] !== 0) {
      return false;
    }
    const first = start - TPKT_HEADER_LENGTH;
    if (this.#end !== first || this.#source !== source) {
      this.flush();
      this.#source = source;
      this.#start = first;
    }
    this.#end = end;
    this.#tsdus += 1;
    this.#octets += length;
    return true;
  }

  /** Passes on what is collected. */
  flush(): void {
    const source = this.#source;
    if (source === undefined) {
      return;
    }
    const tsdus = this.#tsdus;
    const octets = this.#octets;
    this.#source = undefined;
    this.#tsdus = 0;
    this.#octets = 0;
    this.#receiver.onRun(source.give(this.#start, this.#end, this.#view), tsdus, octets);
  }
}
