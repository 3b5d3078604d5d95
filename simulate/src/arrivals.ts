/**
 * A second reader beside the library: finds which TSDUs of a stream have arrived completely. It supports only
 * what the peers of a world send.
 */

const HEADER = 4;
const DT_HEADER = 3;
const DT = 0xf0;
const EOT = 0x80;
/** LI of a DT of class 2, which has both the reference and the number. */
const CLASS2_LI = 4;
/** Where the class of a CR or CC is in its packet. */
const CLASS_AT = HEADER + 6;
/** What may come beside DT on an open connection: ED in both classes, the others in class 2. */
const ED = 0x10;
const CLASS2_TPDUS = [ED, 0x20, 0x80, 0xc0];

/** What one socket has received. */
export class Arrivals {
  /** Complete packets. */
  packets = 0;
  /** Complete TSDUs, and their octets. */
  messages = 0;
  octets = 0;
  /** Octets of the incomplete TSDU. */
  unfinished = 0;
  /** Size of the largest TSDU so far, in octets. */
  largest = 0;
  /**
   * The next octets end the connection: they are not a packet, not a DT after the first packet, or a TSDU
   * that is too large.
   */
  isBroken = false;
  readonly #isTpkt: boolean;
  readonly #maxTsduSize: number;
  readonly #takesClass2: boolean;
  #isOpen: boolean;
  #isClass2 = false;
  #head = Buffer.alloc(CLASS_AT + 1);
  #have = 0;
  /** Length of the packet being read, once its header is known. */
  #length = 0;

  /**
   * @param isTpkt true if each packet is a message. With COTP a TSDU has at most `maxTsduSize` octets
   * @param takesClass2 the class of the CR or CC counts; else it is class 0
   */
  constructor(isTpkt: boolean, maxTsduSize: number, takesClass2: boolean) {
    this.#isTpkt = isTpkt;
    this.#takesClass2 = takesClass2;
    this.#isOpen = isTpkt;
    this.#maxTsduSize = maxTsduSize;
  }

  /** True within a packet or a TSDU: the stream must not end here. */
  get isWithin(): boolean {
    return this.#have > 0 || this.unfinished > 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.isBroken) {
      if (this.#have < this.#head.length && (this.#length === 0 || this.#have < this.#length)) {
        this.#head[this.#have] = chunk[at] as number;
        this.#have += 1;
        at += 1;
        this.#judgeHeader();
      } else {
        const count = Math.min(chunk.length - at, this.#length - this.#have);
        this.#have += count;
        at += count;
      }
      if (this.#length > 0 && this.#have === this.#length) {
        this.#packet();
      }
    }
  }

  #judgeHeader(): void {
    if (this.#have === HEADER) {
      this.#length = this.#head.readUInt16BE(2);
      this.isBroken = this.#head[0] !== 3 || this.#length < HEADER + DT_HEADER;
    }
  }

  #packet(): void {
    const length = this.#length;
    this.packets += 1;
    this.#have = 0;
    this.#length = 0;
    if (this.#isTpkt) {
      this.#message(length - HEADER);
    } else if (!this.#isOpen) {
      // CR or CC.
      this.#isOpen = true;
      this.#isClass2 = this.#takesClass2 && (this.#head[CLASS_AT] ?? 0) >> 4 === 2;
    } else {
      this.#tpdu(length - HEADER);
    }
  }

  #tpdu(length: number): void {
    const li = this.#head[HEADER] as number;
    const code = this.#head[HEADER + 1] as number;
    if (this.#isClass2 ? CLASS2_TPDUS.includes(code) : this.#takesClass2 && code === ED) {
      return;
    }
    if (li !== (this.#isClass2 ? CLASS2_LI : 2) || code !== DT) {
      this.isBroken = true;
    } else {
      this.unfinished += length - 1 - li;
      if (this.unfinished > this.#maxTsduSize) {
        this.isBroken = true;
      } else if (this.#head[HEADER + li] === EOT && this.unfinished > 0) {
        this.#message(this.unfinished);
        this.unfinished = 0;
      }
    }
  }

  #message(octets: number): void {
    this.messages += 1;
    this.octets += octets;
    this.largest = Math.max(this.largest, octets);
  }
}
