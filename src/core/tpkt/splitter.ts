/**
 * Cuts the octet stream of TCP into TPKT packets (RFC 1006 §6), whatever cuts TCP has made in it.
 * Knows nothing of TPDUs.
 */
import { ProtocolError } from '../errors.js';
import { allocateZeroed, OctetCollector, OctetSource } from '../octets/collector.js';
import { otherProtocolHint } from '../other-protocol.js';
import { MAX_TPKT_LENGTH, MIN_TPKT_LENGTH, TPKT_HEADER_LENGTH, TPKT_VERSION } from './header.js';

/** Where the splitter puts packets. Each method gives `false` to stop the splitting for now. */
export interface PacketReceiver {
  /** A packet that lies whole in one chunk: its payload is `chunk.octets` from `start` to `end`. */
  packet(chunk: OctetSource, start: number, end: number): boolean;
  /** A packet that came in several chunks, its header still at the front. */
  packetInPieces(pieces: OctetCollector): boolean;
}

/**
 * An incremental splitter. Nothing is copied for a packet that lies in one chunk; of one that does
 * not, at most `maxLength` octets are held.
 */
export class TpktSplitter {
  /** Longest packet accepted, in octets, header included; checked before anything is stored for it. */
  maxLength: number = MAX_TPKT_LENGTH;
  readonly #receiver: PacketReceiver;
  /** The beginning of a packet whose end has not arrived. */
  readonly #partial = new OctetCollector();
  /** Octets of it: known without a look at the collector, which most packets have no need of. */
  #partialHeld = 0;
  /** Length of that packet; 0 while its header is not complete. */
  #partialLength = 0;
  /** The packet at which the receiver stopped is to come again. */
  #isUnread = false;
  /** Octets left when the receiver stopped; all later ones wait behind them until {@link resume}. */
  #waiting: OctetCollector | undefined;
  /** Octets of the stream before the packet now being read. */
  #position = 0;

  constructor(receiver: PacketReceiver) {
    this.#receiver = receiver;
  }

  /** True between two packets: no part of a packet is held. */
  get atBoundary(): boolean {
    return this.#partialHeld === 0 && this.#waiting === undefined;
  }

  /** True while octets wait because the receiver has returned `false`. */
  get isStopped(): boolean {
    return this.#waiting !== undefined;
  }

  /** Octets that wait because the receiver has returned `false`. */
  get waiting(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Octets of memory that are kept for what is {@link held}, about. */
  get pinned(): number {
    return this.#partialHeld === 0 && this.#waiting === undefined
      ? 0
      : this.#partial.pinned + (this.#waiting?.pinned ?? 0);
  }

  /** Octets still missing to complete the header, then the packet. */
  get need(): number {
    const end = this.#partialLength === 0 ? TPKT_HEADER_LENGTH : this.#partialLength;
    return this.#partialHeld === 0 ? 0 : end - this.#partialHeld;
  }

  /** Octets held: of a packet that is not complete, and those that a receiver's stop has left. */
  get held(): number {
    return this.#partialHeld + this.waiting;
  }

  /** The octets held of a packet that is not complete, as pieces. */
  pending(): readonly Uint8Array[] {
    return this.#partial.pieces();
  }

  /**
   * Takes in the next octets of the stream and hands every packet that they complete to the
   * receiver. The chunk must not be changed afterwards: packets are views of it.
   *
   * @param isOwn nobody else will look at the chunk, so a receiver may move the octets of its packets
   * @throws ProtocolError `tpkt-version` or `tpkt-length`: the boundaries are lost for good. The
   * packets before the fault have been handed over.
   */
  //= RFC 1006 5 N-DATA
  //= RFC 2126 3.2.3.2
  push(chunk: Uint8Array, isOwn = false): void {
    if (this.#waiting !== undefined) {
      this.#wait(chunk, 0);
      return;
    }
    // Asked once: a getter of typed arrays, and no cheap one.
    const chunkLength = chunk.length;
    const source = new OctetSource(chunk, isOwn);
    let offset = this.#partialHeld === 0 ? 0 : this.#completePartial(source, chunkLength);
    while (offset < chunkLength) {
      const length = this.#packetLength(chunk, offset);
      if (length === 0 || offset + length > chunkLength) {
        this.#hold(source, offset, chunkLength);
        this.#partialLength = length;
        return;
      }
      const start = offset + TPKT_HEADER_LENGTH;
      offset += length;
      this.#position += length;
      if (!this.#receiver.packet(source, start, offset)) {
        if (this.#isUnread) {
          this.#isUnread = false;
          this.#position -= length;
          offset -= length;
        }
        this.#wait(chunk, offset);
        return;
      }
    }
  }

  /**
   * Called by a receiver before it returns `false`: {@link resume} passes the same packet again, first.
   */
  unread(): void {
    this.#isUnread = true;
  }

  /** Continues after the receiver has returned `false`, with the octets that wait. `false` when none wait. */
  resume(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      return false;
    }
    this.#waiting = undefined;
    this.push(waiting.take(allocateZeroed));
    return true;
  }

