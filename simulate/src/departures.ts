/**
 * What one of our connections sends, read a second time and beside the library: how much user data it is, and whether
 * the order of TPDUs of class 2 is kept.
 */
import { DR, DT, EA, ED, ER, TPKT_HEADER } from './tpdu-codes.js';

/** Octets of a packet that are looked at: up to both references, or the whole header of a DT or ED. */
const MOST_HEAD = 10;

/** The octets that one socket was given to send. */
export class Departures {
  /** Octets of user data in DT and ED. */
  userOctets = 0;
  /** ED that have left. */
  expedited = 0;
  /** Both references, once the connection is open: theirs and ours, as a DR of this connection has them. */
  references: { readonly theirs: number; readonly ours: number } | undefined;
  /** Each ED is to be acknowledged. */
  hasAcks = false;
  /** What was wrong. */
  fault: { readonly rule: 'ack' | 'release'; readonly message: string } | undefined;
  /** The first TPDU refuses the CR: what comes after that is dropped. */
  isRefusal = false;
  #isAckDue = false;
  #isAfterDr = false;
  #isFirst = true;
  #head = Buffer.alloc(MOST_HEAD);
  #have = 0;
  /** Lengths of the packet and of its header, once they are known. */
  #length = 0;
  #headLength = TPKT_HEADER + 2;

  /** An EA goes to the connection. */
  acknowledged(): void {
    this.#isAckDue = false;
  }

  push(octets: Buffer): void {
    for (let at = 0; at < octets.length; ) {
      if (this.#have < this.#headLength) {
        this.#head[this.#have] = octets[at] as number;
        this.#have += 1;
        at += 1;
        this.#judgeHead();
      } else {
        const count = Math.min(octets.length - at, this.#length - this.#have);
        this.#have += count;
        at += count;
        this.userOctets += this.#isData ? count : 0;
      }
      if (this.#length > 0 && this.#have === this.#length) {
        this.#have = 0;
        this.#length = 0;
        this.#headLength = TPKT_HEADER + 2;
      }
    }
  }

  get #code(): number {
    return (this.#head[TPKT_HEADER + 1] as number) & 0xf0;
  }

  get #isData(): boolean {
    return this.#code === DT || this.#code === ED;
  }

  #judgeHead(): void {
    if (this.#have === TPKT_HEADER + 2 && this.#length === 0) {
      this.#length = this.#head.readUInt16BE(2);
      const li = this.#head[TPKT_HEADER] as number;
      this.#headLength = this.#isData
        ? TPKT_HEADER + 1 + li
        : Math.min(this.#length, MOST_HEAD, TPKT_HEADER + 1 + li);
    }
    if (this.#length > 0 && this.#have === this.#headLength) {
      this.#tpdu();
    }
  }

  #tpdu(): void {
    const code = this.#code;
    if (this.#isFirst) {
      this.#isFirst = false;
      this.isRefusal = code === DR || code === ER;
    }
    if (this.#isData && this.#isAckDue) {
      this.fault ??= { rule: 'ack', message: `${nameOf(code)} left while an EA was due` };
    }
    if ((this.#isData || code === EA) && this.#isAfterDr) {
      this.fault ??= { rule: 'release', message: `${nameOf(code)} left behind the DR` };
    }
    if (code === ED) {
      this.expedited += 1;
      this.#isAckDue = this.hasAcks;
    }
    if (code === DR && this.references !== undefined) {
      const { theirs, ours } = this.references;
      const at = TPKT_HEADER + 2;
      this.#isAfterDr ||=
        this.#head.readUInt16BE(at) === theirs && this.#head.readUInt16BE(at + 2) === ours;
    }
  }
}

function nameOf(code: number): string {
  return new Map([
    [DT, 'a DT'],
    [ED, 'an ED'],
    [EA, 'an EA'],
  ]).get(code) as string;
}
