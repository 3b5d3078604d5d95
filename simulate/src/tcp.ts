/**
 * TCP in the kernel: buffers of limited size, octets in transit, FIN and RST. It continues while the process
 * is blocked. Where systems differ, it behaves like Linux.
 */
import type { Clock } from './clock.js';
import type { Prng } from './prng.js';

/** How the network between two ends behaves. Times in milliseconds, sizes in octets. */
export interface Path {
  readonly latency: readonly [least: number, most: number];
  /** Most octets that the receiver gets at once. */
  readonly segment: number;
  /** Percentage of segments that are cut at a random place. */
  readonly cuts: number;
  /** Percentage of segments that are delayed by another `stall` milliseconds. */
  readonly stalls: number;
  readonly stall: number;
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  /** True if a reset drops octets that the receiver has not read, as on some systems. */
  readonly resetDropsUnread: boolean;
}

/** The user of an end. It is notified when something may have changed. */
export interface EndUser {
  onChange(): void;
}

const NOTHING = Buffer.alloc(0);

const DROPPED_AT_ONCE = 1_024;

/** A queue of octets, with the arrival time of each piece. */
class OctetQueue {
  #pieces: { octets: Buffer; readonly at: number }[] = [];
  /** Index of the first remaining piece. The pieces before it are removed in batches. */
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** When the oldest octets arrived. */
  get since(): number | undefined {
    return this.#pieces[this.#first]?.at;
  }

  push(octets: Buffer, at: number): void {
    this.#pieces.push({ octets, at });
    this.#length += octets.length;
  }

  /** Removes and returns the first octets, as a view or as a copy. */
  take(count: number): Buffer {
    const taken = Math.min(count, this.#length);
    const first = this.#pieces[this.#first];
    if (first === undefined || taken === 0) {
      return NOTHING;
    }
    if (first.octets.length >= taken) {
      return this.#shift(taken);
    }
    const all = Buffer.allocUnsafeSlow(taken);
    for (let at = 0; at < taken; ) {
      at += this.#shift(taken - at).copy(all, at);
    }
    return all;
  }

  clear(): void {
    this.#pieces = [];
    this.#first = 0;
    this.#length = 0;
  }

  #shift(count: number): Buffer {
    const first = this.#pieces[this.#first];
    if (first === undefined) {
      return NOTHING;
    }
    const { octets } = first;
    if (octets.length <= count) {
      this.#first += 1;
      if (this.#first >= DROPPED_AT_ONCE || this.#first === this.#pieces.length) {
        this.#pieces.splice(0, this.#first);
        this.#first = 0;
      }
      this.#length -= octets.length;
      return octets;
    }
    first.octets = octets.subarray(count);
    this.#length -= count;
    return octets.subarray(0, count);
  }
}

/** One end of a TCP connection. */
export class TcpEnd {
  readonly port: number;
  readonly address = '127.0.0.1';
  user: EndUser | undefined;
  /** The process has closed its descriptor. */
  closed = false;
  /** When an RST arrived. */
  resetAt: number | undefined;
  /** The FIN of the peer has arrived, behind all of its octets. */
  finArrived = false;
  /** The machine of this end has disappeared: it receives, sends and acknowledges nothing. */
  vanished = false;
  readonly #clock: Clock;
  readonly #path: Path;
  readonly #prng: Prng;
  readonly #send = new OctetQueue();
  readonly #receive = new OctetQueue();
  #peer: TcpEnd | undefined;
  #inFlight = 0;
  #finWanted = false;
  #finSent = false;
  #finAcknowledged = false;
  #lastArrival = 0;
  #errorWasRead = false;

  constructor(port: number, clock: Clock, path: Path, prng: Prng) {
    this.port = port;
    this.#clock = clock;
    this.#path = path;
    this.#prng = prng;
  }

  static pair(
    clientPort: number,
    serverPort: number,
    clock: Clock,
    path: Path,
    prng: Prng,
  ): readonly [TcpEnd, TcpEnd] {
    const client = new TcpEnd(clientPort, clock, path, prng);
    const server = new TcpEnd(serverPort, clock, path, prng);
    client.#peer = server;
    server.#peer = client;
    return [client, server];
  }

  get peer(): TcpEnd {
    return this.#peer as TcpEnd;
  }

  /** Octets that have arrived and were not read. */
  get unread(): number {
    return this.#receive.length;
  }

  get unreadSince(): number | undefined {
    return this.#receive.since;
  }

