/**
 * Puts one direction of a captured TCP stream in order: segments that came out of order or twice, and segments
 * that the capture has lost or cut.
 */
import { counted } from '../output/plural.js';
import type { HeldOctets, Limits } from './limits.js';
import { distance, type Part, ReorderBuffer } from './reorder-buffer.js';
import type { TcpSegment } from './tcp.js';
import { type Frame, TpktDirection, type TpktReceiver } from './tpkt-direction.js';

/** Octets by which a sequence number may be behind, as that of a late segment is. */
const MOST_BEHIND = 16 * 1024 * 1024;

/**
 * Segments of the stream that may follow the acknowledgement of missing octets before these count as lost: a
 * capture can have the acknowledgement before the segment.
 */
const PATIENCE = 8;

function are(octets: number): string {
  return `${counted(octets, 'octet')} ${octets === 1 ? 'is' : 'are'}`;
}

/** One direction of a TCP stream. */
export class TcpDirection {
  readonly #receiver: TpktReceiver;
  readonly #waiting: ReorderBuffer;
  readonly #makeTpkts: (isStart: boolean) => TpktDirection;
  #tpkts: TpktDirection | undefined;
  /** The next sequence number; `undefined` until a segment was captured. */
  #next: number | undefined;
  /** The first sequence number, and whether it is that of the first octet of the stream. */
  #start = { seq: 0, isOfStream: false };
  #hasData = false;
  /** The first and the highest number that the peer has acknowledged. */
  #acknowledged: { readonly first: number; readonly highest: number } | undefined;
  #patience = PATIENCE;
  /** The number of the FIN. */
  #fin: number | undefined;
  #isLateReported = false;
  /** The end was processed, and no octets came behind it. */
  #isEnded = false;

  constructor(receiver: TpktReceiver, limits: Limits, held: HeldOctets) {
    this.#receiver = receiver;
    this.#waiting = new ReorderBuffer(limits, held);
    this.#makeTpkts = (isStart) => new TpktDirection(receiver, held, isStart);
  }

  /** True if this SYN begins another connection than the one that is known. */
  isOther({ seq, isSyn }: TcpSegment): boolean {
    const isKnown = this.#start.isOfStream && distance(this.#start.seq, seq + 1) === 0;
    return isSyn && this.#next !== undefined && !isKnown;
  }

  /** True if all octets up to a FIN were processed. */
  get isFinished(): boolean {
    return this.#fin !== undefined && this.#fin === this.#next;
  }

  /** Processes a segment of this direction. */
  receive(segment: TcpSegment, frame: Frame): void {
    const { data, missing, isSyn } = segment;
    const seq = (segment.seq + (isSyn ? 1 : 0)) >>> 0;
    const length = data.length + missing;
    // A reset of a connection that its sender does not know has the number 0 (RFC 9293 3.10.7.1).
    if (this.#next === undefined && (length > 0 || !segment.isReset)) {
      this.#next = seq;
      this.#start = { seq, isOfStream: isSyn };
    }
    if (segment.isFin) {
      this.#fin = (seq + length) >>> 0;
    }
    if (length > 0) {
      this.#place(seq, length, frame);
      this.#add(seq, data, frame);
      this.#addCut((seq + data.length) >>> 0, missing, frame);
      this.#deliver();
    }
    if (segment.isReset || this.isFinished) {
      this.end('the connection', frame);
    }
  }

