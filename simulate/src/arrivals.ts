/**
 * A second reader beside the library: finds which TSDUs of a stream have arrived completely. It supports only
 * what the peers of a world send.
 */

const HEADER = 4;
const DT_HEADER = 3;
const DT = 0xf0;
const EOT = 0x80;

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
  #isOpen: boolean;
  #head = Buffer.alloc(HEADER + DT_HEADER);
  #have = 0;
  /** Length of the packet being read, once its header is known. */
  #length = 0;

  /** @param isTpkt true if each packet is a message. With COTP a TSDU has at most `maxTsduSize` octets */
  constructor(isTpkt: boolean, maxTsduSize: number) {
    this.#isTpkt = isTpkt;
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
    } else if (this.#head[HEADER] !== 2 || this.#head[HEADER + 1] !== DT) {
      this.isBroken = true;
    } else {
      this.unfinished += length - HEADER - DT_HEADER;
      if (this.unfinished > this.#maxTsduSize) {
        this.isBroken = true;
      } else if (this.#head[HEADER + 2] === EOT && this.unfinished > 0) {
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
