/**
 * The octets that wait to be sent, as pieces for one gathering write. Knows the framing of TPKT and no TPDUs.
 */
import { Fifo } from '../fifo.js';
import { copyOctets } from '../octets/octets.js';
import { packetLengthAt, TPKT_HEADER_LENGTH, writeTpktHeader } from '../tpkt/header.js';
import { LeavingPackets, type TpduObserver } from './observer.js';
import { type SendPool, WholeBlocks } from './send-pool.js';
import { type ExpeditedUse, type SendListener, UrgentPackets } from './urgent-packets.js';

/**
 * Payload of this many octets or more is sent as a view of the caller's buffer; less is copied
 * behind its header, which costs less than one more piece in a gathering write.
 */
export const SEND_VIEW_FROM = 8_192;

/**
 * From this many copied octets in a row on, counting those that are about to be added, packets are copied to whole
 * blocks. A whole block is used again once a plain socket has taken it, because new memory would cost more than the copy.
 */
const BLOCK_FROM = 32_768;

/**
 * Collects packets until they are taken for sending. It has more than twelve fields on purpose: an object for some of
 * them would cost memory for each connection.
 */
export class SendBuffer {
  /**
   * The owner calls {@link sent} when nobody reads the pieces any more that it has taken. Without that no whole block is
   * used again.
   */
  reportsSent = false;
  /** Octets that wait. Other classes only read it. */
  length = 0;
  /** The buffer itself shows TPDUs to the observer, when they leave. Other classes only read it. */
  showsLeaving = false;
  readonly #pool: SendPool;
  readonly #pieces = new Fifo<Uint8Array>();
  /** The block with the span of octets, behind all pieces, that packets are copied to; held only while it waits. */
  #block: Uint8Array | undefined;
  #spanStart = 0;
  #spanEnd = 0;
  /** Octets copied since the last view; 0 when nothing waits. */
  #copied = 0;
  /** The span is in a whole block. */
  #isWhole = false;
  /** Created when the connection first needs a whole block. */
  #wholeBlocks: WholeBlocks | undefined;
  /** Without `#urgent`: octets of a reply that waits before the data. It is the first of all that waits. */
  #leading = 0;
  /** The payloads among the pieces, in order: the header of each is at the end of the piece before it. */
  #payloads: Fifo<Uint8Array> | undefined;
  /** Packets that leave before the data; `undefined` for a connection that has none. */
  #urgent: UrgentPackets | undefined;

  constructor(pool: SendPool) {
    this.#pool = pool;
  }

