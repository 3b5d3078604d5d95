/** The TCP streams of a capture: finds the stream of each segment, and numbers them from 0. */
import { endOf, type IpPayload } from './ip.js';
import type { HeldOctets, Limits } from './limits.js';
import type { TcpSegment } from './tcp.js';
import { TcpDirection } from './tcp-direction.js';
import type { Frame, TpktReceiver } from './tpkt-direction.js';

/** One direction of a TCP stream of a capture. */
export interface Flow {
  /** Number of the stream in the capture, from 0. */
  readonly stream: number;
  /** The sender and the receiver, as `address:port`. */
  readonly from: string;
  readonly to: string;
  /** Which of the two is the client, where the input says it. */
  readonly client?: string;
  /** The same object for both directions of a stream. */
  readonly conversation: object;
}

/** How TCP ended: by FIN of both sides, by a reset, or unseen, before another connection with the same addresses. */
export type TcpEnding = 'fin' | 'reset' | 'unknown';

/** Receives what is in the streams. */
export interface FlowReceiver {
  tpkt(octets: Buffer, frame: Frame, flow: Flow): void;
  lost(sentence: string, frame: Frame, flow?: Flow): void;
  /** A stream with TPKTs is over. @param flow of the side that was the first to end it, if that is known */
  ended(how: TcpEnding, frame: Frame, flow: Flow): void;
}

/** Reports that wait until it is known whether the stream has TPKTs. */
const MAX_REPORTS = 16;

/** If there are too many streams, this part of them is taken for ended at once. */
const ENDED_PART = 1 / 64;

/** One TCP stream. What is lost in it is reported only if it has TPKTs. */
class Stream {
  readonly number: number;
  readonly #flows: readonly [Flow, Flow];
  readonly #directions: readonly TcpDirection[];
  readonly #receiver: FlowReceiver;
  /** The first FIN or RST. */
  #firstEnd: { readonly how: TcpEnding; readonly flow: Flow | undefined } | undefined;
  /** The frame of the latest FIN. */
  #finFrame: Frame | undefined;
  #isOver = false;
  #hasTpkts = false;
  readonly #reports: (() => void)[] = [];

  constructor(number: number, ends: readonly [string, string], setting: Setting) {
    this.number = number;
    this.#receiver = setting.receiver;
    const [one, other] = ends;
    this.#flows = [
      { stream: number, from: one, to: other, conversation: this },
      { stream: number, from: other, to: one, conversation: this },
    ];
    this.#directions = this.#flows.map((flow) => {
      return new TcpDirection(this.#receiverOf(flow), setting.limits, setting.held);
    });
  }

  /** Processes a segment. @param from 0 or 1: which end has sent it */
  receive(from: number, segment: TcpSegment, frame: Frame): void {
    this.#directions[1 - from]?.acknowledge(segment.ack);
    this.#directions[from]?.receive(segment, frame);
    if (segment.isFin || segment.isReset) {
      const how = segment.isReset ? 'reset' : 'fin';
      this.#firstEnd ??= { how, flow: this.#flows[from] };
      this.#finFrame = frame;
    }
    for (const direction of this.#directions) {
      direction.checkGap();
      if (segment.isReset) {
        direction.end('the connection', frame);
      }
    }
    if (segment.isReset || this.#isFinished) {
      this.#over(frame);
    }
  }

  isOther(from: number, segment: TcpSegment): boolean {
    return this.#directions[from]?.isOther(segment) === true;
  }

  end(what: string, frame: Frame): void {
    for (const direction of this.#directions) {
      direction.end(what, frame);
    }
    // Octets before a FIN were missing until now.
    if (this.#isFinished) {
      this.#over(this.#finFrame ?? frame);
    }
  }

  /** Another connection begins with the same addresses and ports. */
  replace(frame: Frame): void {
    this.end('the connection', frame);
    this.#over(frame);
  }

  get #isFinished(): boolean {
    return this.#directions.every(({ isFinished }) => isFinished);
  }

  /** Reports the end of TCP: how it has begun and by which side, as the events of a live connection say it. */
  #over(frame: Frame): void {
    if (this.#hasTpkts && !this.#isOver) {
      this.#isOver = true;
      const { how = 'unknown', flow = this.#flows[0] } = this.#firstEnd ?? {};
      this.#receiver.ended(how, frame, flow);
    }
  }

  get hasTpkts(): boolean {
    return this.#hasTpkts;
  }

  #receiverOf(flow: Flow): TpktReceiver {
    return {
      tpkt: (octets, frame) => {
        this.#hasTpkts = true;
        if (this.#isOver) {
          // What comes behind the end has an end of its own: it is of a connection whose SYN is missing.
          this.#isOver = false;
          this.#firstEnd = undefined;
        }
        for (const report of this.#reports.splice(0)) {
          report();
        }
        this.#receiver.tpkt(octets, frame, flow);
      },
      lost: (sentence, frame) => {
        const report = () => this.#receiver.lost(sentence, frame, flow);
        if (this.#hasTpkts) {
          report();
        } else if (this.#reports.length < MAX_REPORTS) {
          this.#reports.push(report);
        } else {
          const sentence = `there are more than ${MAX_REPORTS} reports before the first TPKT; the others are left out`;
          this.#reports[MAX_REPORTS] = () => this.#receiver.lost(sentence, frame, flow);
        }
      },
    };
  }
}

