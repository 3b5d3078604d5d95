/**
 * The packets that leave before the data that waits: expedited data (X.224 6.11) and replies such as EA, DC and DR.
 * Decides what leaves next, and what waits while an EA is due. Knows no TPDU.
 */
import { Fifo } from '../fifo.js';
import type { LeavingPackets } from './observer.js';

/** Is called while a piece is taken out of a send buffer. It may add packets to the buffer, but not take or drop any. */
export interface SendListener {
  /** An ED leaves. */
  onExpeditedSent(): void;
  /** No normal or expedited data waits any more. */
  onDataSent(): void;
}

/**
 * Whether there is expedited data. With `'acknowledged'` the peer answers each ED by an EA, and until that comes neither
 * normal nor expedited data leaves.
 */
export type ExpeditedUse = 'none' | 'unacknowledged' | 'acknowledged';

/** Replies and expedited data of one connection. Each packet is one piece. */
export class UrgentPackets {
  readonly use: ExpeditedUse;
  /** Shows TPDUs in the order in which they leave the buffer; `undefined` if nobody observes it. */
  readonly leaving: LeavingPackets | undefined;
  /** An ED has left, and its EA is due. */
  isAckDue = false;
  /** Octets of the replies that wait. */
  replyLength = 0;
  readonly #listener: SendListener;
  readonly #replies = new Fifo<Uint8Array>();
  readonly #expedited = new Fifo<Uint8Array>();
  #hasExpeditedLeft = false;

  constructor(use: ExpeditedUse, listener: SendListener, leaving?: LeavingPackets) {
    this.use = use;
    this.leaving = leaving;
    this.#listener = listener;
  }

  /** Replies that wait. */
  get replies(): number {
    return this.#replies.length;
  }

  /** EDs that wait. */
  get expeditedCount(): number {
    return this.#expedited.length;
  }

  addReply(packet: Uint8Array): void {
    this.#replies.push(packet);
    this.replyLength += packet.length;
  }

  addExpedited(packet: Uint8Array): void {
    this.#expedited.push(packet);
  }

  /** The packets of expedited data that wait. */
  expedited(): Iterable<Uint8Array> {
    return this.#expedited;
  }

  /** Drops the expedited data that waits; replies still leave. */
  dropExpedited(): void {
    this.#expedited.clear();
  }

  /** Takes out the next packet, a reply first; `undefined` when none may leave now. */
  //= X.224 6.11.1.4 para 3
  //= RFC 2126 4.2.2 EA
  //= RFC 2126 4.2.2 no EA
  shift(): Uint8Array | undefined {
    const reply = this.#replies.shift();
    if (reply !== undefined) {
      this.replyLength -= reply.length;
      return reply;
    }
    if (this.isAckDue) {
      return undefined;
    }
    const packet = this.#expedited.shift();
    if (packet !== undefined) {
      this.isAckDue = this.use === 'acknowledged';
      this.#hasExpeditedLeft = true;
    }
    return packet;
  }

  /** A piece was taken out of the buffer; `length` octets are left in it, including replies. */
  afterShift(length: number): void {
    if (this.#hasExpeditedLeft) {
      this.#hasExpeditedLeft = false;
      this.#listener.onExpeditedSent();
    }
    if (length === this.replyLength) {
      this.#listener.onDataSent();
    }
  }
}