  /** Adjusts the next sequence number if that of the segment does not fit. */
  #place(seq: number, length: number, frame: Frame): void {
    const next = this.#next ?? seq;
    const ahead = distance(next, seq);
    if (!this.#hasData && !this.#start.isOfStream && ahead === 1) {
      // What came first was a probe of keep-alive, whose number is one too low.
      this.#next = seq;
    } else if (ahead + length < -MOST_BEHIND) {
      this.#giveUpAll();
      this.#receiver.lost(
        `the sequence number jumps back by ${counted(-ahead, 'octet')}: another connection, whose SYN is missing`,
        frame,
      );
      this.#tpkts?.end('the connection', frame);
      this.#next = seq;
      this.#start = { seq, isOfStream: false };
      // The number was of the connection before.
      this.#acknowledged = undefined;
    } else if (
      !this.#start.isOfStream &&
      distance(this.#start.seq, seq) < 0 &&
      !this.#isLateReported
    ) {
      this.#isLateReported = true;
      this.#receiver.lost(
        `${counted(-distance(this.#start.seq, seq), 'octet')} before the start of the stream arrive late and are not shown`,
        frame,
      );
    }
    this.#hasData = true;
  }

  /** Processes the acknowledgement in a segment of the peer. */
  acknowledge(ack: number | undefined): void {
    const known = this.#acknowledged;
    if (ack !== undefined && (known === undefined || distance(known.highest, ack) > 0)) {
      this.#acknowledged = { first: known?.first ?? ack, highest: ack };
    }
  }

  /** A segment of the stream was processed: octets that were acknowledged and did not come are lost. */
  checkGap(): void {
    if (
      this.#waiting.first === undefined ||
      this.#next === undefined ||
      this.#acknowledged === undefined
    ) {
      return;
    }
    if (distance(this.#next, this.#acknowledged.highest) > 0) {
      this.#patience -= 1;
      if (this.#patience <= 0) {
        this.#giveUp('missing in the capture');
      }
    }
  }

  /** Ends the direction: what waits is processed, with its gaps. */
  end(what: string, frame: Frame): void {
    this.#giveUpAll();
    this.#reportMissingEnd(frame);
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#tpkts?.end(what, frame);
    }
  }

  /** Reports octets at the end that the peer has acknowledged, or that are before a FIN, and that did not come. */
  #reportMissingEnd(frame: Frame): void {
    const end = this.#fin ?? this.#acknowledged?.highest;
    if (this.#next === undefined || end === undefined) {
      this.#reportAllMissing(frame);
      return;
    }
    const missing = distance(this.#next, end);
    // One number more than there are octets: the acknowledgement of a FIN, which need not be in the capture.
    const least = this.#fin === undefined ? 2 : 1;
    if (missing >= least) {
      this.#gap(missing, `${are(missing)} missing in the capture`, frame);
      this.#next = end;
    }
  }

  /** Reports that the capture has only the other direction of the stream. */
  #reportAllMissing(frame: Frame): void {
    const { first, highest } = this.#acknowledged ?? { first: 0, highest: 0 };
    const missing = distance(first, highest);
    this.#acknowledged = undefined;
    // One of the numbers can be that of a FIN, which counts like an octet.
    if (this.#next === undefined && missing > 1) {
      this.#receiver.lost(
        `${are(missing)} missing in the capture: it has no segment of this direction`,
        frame,
      );
    }
  }

  #add(seq: number, octets: Buffer, frame: Frame): void {
    const ahead = distance(this.#next ?? seq, seq);
    if (ahead > 0) {
      if (octets.length > 0) {
        this.#wait({ seq, length: octets.length, octets, frame });
      }
    } else if (octets.length + ahead > 0) {
      this.#push(octets.subarray(-ahead), frame);
    }
  }

  #addCut(seq: number, length: number, frame: Frame): void {
    const ahead = distance(this.#next ?? seq, seq);
    if (length === 0) {
      return;
    }
    if (ahead > 0) {
      this.#wait({ seq, length, octets: undefined, frame });
    } else if (length + ahead > 0) {
      this.#cut(length + ahead, frame);
    }
  }

  #push(octets: Buffer, frame: Frame): void {
    this.#next = ((this.#next ?? 0) + octets.length) >>> 0;
    this.#patience = PATIENCE;
    this.#isEnded = false;
    this.#tpktsOf().push(octets, frame);
  }

  #cut(length: number, frame: Frame): void {
    this.#gap(length, `${are(length)} cut off by the snap length of the capture`, frame);
    this.#next = ((this.#next ?? 0) + length) >>> 0;
  }

  #tpktsOf(): TpktDirection {
    this.#tpkts ??= this.#makeTpkts(this.#start.isOfStream);
    return this.#tpkts;
  }

  #wait(part: Part): void {
    const limit = this.#waiting.add(part);
    if (limit !== undefined) {
      this.#giveUp(`missing so far, and ${limit} wait for them, which is the limit`);
    }
  }

  /** Processes what waits and is due now. */
  #deliver(): void {
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      const ahead = distance(this.#next ?? 0, first.seq);
      if (ahead > 0) {
        return;
      }
      this.#waiting.takeFirst();
      const { length, octets, frame } = first;
      if (length + ahead > 0) {
        if (octets === undefined) {
          this.#cut(length + ahead, frame);
        } else {
          this.#push(octets.subarray(-ahead), frame);
        }
      }
    }
  }

  /** The octets before those that wait do not come any more. */
  #giveUp(why: string): void {
    const { first } = this.#waiting;
    if (first !== undefined && this.#next !== undefined) {
      const missing = distance(this.#next, first.seq);
      if (missing > 0) {
        this.#gap(missing, `${are(missing)} ${why}`, first.frame);
        this.#next = first.seq;
      }
      this.#patience = PATIENCE;
      this.#deliver();
    }
  }

  #giveUpAll(): void {
    while (this.#waiting.first !== undefined) {
      this.#giveUp('missing in the capture');
    }
  }

  #gap(missing: number, what: string, frame: Frame): void {
    this.#tpktsOf().gap(missing, what, frame);
  }
}