  /**
   * Adds one packet: the TPKT header, `header`, then `payload`. A payload of 8192 octets or more is not
   * copied and must not change until it is sent.
   *
   * @param following octets of payload that are added next, in packets of their own
   */
  //= X.224 6.2.3 para 4
  //= RFC 1006 5 N-DATA
  //= RFC 2126 3.2.3.2
  addPacket(header: readonly number[], payload: Uint8Array, following = 0): void {
    const payloadLength = payload.length;
    const headerLength = TPKT_HEADER_LENGTH + header.length;
    const isCopied = payloadLength < SEND_VIEW_FROM || (this.length > 0 && isSmallPart(payload));
    const length = isCopied ? headerLength + payloadLength : headerLength;
    const block =
      isCopied && this.#copied + payloadLength + following >= BLOCK_FROM
        ? this.#extendWhole(length)
        : this.#extendSpan(length);
    let offset = writeTpktHeader(block, this.#spanEnd - length, header.length + payloadLength);
    for (let i = 0; i < header.length; i += 1) {
      block[offset] = header[i] as number;
      offset += 1;
    }
    if (isCopied) {
      copyOctets(payload, block, offset);
      this.#copied += length;
    } else {
      this.#copied = 0;
      this.#closeSpan(block);
      this.#pieces.push(payload);
      this.#payloads ??= new Fifo();
      this.#payloads.push(payload);
    }
    this.length += headerLength + payloadLength;
  }

  /** Adds whole packets as they are. 8192 octets or more are not copied and must not change until they are sent. */
  addRun(packets: Uint8Array): void {
    const { length } = packets;
    if (length < SEND_VIEW_FROM || (this.length > 0 && isSmallPart(packets))) {
      const block =
        this.#copied + length >= BLOCK_FROM ? this.#extendWhole(length) : this.#extendSpan(length);
      copyOctets(packets, block, this.#spanEnd - length);
      this.#copied += length;
    } else {
      if (this.#block !== undefined) {
        this.#closeSpan(this.#block);
      }
      this.#copied = 0;
      this.#pieces.push(packets);
    }
    this.length += length;
  }

  /**
   * From now on packets may leave before the data that waits.
   *
   * @param observer sees each TPDU when it leaves, also those that were added before
   */
  allowUrgent(expedited: ExpeditedUse, listener: SendListener, observer?: TpduObserver): void {
    const leaving = observer === undefined ? undefined : new LeavingPackets(observer);
    this.#urgent = new UrgentPackets(expedited, listener, leaving);
    this.showsLeaving = leaving !== undefined;
  }

  /**
   * Expedited data may leave before the data that waits. It cannot overtake what the stream has taken, so the owner
   * should take at most 64 KiB at a time.
   */
  get mayBeOvertaken(): boolean {
    return this.#urgent !== undefined && this.#urgent.use !== 'none';
  }

  /** Expedited data has left, and its EA is due: `shift` returns replies only. */
  get isAckDue(): boolean {
    return this.#urgent?.isAckDue ?? false;
  }

  /** Replies that wait. */
  get replies(): number {
    return this.#urgent?.replies ?? 0;
  }

  /** EDs that wait. */
  get expedited(): number {
    return this.#urgent?.expeditedCount ?? 0;
  }

  /** Octets of normal and expedited data that wait, with their headers. */
  get dataLength(): number {
    return this.length - this.#leading - (this.#urgent?.replyLength ?? 0);
  }

  /**
   * Adds a reply: one TPDU of at most a few hundred octets, which is copied. It leaves before all data, but behind a
   * packet whose header has left.
   */
  addReply(tpdu: Uint8Array): void {
    if (this.#urgent === undefined) {
      const isFirst = this.length === 0;
      this.addPacket(NO_HEADER, tpdu);
      if (isFirst) {
        this.#leading = this.length;
      }
      return;
    }
    const packet = packetOf(tpdu);
    this.#urgent.addReply(packet);
    this.length += packet.length;
  }

  /** The same for the reply that leaves first, if the observer has seen it already. */
  addShownReply(tpdu: Uint8Array): void {
    this.#urgent?.leaving?.skipNext();
    this.addReply(tpdu);
  }

  /** Adds an ED. It leaves before all packets of {@link addPacket}, and behind the EDs that wait. */
  addExpedited(tpdu: Uint8Array): void {
    const packet = packetOf(tpdu);
    this.#urgent?.addExpedited(packet);
    this.length += packet.length;
  }

  /** The EA that was due has come. */
  acknowledged(): void {
    if (this.#urgent !== undefined) {
      this.#urgent.isAckDue = false;
    }
  }

  /**
   * Octets of user data that wait, normal and expedited.
   *
   * @param headerLength octets of the header of DT and ED alike
   * @param isData whether the packet at an offset carries data: an ER may wait behind it. Default: each does
   */
  userDataLength(headerLength: number, isData: PacketTest = () => true): number {
    let octets = 0;
    for (const packet of this.#urgent?.expedited() ?? []) {
      octets += packet.length - TPKT_HEADER_LENGTH - headerLength;
    }
    // If the header of a packet has left, its payload is the first piece, without a header.
    let skipped = this.#isWithinPacket ? (this.#pieces.first?.length ?? 0) : 0;
    octets += skipped;
    skipped += this.#leading;
    for (const piece of this.#waitingPieces()) {
      let at = skipped;
      while (at < piece.length) {
        const length = packetLengthAt(piece, at);
        octets += isData(piece, at) ? length - TPKT_HEADER_LENGTH - headerLength : 0;
        at += length;
      }
      // The payload of the last packet is a piece of its own.
      skipped = at - piece.length;
    }
    return octets;
  }

  /** Drops normal and expedited data that waits, except the payload of a packet whose header has left. */
  dropData(): void {
    const rest = this.#isWithinPacket ? this.#pieces.first : undefined;
    const leading = this.#leadingReply;
    this.#pieces.clear();
    this.#payloads?.clear();
    this.#block = undefined;
    this.#copied = 0;
    this.#wholeBlocks?.forgetWaiting();
    this.#urgent?.dropExpedited();
    this.length = this.#urgent?.replyLength ?? 0;
    if (leading !== undefined) {
      this.#pieces.push(leading);
      this.length += leading.length;
    }
    if (rest !== undefined) {
      this.#pieces.push(rest);
      this.#payloads?.push(rest);
      this.length += rest.length;
    }
  }

  /** Takes out the next piece; `undefined` when nothing waits, or when nothing may leave now. */
  shift(): Uint8Array | undefined {
    const urgent = this.#urgent;
    const isPayload = urgent !== undefined && this.#isWithinPacket;
    const piece = urgent === undefined ? this.#shiftData() : this.#shiftInTurn(urgent);
    if (piece !== undefined) {
      this.length -= piece.length;
      this.#wholeBlocks?.take(piece);
      if (this.length === 0) {
        this.#copied = 0;
      }
      urgent?.leaving?.see(piece, isPayload);
      urgent?.afterShift(this.length);
    }
    return piece;
  }

  /** Nobody reads the pieces any more that were taken out. */
  sent(): void {
    this.#wholeBlocks?.release();
  }

  /** Drops what waits: the stream is closed. No block is released, because the stream may still read it. */
  clear(): void {
    this.#pieces.clear();
    this.#payloads = undefined;
    this.#urgent = undefined;
    this.#block = undefined;
    this.length = 0;
    this.#leading = 0;
    this.#copied = 0;
    this.#wholeBlocks = undefined;
  }

  /** The next piece of data is a payload whose header has left. */
  get #isWithinPacket(): boolean {
    return this.#payloads !== undefined && this.#payloads.length > 0
      ? this.#payloads.first === this.#pieces.first
      : false;
  }

  /** The reply before the data. It stays when the data is dropped. */
  get #leadingReply(): Uint8Array | undefined {
    if (this.#leading === 0) {
      return undefined;
    }
    const [first] = this.#waitingPieces();
    return first?.subarray(0, this.#leading);
  }

  #shiftData(): Uint8Array | undefined {
    this.#leading = 0;
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      return this.#block === undefined ? undefined : this.#takeSpan(this.#block);
    }
    if (this.#payloads !== undefined && piece === this.#payloads.first) {
      this.#payloads.shift();
    }
    return piece;
  }

  #shiftInTurn(urgent: UrgentPackets): Uint8Array | undefined {
    if (this.#isWithinPacket) {
      return this.#shiftData();
    }
    return urgent.shift() ?? (urgent.isAckDue ? undefined : this.#shiftData());
  }

  /** The pieces of data that wait, and the span. */
  *#waitingPieces(): Iterable<Uint8Array> {
    yield* this.#pieces;
    if (this.#block !== undefined) {
      yield this.#block.subarray(this.#spanStart, this.#spanEnd);
    }
  }

  /** Extends the span. Begins another one if the shared block has given out other memory, or the span is in a whole block. */
  #extendSpan(length: number): Uint8Array {
    const start = this.#pool.takeRegion(length);
    const { shared } = this.#pool;
    if (this.#block !== shared || this.#spanEnd !== start) {
      if (this.#block !== undefined) {
        this.#closeSpan(this.#block);
      }
      this.#block = shared;
      this.#isWhole = false;
      this.#spanStart = start;
    }
    this.#spanEnd = start + length;
    return shared;
  }

  /**
   * The same in a whole block. A span of the shared block ends as soon as another connection sends: if many connections
   * send in turn, each packet would be a piece, which uses about 110 octets beside its own.
   */
  #extendWhole(length: number): Uint8Array {
    let block = this.#block;
    if (block === undefined || !this.#isWhole || block.length - this.#spanEnd < length) {
      if (block !== undefined) {
        this.#closeSpan(block);
      }
      block = this.#newWhole();
      this.#block = block;
      this.#isWhole = true;
      this.#spanStart = 0;
      this.#spanEnd = 0;
    }
    this.#spanEnd += length;
    return block;
  }

  #newWhole(): Uint8Array {
    if (!this.reportsSent) {
      return this.#pool.newBlock();
    }
    this.#wholeBlocks ??= new WholeBlocks(this.#pool);
    return this.#wholeBlocks.acquire();
  }

  #closeSpan(block: Uint8Array): void {
    this.#pieces.push(this.#takeSpan(block));
  }

  /** Takes the span; the next packet begins another one. */
  #takeSpan(block: Uint8Array): Uint8Array {
    this.#block = undefined;
    return block.subarray(this.#spanStart, this.#spanEnd);
  }
}

/** Judges the packet that begins at `offset`. */
export type PacketTest = (packets: Uint8Array, offset: number) => boolean;

/** A chunk of a socket has at most so many octets. */
const CHUNK = 65_536;

/**
 * True for less than half of a chunk: a view of it that waits would keep all of it. A peer can fill the rest with what is
 * not counted, such as DTs without user data. Whoever writes parts of larger memory knows what is kept.
 */
function isSmallPart({ length, buffer }: Uint8Array): boolean {
  return buffer.byteLength <= CHUNK && 2 * length < buffer.byteLength;
}

const NO_HEADER: readonly number[] = [];

/** A TPDU in a packet of its own. */
function packetOf(tpdu: Uint8Array): Uint8Array {
  const packet = new Uint8Array(TPKT_HEADER_LENGTH + tpdu.length);
  copyOctets(tpdu, packet, writeTpktHeader(packet, 0, tpdu.length));
  return packet;
}
