/**
 * What a stream of octets means, read a second time and beside the library: which TSDUs have arrived
 * whole. It understands as much as the peers of a world send.
 */
import { CR, DC, DR, DT, EA, ED, TPKT_HEADER } from './tpdu-codes.js';

/** Octets of a DT header in class 0 and in class 2. */
const DT_HEADER = 3;
const NORMAL_DT_HEADER = 5;
const MOST_HEAD = TPKT_HEADER + NORMAL_DT_HEADER;

const EOT = 0x80;

/** The octets that one socket has taken in. */
export class Arrivals {
  /** Packets that are complete. */
  packets = 0;
  /** TSDUs that are complete, and their octets. */
  messages = 0;
  octets = 0;
  /** Octets of the one that is not. */
  unfinished = 0;
  /** The largest so far. */
  largest = 0;
  /** What came next ends the connection: no packet, a TPDU that may not come, or a TSDU too large. */
  isBroken = false;
  /** The peer has ended the connection by a DR. */
  isEnded = false;
  /** The connection takes no data any more: of what comes only EA count. */
  isDropping = false;
  /** Called for each EA. */
  onAck: () => void = () => {};
  readonly #isTpkt: boolean;
  readonly #maxTsduSize: number;
  #isOpen: boolean;
  #head = Buffer.alloc(MOST_HEAD);
  #have = 0;
  /** Length of the packet being read, once its header is known. */
  #length = 0;
  /** The octets of a packet that begins with another TPDU than a DT: it may hold several. */
  #other: Buffer[] = [];

  /** @param isTpkt each packet is a message; of COTP a TSDU has at most `maxTsduSize` octets */
  constructor(isTpkt: boolean, maxTsduSize: number) {
    this.#isTpkt = isTpkt;
    this.#isOpen = isTpkt;
    this.#maxTsduSize = maxTsduSize;
  }

  /** Within a packet or a TSDU: the stream must not end here. */
  get isWithin(): boolean {
    return this.#have > 0 || this.unfinished > 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.isBroken) {
      if (this.#have < MOST_HEAD && (this.#length === 0 || this.#have < this.#length)) {
        this.#head[this.#have] = chunk[at] as number;
        this.#have += 1;
        at += 1;
        this.#judgeHeader();
      } else {
        const count = Math.min(chunk.length - at, this.#length - this.#have);
        if (!this.#isTpkt && this.#code !== DT) {
          this.#other.push(chunk.subarray(at, at + count));
        }
        this.#have += count;
        at += count;
      }
      if (this.#length > 0 && this.#have === this.#length) {
        this.#packet();
      }
    }
  }

  get #code(): number {
    return this.#head[TPKT_HEADER + 1] as number;
  }

  #judgeHeader(): void {
    if (this.#have === TPKT_HEADER) {
      this.#length = this.#head.readUInt16BE(2);
      this.isBroken = this.#head[0] !== 3 || this.#length < TPKT_HEADER + DT_HEADER;
    }
  }

  #packet(): void {
    const length = this.#length;
    const nsdu = this.#head.subarray(TPKT_HEADER, Math.min(length, MOST_HEAD));
    const other = this.#other;
    this.packets += 1;
    this.#have = 0;
    this.#length = 0;
    this.#other = [];
    if (this.#isTpkt) {
      this.#message(length - TPKT_HEADER);
    } else if (!this.#isOpen) {
      // CR or CC.
      this.#isOpen = true;
    } else if (this.#code === DT) {
      this.#dt(nsdu, length - TPKT_HEADER);
    } else {
      this.#tpdus(Buffer.concat([nsdu, ...other]));
    }
  }

  /** The TPDUs of a packet: those without user data end where LI says. */
  #tpdus(nsdu: Buffer): void {
    for (let at = 0; at < nsdu.length && !this.isBroken; ) {
      const tpdu = nsdu.subarray(at);
      const [li = 0, code = 0] = tpdu;
      switch (code) {
        case EA:
          this.onAck();
          break;
        case DC:
          break;
        case DT:
          this.#dt(tpdu, tpdu.length);
          return;
        case DR:
          // One that names no reference of ours is for another connection.
          this.isEnded ||= tpdu.length > 3 && tpdu.readUInt16BE(2) !== 0;
          return;
        case ED:
        case CR:
          return;
        default:
          this.isBroken = !this.isEnded;
          return;
      }
      at += 1 + li;
    }
  }

  #dt(header: Buffer, length: number): void {
    const [li = 0] = header;
    if (li !== DT_HEADER - 1 && li !== NORMAL_DT_HEADER - 1) {
      this.isBroken = true;
    } else if (!this.isEnded) {
      this.#data(length - 1 - li, header[li] === EOT);
    }
  }

  #data(octets: number, isLast: boolean): void {
    if (this.isDropping) {
      // Discarded whatever its size: no limit is passed, and an EA may still come.
      this.unfinished = 0;
      return;
    }
    this.unfinished += octets;
    if (this.unfinished > this.#maxTsduSize) {
      this.isBroken = true;
    } else if (isLast && this.unfinished > 0) {
      this.#message(this.unfinished);
      this.unfinished = 0;
    }
  }

  #message(octets: number): void {
    if (this.isDropping) {
      return;
    }
    this.messages += 1;
    this.octets += octets;
    this.largest = Math.max(this.largest, octets);
  }
}
