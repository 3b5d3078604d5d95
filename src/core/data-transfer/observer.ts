/**
 * What observes the TPDUs of a connection, and how those that are sent are shown to it.
 */
import { copyOf } from '../octets/octets.js';
import { packetLengthAt, TPKT_HEADER_LENGTH } from '../tpkt/header.js';

/** Gets every TPDU that is sent or received, while it is watching. */
export interface TpduObserver {
  /** Whether to call `see`. It is read for each TPDU, so that nothing is copied for an observer that does not watch. */
  readonly isWatching: boolean;
  /** The octets are not changed afterwards. */
  see(direction: 'sent' | 'received', tpdu: Uint8Array): void;
}

/** The observer of a connection. */
export interface ConnectionObserver extends TpduObserver {
  /**
   * In place of `see`, for packets that a relay passes on: so many of them, whole, each with a DT that is a whole TSDU. The
   * octets are not changed afterwards.
   */
  seeRun(direction: 'sent' | 'received', packets: Uint8Array, tpdus: number): void;
}

/**
 * Shows the TPDUs of whole packets to an observer, which gets copies.
 *
 * @returns what is there of the last TPDU, as a copy, if its end is missing; it is not shown
 */
export function showPackets(packets: Uint8Array, observer: TpduObserver): Uint8Array | undefined {
  const { length } = packets;
  for (let at = 0; at < length; ) {
    const end = at + packetLengthAt(packets, at);
    const tpdu = copyOf(packets, at + TPKT_HEADER_LENGTH, end);
    if (end > length) {
      return tpdu;
    }
    observer.see('sent', tpdu);
    at = end;
  }
  return undefined;
}

/**
 * Finds the TPDUs in the pieces of a send buffer, and shows them in the order in which they leave. If some overtake
 * others, that is not the order in which they were added, and some never leave because they are dropped.
 */
export class LeavingPackets {
  readonly #observer: TpduObserver;
  /** The header of a TPDU whose user data is the next piece; `undefined` if nobody watched when it left. */
  #begun: Uint8Array | undefined;
  #skipsNext = false;

  constructor(observer: TpduObserver) {
    this.#observer = observer;
  }

  /** The next piece is not shown. */
  skipNext(): void {
    this.#skipsNext = true;
  }

  /**
   * A piece leaves. It has whole packets, except that the payload of the last one may be a piece of its own.
   *
   * @param isPayload the piece is the payload of the last packet in the piece before it
   */
  see(piece: Uint8Array, isPayload: boolean): void {
    const begun = this.#begun;
    this.#begun = undefined;
    if (this.#skipsNext || !this.#observer.isWatching) {
      this.#skipsNext = false;
      return;
    }
    if (!isPayload) {
      // Copies: the memory of a piece is used again once it was sent.
      this.#begun = showPackets(piece, this.#observer);
    } else if (begun !== undefined) {
      const tpdu = new Uint8Array(begun.length + piece.length);
      tpdu.set(begun);
      tpdu.set(piece, begun.length);
      this.#observer.see('sent', tpdu);
    }
  }
}
