/**
 * Shows the TPDUs that leave a send buffer, in the order in which they leave. If some overtake others, that is not the
 * order in which they were added, and some never leave because they are dropped.
 */
import { showPackets, type TpduObserver } from './dt.js';

/** Finds the TPDUs in the pieces of a send buffer. */
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
