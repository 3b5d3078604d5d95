/**
 * A peer that does not use the library: another machine that sends any octets and acts in its own time, even
 * while the event loop is blocked.
 */
import type { Clock } from './clock.js';
import type { Direction } from './ledger.js';
import type { RawAct, Service } from './plan.js';
import type { TcpEnd } from './tcp.js';

const CR = Buffer.from('0300000b06e00000123400', 'hex');
const EMPTY_DT = Buffer.from('0300000702f080', 'hex');
const DT_HEADER = 7;
const EOT_AT = 6;
/** Length of a TPKT header, and offset of SRC-REF in the packet of a CR. */
const TPKT_HEADER = 4;
const SRC_REF_AT = 8;
/** Most octets of one read. */
const READ_AT_ONCE = 65_536;
const CR_LENGTH = 11;
const LONGEST_PACKET = 65_535;

/** One such peer, at its end of a TCP connection. */
export class RawPeer {
  readonly #end: TcpEnd;
  readonly #clock: Clock;
  readonly #service: Service;
  readonly #acts: RawAct[];
  /** The TSDUs that it sends. */
  readonly #direction: Direction;
  /** Pieces that the kernel has not accepted yet, from index `#sent` on. */
  #waiting: Buffer[] = [];
  #sent = 0;
  #received = 0;
  #start = Buffer.alloc(0);
  #reads = true;
  #isAsleep = false;
  #awaited: { octets: number; until: number } | undefined;
  #isDone = false;

  constructor(
    end: TcpEnd,
    clock: Clock,
    service: Service,
    acts: readonly RawAct[],
    direction: Direction,
  ) {
    this.#end = end;
    this.#clock = clock;
    this.#service = service;
    this.#acts = [...acts];
    this.#direction = direction;
    end.user = { onChange: () => this.#onChange() };
    this.#onChange();
  }

  #onChange(): void {
    if (this.#isDone) {
      return;
    }
    while (this.#reads && this.#end.unread > 0) {
      const octets = this.#end.read(READ_AT_ONCE);
      if (this.#received < CR_LENGTH) {
        this.#start = Buffer.concat([this.#start, octets]);
      }
      this.#received += octets.length;
    }
    this.#flush();
    this.#goOn();
  }

