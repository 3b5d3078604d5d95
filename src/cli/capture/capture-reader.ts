/**
 * Reads a capture file piece by piece: packets, IP, TCP, TPKTs. It needs no other program. What it keeps is
 * bounded, whatever the size of the file.
 */
import {
  addressOf,
  CUT,
  type IpPayload,
  mayBeTcp,
  readExtensions,
  readIp,
  TCP,
  type Unread,
} from './ip.js';
import { IpFragments } from './ip-fragments.js';
import { HeldOctets, LIMITS, type Limits } from './limits.js';
import { ipStart } from './link-layer.js';
import { type CapturedPacket, DamagedFile, type PacketReader } from './packet.js';
import { isPcap, PcapReader } from './pcap.js';
import { isPcapng, PcapngReader } from './pcapng.js';
import { readTcp } from './tcp.js';
import { type Flow, type TcpEnding, TcpStreams } from './tcp-streams.js';
import type { Frame } from './tpkt-direction.js';

export { PIECE_COST } from './limits.js';

/** What a capture contains, in the order of its frames. */
export type CaptureEvent = {
  /** Absent if it is about the whole capture. */
  readonly frame?: Frame | undefined;
  readonly flow?: Flow | undefined;
} & (
  | { readonly tpkt: Buffer }
  /** Something is missing or cannot be read: a sentence. */
  | { readonly lost: string }
  /** TCP is over. The flow is that of the side that was the first to end it, if that is known. */
  | { readonly ended: TcpEnding }
);

/** True if the octets begin like a capture file. */
export function isCapture(octets: Buffer): boolean {
  return isPcap(octets) || isPcapng(octets);
}

/** Packets that are not read, for one reason. */
interface UnreadPackets {
  readonly first: Frame;
  count: number;
}

/** Reasons of which the packets are counted; those of all others are counted together. */
const MAX_REASONS = 32;

/** Reads one capture file. */
export class CaptureReader {
  readonly #file: PacketReader;
  readonly #streams: TcpStreams;
  readonly #fragments: IpFragments;
  readonly #held: HeldOctets;
  readonly #unread = new Map<string, UnreadPackets>();
  #events: CaptureEvent[] = [];
  #frame: Frame = { number: 0, time: undefined };
  #isEnded = false;
  #cutPackets = 0;

  /** @param start the first octets of the file, at least four, which `push` gets too */
  constructor(start: Buffer, limits: Limits = LIMITS) {
    const receiver = {
      packet: (packet: CapturedPacket) => this.#packet(packet),
      lost: (lost: string, frame?: Frame) => this.#events.push({ lost, frame }),
    };
    this.#file = isPcap(start) ? new PcapReader(receiver) : new PcapngReader(receiver);
    this.#held = new HeldOctets(limits.heldOctets);
    this.#streams = new TcpStreams(
      {
        tpkt: (tpkt, frame, flow) => this.#events.push({ tpkt, frame, flow }),
        lost: (lost, frame, flow) => this.#events.push({ lost, frame, flow }),
        ended: (ended, frame, flow) => this.#events.push({ ended, frame, flow }),
      },
      limits,
      this.#held,
    );
    this.#fragments = new IpFragments(limits.datagrams, this.#held, (first, frame, why) =>
      this.#incomplete(first, frame, why),
    );
  }

  /** Octets that wait for others, as they are counted: see `Limits`. */
  get held(): number {
    return this.#held.count;
  }

  /** Packets that lack octets of TCP, or the headers before it, as the snap length has cut them. */
  get cutPackets(): number {
    return this.#cutPackets;
  }

  /** Reads on. The octets of the events are valid until the next call. */
  push(octets: Buffer): readonly CaptureEvent[] {
    this.#attempt(() => this.#file.push(octets));
    return this.#events.splice(0);
  }

  /** Ends the file. @param fault why no more of it can be read, if it has not ended */
  end(fault?: string): readonly CaptureEvent[] {
    this.#attempt(() => (fault === undefined ? this.#file.end() : this.#stop(fault)));
    this.#stop();
    return this.#events.splice(0);
  }

  /** Runs a step; after damage to the file nothing more of it is read. */
  #attempt(step: () => void): void {
    if (this.#isEnded) {
      return;
    }
    try {
      step();
    } catch (error) {
      if (!(error instanceof DamagedFile)) {
        throw error;
      }
      this.#stop(error.message);
    }
  }

  #stop(fault?: string): void {
    if (this.#isEnded) {
      return;
    }
    this.#isEnded = true;
    this.#fragments.end();
    this.#streams.end(this.#frame);
    for (const [reason, { count, first }] of this.#unread) {
      const packets = count === 1 ? '1 packet is' : `${count} packets are`;
      this.#events.push({ lost: `${packets} not read: ${reason}`, frame: first });
    }
    if (fault !== undefined) {
      this.#events.push({ lost: fault });
    }
  }

  #packet({ frame: number, time, linkType, octets, wireLength }: CapturedPacket): void {
    const frame = { number, time };
    this.#frame = frame;
    const start = ipStart(linkType, octets, wireLength);
    if (typeof start === 'number') {
      this.#ip(readIp(octets.subarray(start), wireLength - start), frame);
    } else if (start !== undefined) {
      this.#countUnread(start.unread, frame);
    }
  }

  #ip(found: IpPayload | Unread, frame: Frame): void {
    if ('unread' in found) {
      this.#countUnread(found.unread, frame);
    } else if (found.fragment !== undefined) {
      this.#cutPackets += mayBeTcp(found) && found.octets.length < found.length ? 1 : 0;
      const whole = mayBeTcp(found) && this.#fragments.add(found, found.fragment, frame);
      // Headers may be within the fragments, before TCP.
      if (whole) {
        this.#ip(readExtensions(whole), frame);
      }
    } else if (found.protocol === TCP) {
      this.#tcp(found, frame);
    }
  }

  #tcp(ip: IpPayload, frame: Frame): void {
    const segment = readTcp(ip.octets, ip.length);
    if (segment === 'cut') {
      this.#countUnread(CUT.unread, frame);
    } else if (segment === undefined) {
      this.#countUnread('wrong TCP header', frame);
    } else {
      this.#cutPackets += segment.missing > 0 ? 1 : 0;
      this.#streams.receive(ip, segment, frame);
    }
  }

  #incomplete({ source, destination }: IpPayload, frame: Frame, why: string): void {
    const ends = `${addressOf(source)} > ${addressOf(destination)}`;
    this.#events.push({
      lost: `an IP datagram from ${ends} is not read: ${why}`,
      frame,
    });
  }

  #countUnread(reason: string, frame: Frame): void {
    this.#cutPackets += reason === CUT.unread ? 1 : 0;
    const isKnown = this.#unread.has(reason) || this.#unread.size < MAX_REASONS;
    const key = isKnown ? reason : 'other reasons';
    const packets = this.#unread.get(key) ?? { first: frame, count: 0 };
    packets.count += 1;
    this.#unread.set(key, packets);
  }
}
