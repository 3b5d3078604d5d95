/**
 * The packets that leave before the data that waits: expedited data (X.224 6.11), and replies to the peer such as
 * EA, DC and DR. Decides what leaves next, and what is held back while an EA is due. Knows no TPDU.
 */
import { Fifo } from '../fifo.js';
import type { LeavingPackets } from './leaving-packets.js';

/** Is notified by a send buffer while a piece is taken out of it. It may add packets, and no more. */
export interface SendListener {
  /** An ED is being handed to the stream. */
  onExpeditedSent(): void;
  /** Of normal and expedited data nothing waits any more. */
  onDataSent(): void;
}

/**
 * Whether there is expedited data: `'acknowledged'` if each ED is answered by an EA, and neither normal nor expedited
 * data leaves until it comes.
 */
export type ExpeditedUse = 'none' | 'unacknowledged' | 'acknowledged';

/** Replies and expedited data of one connection. Each packet is one piece. */
export class UrgentPackets {
  readonly use: ExpeditedUse;
  /** Shows what leaves the buffer, in this order; `undefined` if nobody observes it. */
  readonly leaving: LeavingPackets | undefined;
  /** An ED has left whose EA is due. */
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

  /** Forgets the expedited data that waits; replies still leave. */
  dropExpedited(): void {
    this.#expedited.clear();
  }

  /** The next packet, taken out: a reply first. `undefined` when none may leave now. */
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

  /** A piece was taken out of the buffer, in which `length` octets are left, replies included. */
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