  /** Writes what the kernel accepts; returns true if nothing waits any more. */
  #flush(): boolean {
    for (; this.#sent < this.#waiting.length; this.#sent += 1) {
      const next = this.#waiting[this.#sent] as Buffer;
      const count = this.#end.write(next);
      if (count < next.length) {
        this.#waiting[this.#sent] = next.subarray(count);
        return false;
      }
    }
    this.#waiting = [];
    this.#sent = 0;
    return true;
  }

  #goOn(): void {
    while (!this.#isAsleep && !this.#isDone && this.#mayGoOn()) {
      const act = this.#acts.shift();
      if (act === undefined) {
        return;
      }
      this.#do(act);
      this.#flush();
    }
  }

  #mayGoOn(): boolean {
    const isNext = this.#acts[0]?.[0];
    if (this.#end.resetAt !== undefined) {
      this.#finish(() => this.#end.close());
      return false;
    }
    if (this.#awaited !== undefined) {
      if (this.#received < this.#awaited.octets && this.#clock.now < this.#awaited.until) {
        return false;
      }
      this.#awaited = undefined;
    }
    // A reset and `vanish` do not wait until everything is sent.
    return (
      this.#waiting.length === 0 || isNext === 'reset' || isNext === 'vanish' || isNext === 'wait'
    );
  }

  #do(act: RawAct): void {
    switch (act[0]) {
      case 'wait':
        this.#sleep(act[1]);
        break;
      case 'await':
        if (this.#service === 'tpkt') {
          break;
        }
        this.#awaited = { octets: act[1], until: this.#clock.now + act[2] };
        this.#clock.at(this.#awaited.until, () => this.#goOn());
        break;
      case 'connect':
        // TPKT alone has no CR and no answer to wait for.
        this.#send(...(this.#service === 'cotp' ? [CR] : []));
        break;
      case 'confirm':
        this.#answer('0300000b06d00000432100');
        break;
      case 'refuse':
        this.#answer('0300000b06800000000001');
        break;
      case 'send':
        for (let count = 0; count < act[2]; count += 1) {
          this.#message(act[1], act[3]);
        }
        break;
      case 'unfinished':
        this.#send(...this.#unfinished(act[1], act[2]));
        break;
      case 'empty':
        if (this.#service === 'tpkt') {
          break;
        }
        this.#send(Buffer.alloc(act[1] * EMPTY_DT.length, EMPTY_DT));
        break;
      case 'drip':
        this.#drip(act[1], act[2], act[3]);
        break;
      case 'octets':
        this.#send(Buffer.from(act[1], 'hex'));
        break;
      case 'reading':
        this.#reads = act[1];
        this.#clock.at(this.#clock.now, () => this.#onChange());
        break;
      case 'fin':
        this.#end.shutdown();
        break;
      case 'reset':
        this.#finish(() => this.#end.reset());
        break;
      case 'close':
        this.#finish(() => this.#end.close());
        break;
      case 'vanish':
        this.#finish(() => this.#end.vanish());
        break;
    }
  }

  #finish(how: () => void): void {
    this.#isDone = true;
    this.#waiting = [];
    how();
  }

  #sleep(milliseconds: number): void {
    this.#isAsleep = true;
    this.#clock.at(this.#clock.now + milliseconds, () => {
      this.#isAsleep = false;
      this.#onChange();
    });
  }

  #send(...octets: readonly Buffer[]): void {
    this.#waiting.push(...octets);
  }

  /** Sends a CC or DR for the received CR. */
  #answer(hex: string): void {
    const octets = Buffer.from(hex, 'hex');
    if (this.#start.length >= CR_LENGTH) {
      octets.writeUInt16BE(this.#start.readUInt16BE(SRC_REF_AT), TPKT_HEADER + 2);
    }
    this.#send(octets);
  }

  #message(size: number, most: number): void {
    this.#send(Buffer.concat(this.#packets(size, most)));
    this.#direction.wrote(size);
  }

  #packets(size: number, most: number): Buffer[] {
    const message = this.#direction.next(size);
    if (this.#service === 'tpkt') {
      const header = Buffer.from([3, 0, 0, 0]);
      header.writeUInt16BE(TPKT_HEADER + size, 2);
      return [Buffer.concat([header, message])];
    }
    const packets: Buffer[] = [];
    for (let at = 0; at < size; at += most) {
      packets.push(dt(message.subarray(at, at + most), at + most >= size));
    }
    return packets;
  }

  /** With TPKT alone a message is a packet, so the packet does not end. */
  #unfinished(size: number, count: number): Buffer[] {
    if (this.#service === 'cotp') {
      return Array.from({ length: count }, () => dt(Buffer.alloc(size, 0x55), false));
    }
    const packet = Buffer.alloc(Math.min(size * count, LONGEST_PACKET - 1) + TPKT_HEADER, 0x55);
    packet.writeUInt16BE(0x0300, 0);
    packet.writeUInt16BE(LONGEST_PACKET, 2);
    return [packet.subarray(0, LONGEST_PACKET - 1)];
  }

  #drip(size: number, atOnce: number, pause: number): void {
    const all = Buffer.concat(this.#packets(size, size));
    this.#direction.wrote(size);
    const acts: RawAct[] = [];
    for (let at = 0; at < all.length; at += atOnce) {
      acts.push(['octets', all.subarray(at, at + atOnce).toString('hex')], ['wait', pause]);
    }
    this.#acts.unshift(...acts);
  }
}

function dt(userData: Buffer, isLast: boolean): Buffer {
  const packet = Buffer.concat([EMPTY_DT, userData]);
  packet.writeUInt16BE(DT_HEADER + userData.length, 2);
  packet[EOT_AT] = isLast ? 0x80 : 0;
  return packet;
}