  /** Copies what is held of a packet, so that it keeps no more memory than it needs. */
  compact(): void {
    if (this.#partialHeld > 0) {
      this.#partial.compact();
    }
  }

  /** Forgets everything held: the connection has ended. */
  clear(): void {
    this.#dropPartial();
    this.#partialLength = 0;
    this.#waiting = undefined;
  }

  #hold(source: OctetSource, start: number, end: number): void {
    this.#partial.appendFrom(source, start, end);
    this.#partialHeld += end - start;
  }

  #dropPartial(): void {
    this.#partial.clear();
    this.#partialHeld = 0;
  }

  /**
   * Adds the octets that are missing of the partial packet, and processes it if it is complete.
   *
   * @returns where in the chunk the next packet begins; its end if nothing is left to split
   */
  #completePartial(source: OctetSource, chunkLength: number): number {
    let offset = 0;
    while (this.#partialHeld > 0 && offset < chunkLength) {
      const end = Math.min(offset + this.need, chunkLength);
      this.#hold(source, offset, end);
      offset = end;
      if (!this.#continuePartial()) {
        this.#wait(source.octets, offset);
        return chunkLength;
      }
    }
    return offset;
  }

  /** Processes the partial packet as far as it is complete; `false` when the receiver stops the splitting. */
  #continuePartial(): boolean {
    if (this.#partialLength === 0) {
      if (this.#partialHeld < TPKT_HEADER_LENGTH) {
        return true;
      }
      // Gathered octet by octet: the header may lie in as many pieces.
      const header = Uint8Array.from(
        { length: TPKT_HEADER_LENGTH },
        (_, i) => this.#partial.at(i) ?? 0,
      );
      this.#partialLength = this.#packetLength(header, 0);
    }
    if (this.#partialHeld !== this.#partialLength) {
      return true;
    }
    this.#position += this.#partialLength;
    this.#partialLength = 0;
    const more = this.#receiver.packetInPieces(this.#partial);
    if (this.#isUnread) {
      this.#position -= this.#partialHeld;
      this.#wait(this.#partial.take(allocateZeroed), 0);
      this.#isUnread = false;
    }
    this.#dropPartial();
    return more;
  }

  /** Keeps the octets from `offset` on, if there are any. */
  #wait(chunk: Uint8Array, offset: number): void {
    if (offset < chunk.length) {
      this.#waiting ??= new OctetCollector();
      this.#waiting.append(chunk, offset, chunk.length);
    }
  }

  /** Length of the packet that begins at `offset`; 0 while its header is not complete. */
  //= RFC 1006 6 TPKT
  //= RFC 2126 4.3
  //= RFC 2126 6.10
  #packetLength(octets: Uint8Array, offset: number): number {
    if (octets[offset] !== TPKT_VERSION) {
      throw new ProtocolError('tpkt-version', octets.subarray(offset), this.#position + 1, {
        detail: `3 expected, ${octets[offset]} received`,
        hint: otherProtocolHint(octets.subarray(offset)),
      });
    }
    // RFC 2126 §6.10: the reserved octet is ignored on receipt.
    const low = octets[offset + 3];
    if (low === undefined) {
      return 0;
    }
    const length = ((octets[offset + 2] ?? 0) << 8) | low;
    if (length < MIN_TPKT_LENGTH || length > this.maxLength) {
      throw new ProtocolError('tpkt-length', octets.subarray(offset), this.#position + 3, {
        detail: `${MIN_TPKT_LENGTH} to ${this.maxLength} expected, ${length} received`,
      });
    }
    return length;
  }
}
