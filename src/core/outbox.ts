/**
 * The octets that wait to be sent, as pieces ready for one gathering write. Knows TPKT framing and
 * nothing of TPDUs.
 */
import { Fifo } from './fifo.js';
import { Loans } from './loans.js';
import type { SendBlocks } from './send-blocks.js';
import { TPKT_HEADER_LENGTH, writeTpktHeader } from './tpkt/header.js';

/**
 * Payload of this many octets or more is sent as a view of the caller's buffer; less is copied
 * behind its header, which costs less than one more piece in a gathering write.
 */
export const SEND_VIEW_FROM = 8_192;

/**
 * Where so many copied octets wait behind one another, or are to, they go to blocks that are lent and used
 * again once they have been taken: fresh memory would cost more than the copy. Less is not worth a block.
 */
const LENT_FROM = 32_768;

/** Collects packets until they are taken for sending. */
export class Outbox {
  /**
   * Who takes pieces out says when they are done with, by {@link taken}: only then are blocks lent.
   */
  tellsTaken = false;
  readonly #blocks: SendBlocks;
  readonly #pieces = new Fifo<Uint8Array>();
  /** The run of octets, behind all pieces, that packets are copied to; held only while it waits. */
  #block: Uint8Array | undefined;
  #runStart = 0;
  #runEnd = 0;
  #length = 0;
  /** Octets copied since the last view; 0 when nothing waits. */
  #copied = 0;
  /** The block of the run is lent. */
  #isLent = false;
  /** Most outboxes never have one. */
  #loans: Loans | undefined;

  constructor(blocks: SendBlocks) {
    this.#blocks = blocks;
  }

  /** Octets that wait. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds one packet: the TPKT header, `header`, then `payload`. A payload of 8192 octets or more is not
   * copied and must not change until it is sent.
   *
   * @param following octets of payload that are added right behind it, in packets of their own
   */
  packet(header: readonly number[], payload: Uint8Array, following = 0): void {
    const payloadLength = payload.length;
    const headerLength = TPKT_HEADER_LENGTH + header.length;
    const copied = payloadLength < SEND_VIEW_FROM;
    const length = copied ? headerLength + payloadLength : headerLength;
    const isMuch = copied && this.#copied + payloadLength + following >= LENT_FROM;
    const block = isMuch && this.tellsTaken ? this.#extendLent(length) : this.#extendRun(length);
    let offset = writeTpktHeader(block, this.#runEnd - length, header.length + payloadLength);
    for (let i = 0; i < header.length; i += 1) {
      block[offset] = header[i] as number;
      offset += 1;
    }
    if (copied) {
      copyOctets(payload, payloadLength, block, offset);
      this.#copied += length;
    } else {
      this.#copied = 0;
      this.#pieces.push(this.#takeRun(block));
      this.#pieces.push(payload);
    }
    this.#length += headerLength + payloadLength;
  }

  /** The next piece, taken out; `undefined` when nothing waits. */
  shift(): Uint8Array | undefined {
    let piece = this.#pieces.shift();
    if (piece === undefined && this.#block !== undefined) {
      piece = this.#takeRun(this.#block);
    }
    if (piece !== undefined) {
      this.#length -= piece.length;
      this.#loans?.handOver(piece);
      if (this.#length === 0) {
        this.#copied = 0;
      }
    }
    return piece;
  }

  /** Nobody looks any more at the octets of any piece that was taken out. */
  taken(): void {
    this.#loans?.taken();
  }

  /** Forgets what waits: the stream is gone. */
  clear(): void {
    this.#pieces.clear();
    this.#block = undefined;
    this.#length = 0;
    this.#copied = 0;
    this.#loans?.clear();
  }

  /** Makes the run longer; or begins one, where another outbox or a block that is lent came in between. */
  #extendRun(length: number): Uint8Array {
    const start = this.#blocks.take(length);
    const { block } = this.#blocks;
    if (this.#block !== block || this.#runEnd !== start) {
      this.#closeRun();
      this.#block = block;
      this.#isLent = false;
      this.#runStart = start;
    }
    this.#runEnd = start + length;
    return block;
  }

  /** The same in a block that is lent, where a run begins at the first octet. */
  #extendLent(length: number): Uint8Array {
    let block = this.#block;
    if (block === undefined || !this.#isLent || block.length - this.#runEnd < length) {
      this.#closeRun();
      this.#loans ??= new Loans(this.#blocks);
      block = this.#loans.borrow();
      this.#block = block;
      this.#isLent = true;
      this.#runStart = 0;
      this.#runEnd = 0;
    }
    this.#runEnd += length;
    return block;
  }

  #closeRun(): void {
    if (this.#block !== undefined) {
      this.#pieces.push(this.#takeRun(this.#block));
    }
  }

  /** What was copied to the run; the next packet begins another. */
  #takeRun(block: Uint8Array): Uint8Array {
    this.#block = undefined;
    return block.subarray(this.#runStart, this.#runEnd);
  }
}

/** Below this many octets a loop is faster than the call of `set`. */
const LOOP_BELOW = 48;

function copyOctets(from: Uint8Array, length: number, to: Uint8Array, offset: number): void {
  if (length < LOOP_BELOW) {
    for (let i = 0, o = offset; i < length; i += 1, o += 1) {
      to[o] = from[i] as number;
    }
  } else {
    to.set(from, offset);
  }
}