/** What all streams of a capture have in common. */
interface Setting {
  readonly receiver: FlowReceiver;
  readonly limits: Limits;
  readonly held: HeldOctets;
}

/** The TCP streams of a capture. */
export class TcpStreams {
  readonly #setting: Setting;
  /** By addresses and ports; the stream with the latest segment is last. */
  readonly #streams = new Map<string, Stream>();
  #count = 0;

  constructor(receiver: FlowReceiver, limits: Limits, held: HeldOctets) {
    this.#setting = { receiver, limits, held };
  }

  receive(ip: IpPayload, segment: TcpSegment, frame: Frame): void {
    const source = keyOf(ip.source, segment.sourcePort);
    const destination = keyOf(ip.destination, segment.destinationPort);
    const from = source < destination ? 0 : 1;
    const key = from === 0 ? source + destination : destination + source;
    let stream = this.#streams.get(key);
    if (stream?.isOther(from, segment) === true) {
      stream.replace(frame);
      stream = undefined;
    }
    if (stream === undefined) {
      this.#makeRoom(key, frame);
      stream = this.#open(ip, segment, from);
    }
    // The last one is the latest.
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    stream.receive(from, segment, frame);
  }

  /** Ends the capture. */
  end(frame: Frame): void {
    const streams = [...this.#streams.values()].sort((a, b) => a.number - b.number);
    for (const stream of streams) {
      stream.end('the capture', frame);
    }
    this.#streams.clear();
  }

  #open(ip: IpPayload, segment: TcpSegment, from: number): Stream {
    const sender = endOf(ip.source, segment.sourcePort);
    const receiver = endOf(ip.destination, segment.destinationPort);
    const ends = from === 0 ? ([sender, receiver] as const) : ([receiver, sender] as const);
    const stream = new Stream(this.#count, ends, this.#setting);
    this.#count += 1;
    return stream;
  }

  /** Ends the streams without segments for longest if there are too many: many at once, as to find one takes long. */
  #makeRoom(key: string, frame: Frame): void {
    const { streams } = this.#setting.limits;
    if (this.#streams.size < streams || this.#streams.has(key)) {
      return;
    }
    const oldest: Stream[] = [];
    for (const [oldKey, stream] of this.#streams) {
      this.#streams.delete(oldKey);
      oldest.push(stream);
      if (oldest.length >= streams * ENDED_PART) {
        break;
      }
    }
    this.#reportEnded(
      oldest.filter(({ hasTpkts }) => hasTpkts),
      frame,
    );
    for (const stream of oldest) {
      stream.end('the part of the stream that is read', frame);
    }
  }

  #reportEnded(streams: readonly Stream[], frame: Frame): void {
    const [first] = streams;
    if (first !== undefined) {
      const others = streams.length === 1 ? '' : ` and ${streams.length - 1} others`;
      const are = streams.length === 1 ? 'is' : 'are';
      const sentence = `TCP stream ${first.number}${others} ${are} taken for ended: there are more than ${this.#setting.limits.streams} streams`;
      this.#setting.receiver.lost(sentence, frame);
    }
  }
}

function keyOf(address: Buffer, port: number): string {
  return `${address.toString('latin1')}${String.fromCharCode(port)}`;
}