  /** Octets that `write` would accept now. */
  get room(): number {
    return Math.max(0, this.#path.sendBuffer - this.#send.length - this.#inFlight);
  }

  /** True if the kernel reports room: only when a third of its buffer is free. */
  get isWritable(): boolean {
    return this.room >= this.#path.sendBuffer / 3;
  }

  /** True if the connection has ended for the kernel, so that `getpeername` fails. */
  get isOver(): boolean {
    return this.resetAt !== undefined || (this.finArrived && this.#finAcknowledged);
  }

  /** The error of a call after a reset. The first call gets the reset itself. */
  takeError(): 'ECONNRESET' | 'EPIPE' | undefined {
    if (this.resetAt === undefined) {
      return this.#finWanted ? 'EPIPE' : undefined;
    }
    const code = this.#errorWasRead || this.finArrived ? 'EPIPE' : 'ECONNRESET';
    this.#errorWasRead = true;
    return code;
  }

  read(most: number): Buffer {
    const octets = this.#receive.take(most);
    if (octets.length > 0) {
      this.peer.#transmit();
    }
    return octets;
  }

  /** Accepts as many octets as there is room for, and returns their number. */
  write(octets: Buffer): number {
    const count = Math.min(octets.length, this.room);
    if (count > 0) {
      this.#send.push(Buffer.from(octets.subarray(0, count)), this.#clock.now);
      this.#transmit();
    }
    return count;
  }

  /** Sends FIN behind the written octets. */
  shutdown(): void {
    this.#finWanted = true;
    this.#transmit();
  }

  /** The process closes the socket. With unread octets that is a reset, as on Linux (RFC 2525 2.17). */
  close(): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    if (this.#receive.length > 0 && this.resetAt === undefined) {
      this.#sendReset();
    } else {
      this.shutdown();
    }
    this.#receive.clear();
  }

  reset(): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    this.#receive.clear();
    this.#sendReset();
  }

  /** The machine of this end disappears, as if its cable was unplugged. */
  vanish(): void {
    this.vanished = true;
    this.#send.clear();
    this.#receive.clear();
  }

  #arrival(): number {
    const { latency, stalls, stall } = this.#path;
    const [least, most] = latency;
    const stalled = this.#prng.chance(stalls) ? stall : 0;
    const delay = least + (most - least) * this.#prng.fraction() + stalled;
    this.#lastArrival = Math.max(this.#lastArrival, this.#clock.now + delay);
    return this.#lastArrival;
  }

  #transmit(): void {
    const peer = this.peer;
    const { segment, receiveBuffer } = this.#path;
    while (this.#send.length > 0 && !this.vanished) {
      const window = receiveBuffer - peer.#receive.length - this.#inFlight;
      const wanted = Math.min(this.#send.length, segment);
      // A small window is not used (silly window syndrome, RFC 9293 3.8.6.2).
      if (window < Math.min(wanted, receiveBuffer / 2)) {
        break;
      }
      const most = Math.min(wanted, window);
      const isCut = most > 1 && this.#prng.chance(this.#path.cuts);
      const octets = this.#send.take(isCut ? this.#prng.between(1, most - 1) : most);
      this.#inFlight += octets.length;
      this.#clock.at(this.#arrival(), () => this.#arrived(octets));
    }
    if (this.#finWanted && !this.#finSent && this.#send.length === 0 && !this.vanished) {
      this.#finSent = true;
      this.#clock.at(this.#arrival(), () => this.#finArrivedAtPeer());
    }
  }

  #arrived(octets: Buffer): void {
    const peer = this.peer;
    if (peer.vanished) {
      return;
    }
    this.#inFlight -= octets.length;
    if (peer.resetAt !== undefined) {
      return;
    }
    if (peer.closed) {
      // The socket there is closed: the kernel answers by a reset.
      peer.#sendReset();
      return;
    }
    peer.#receive.push(octets, this.#clock.now);
    peer.user?.onChange();
    this.#transmit();
    if (this.isWritable) {
      this.user?.onChange();
    }
  }

  #finArrivedAtPeer(): void {
    const peer = this.peer;
    if (peer.vanished || peer.resetAt !== undefined) {
      return;
    }
    this.#finAcknowledged = true;
    peer.finArrived = true;
    peer.user?.onChange();
    this.user?.onChange();
  }

  #sendReset(): void {
    this.#send.clear();
    const peer = this.peer;
    this.#clock.at(this.#arrival(), () => peer.#onReset());
  }

  #onReset(): void {
    if (this.vanished || this.resetAt !== undefined) {
      return;
    }
    this.resetAt = this.#clock.now;
    this.#send.clear();
    this.#inFlight = 0;
    if (this.#path.resetDropsUnread && this.#receive.length > 0) {
      // The reader must not get a FIN after lost octets.
      this.finArrived = false;
      this.#receive.clear();
    }
    this.user?.onChange();
  }
}
