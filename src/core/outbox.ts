/**
 * The octets that wait to be sent, as pieces ready for one gathering write. Knows TPKT framing and
 * nothing of TPDUs.
 */
import type { Allocate } from './octet-collector.js';
import { TPKT_HEADER_LENGTH, writeTpktHeader } from './tpkt/header.js';

/**
 * Payload of this many octets or more is sent as a view of the caller's buffer; less is copied
 * behind its header, which costs less than one more piece in a gathering write.
 */
export const SEND_VIEW_FROM = 8_192;

/**
 * Octets of a block that headers and small payloads are copied into: twice what waits already,
 * within these bounds. So a burst gets large blocks, and a thousand quiet connections hold small
 * ones. The first bound has room for any payload that is copied, and its headers.
 */
const BLOCK_SMALLEST: number = SEND_VIEW_FROM + 64;
const BLOCK_LARGEST = 65_536;

/**
 * Collects packets until they are taken for sending. A region of a block is written once and never
 * again, so pieces stay as they are for as long as the socket holds them.
 */
export class Outbox {
  readonly #allocate: Allocate;
  #pieces: Uint8Array[] = [];
  /** How many at the front of `#pieces` have been taken. */
  #taken = 0;
  #block: Uint8Array | undefined;
  /** The run of octets in the block that is not yet among the pieces. */
  #runStart = 0;
  #runEnd = 0;
  #length = 0;

  constructor(allocate: Allocate) {
    this.#allocate = allocate;
  }

  /** Octets that wait. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds one packet: the TPKT header, `header`, then `payload` from `start` up to, not including,
   * `end`. A payload of 8192 octets or more is not copied and must not change until it is sent.
   */
  packet(header: readonly number[], payload: Uint8Array, start: number, end: number): void {
    const payloadLength = end - start;
    const headerLength = TPKT_HEADER_LENGTH + header.length;
    const copied = payloadLength < SEND_VIEW_FROM;
    const block = this.#room(copied ? headerLength + payloadLength : headerLength);
    let offset = writeTpktHeader(block, this.#runEnd, header.length + payloadLength);
    for (let i = 0; i < header.length; i += 1) {
      block[offset] = header[i] as number;
      offset += 1;
    }
    if (copied) {
      copyOctets(payload, start, end, block, offset);
      this.#runEnd = offset + payloadLength;
    } else {
      this.#runEnd = offset;
      this.#closeRun();
      this.#pieces.push(
        start === 0 && end === payload.length ? payload : payload.subarray(start, end),
      );
    }
    this.#length += headerLength + payloadLength;
  }

  /** Takes what waits, in order: whole pieces until at least `enough` octets, or everything. */
  take(enough: number): readonly Uint8Array[] {
    this.#closeRun();
    if (this.#length <= enough) {
      const pieces = this.#taken === 0 ? this.#pieces : this.#pieces.slice(this.#taken);
      this.clear();
      return pieces;
    }
    const first = this.#taken;
    let octets = 0;
    while (octets < enough) {
      octets += this.#pieces[this.#taken]?.length ?? enough;
      this.#taken += 1;
    }
    this.#length -= octets;
    const pieces = this.#pieces.slice(first, this.#taken);
    // Removed in bulk, so that the cost of a piece does not grow with the number that wait.
    if (this.#taken * 2 > this.#pieces.length) {
      this.#pieces.splice(0, this.#taken);
      this.#taken = 0;
    }
    return pieces;
  }

  /** Forgets what waits: the stream is gone. */
  clear(): void {
    this.#pieces = [];
    this.#taken = 0;
    this.#runStart = this.#runEnd;
    this.#length = 0;
  }

  /** A block with room for `length` more octets behind the current run. */
  #room(length: number): Uint8Array {
    if (this.#block === undefined || this.#block.length - this.#runEnd < length) {
      this.#closeRun();
      this.#block = this.#allocate(
        Math.min(Math.max(BLOCK_SMALLEST, 2 * this.#length), BLOCK_LARGEST),
      );
      this.#runStart = 0;
      this.#runEnd = 0;
    }
    return this.#block;
  }

  #closeRun(): void {
    if (this.#block !== undefined && this.#runEnd > this.#runStart) {
      this.#pieces.push(this.#block.subarray(this.#runStart, this.#runEnd));
      this.#runStart = this.#runEnd;
    }
  }
}

/** Below this many octets a loop is faster than the call of `set` and the view it needs. */
const LOOP_BELOW = 48;

function copyOctets(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  offset: number,
): void {
  if (end - start < LOOP_BELOW) {
    for (let i = start, o = offset; i < end; i += 1, o += 1) {
      to[o] = from[i] as number;
    }
  } else {
    to.set(start === 0 && end === from.length ? from : from.subarray(start, end), offset);
  }
}
