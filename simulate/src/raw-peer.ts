/**
 * A peer that does not use the library: another machine that sends any octets and acts in its own time, even
 * while the event loop is blocked.
 */
import type { Clock } from './clock.js';
import type { Direction } from './ledger.js';
import type { RawAct, Service } from './plan.js';
import { RawProcedure } from './raw-procedure.js';
import {
  acknowledgement,
  disconnectRequest,
  dt,
  expedited,
  foreign,
  request,
  tpkt,
} from './raw-tpdus.js';
import type { TcpEnd } from './tcp.js';
import { TPKT_HEADER } from './tpdu-codes.js';

const CR = Buffer.from('0300000b06e00000123400', 'hex');
/** Most octets of one read. */
const READ_AT_ONCE = 65_536;
const LONGEST_PACKET = 65_535;

/** What cannot be sent before the answer to a CR of class 2. */
const WITH_REFERENCE: ReadonlySet<RawAct[0]> = new Set<RawAct[0]>([
  'send',
  'unfinished',
  'empty',
  'drip',
  'ed',
  'concatenated',
  'dr',
  'foreign',
]);

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
  readonly #procedure: RawProcedure;
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
    this.#procedure = new RawProcedure(service, acts);
    end.user = { onChange: () => this.#onChange() };
    this.#onChange();
  }

  #onChange(): void {
    if (this.#isDone) {
      return;
    }
    while (this.#reads && this.#end.unread > 0) {
      const octets = this.#end.read(READ_AT_ONCE);
      this.#received += octets.length;
      const { answers, isEnd } = this.#procedure.receive(octets);
      this.#send(...answers);
      if (isEnd) {
        this.#acts.unshift(['fin']);
      }
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
    if (this.#procedure.isAssociating && isNext !== undefined && WITH_REFERENCE.has(isNext)) {
      return false;
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
      case 'connect2':
        this.#procedure.isAssociating = true;
        this.#send(request(act[1]));
        break;
      case 'confirm':
        this.#send(this.#procedure.answer('0300000b06d00000432100'));
        break;
      case 'confirm2':
        this.#send(this.#procedure.confirm(act[1]));
        break;
      case 'refuse':
        this.#send(this.#procedure.answer('0300000b06800000000001'));
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
        this.#repeat(this.#dt(Buffer.alloc(0), true), act[1]);
        break;
      case 'ed':
        this.#expedited(act[1]);
        break;
      case 'concatenated':
        this.#concatenated(act[1], act[2]);
        break;
      case 'dr':
        this.#disconnect(act[1], act[2]);
        break;
      case 'foreign':
        if (this.#procedure.association.tpClass === 2) {
          this.#repeat(foreign(act[1]), act[2]);
        }
        break;
      case 'answering':
        this.#procedure.isAnswering = act[1];
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

  #repeat(packet: Buffer, count: number): void {
    this.#send(Buffer.alloc(count * packet.length, packet));
  }

  #dt(userData: Buffer, isLast: boolean): Buffer {
    return tpkt(dt(this.#procedure.association, userData, isLast));
  }

  #expedited(count: number): void {
    for (let sent = 0; sent < count && this.#procedure.association.isExpedited; sent += 1) {
      const data = this.#direction.nextExpedited();
      this.#send(tpkt(expedited(this.#procedure.association, data)));
      this.#direction.wroteExpedited(data.length);
    }
  }

  #concatenated(acknowledgements: number, size: number): void {
    if (this.#procedure.association.tpClass !== 2) {
      return;
    }
    const message = this.#direction.next(size);
    const ea = acknowledgement(this.#procedure.association).subarray(TPKT_HEADER);
    const all = [
      ...Array.from({ length: acknowledgements }, () => ea),
      dt(this.#procedure.association, message, true),
    ];
    this.#send(tpkt(Buffer.concat(all)));
    this.#direction.wrote(size);
  }

  #disconnect(reason: number, information: number): void {
    if (this.#procedure.association.tpClass === 2) {
      this.#direction.isDropped = true;
      this.#send(disconnectRequest(this.#procedure.association, reason, information));
    }
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
      packets.push(this.#dt(message.subarray(at, at + most), at + most >= size));
    }
    return packets;
  }

  /** With TPKT alone a message is a packet, so the packet does not end. */
  #unfinished(size: number, count: number): Buffer[] {
    if (this.#service === 'cotp') {
      return Array.from({ length: count }, () => this.#dt(Buffer.alloc(size, 0x55), false));
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
