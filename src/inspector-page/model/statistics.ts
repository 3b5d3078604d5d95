/** Counts of all TPDUs, each once: in a proxy those of the leg to the client. */
import type { TpduType } from '../../core/tpdu/types.js';
import { Histogram } from './histogram.js';

/** Seconds of the curve. */
export const CURVE_SECONDS = 60;

/** Counts of one second. */
export interface Second {
  readonly at: number;
  tpdus: number;
  octets: number;
}

/** What one side sent. */
interface Sent {
  tpdus: number;
  tsdus: number;
  octets: number;
}

export class Statistics {
  readonly types: Map<TpduType | 'unknown', number> = new Map();
  readonly fromClient: Sent = { tpdus: 0, tsdus: 0, octets: 0 };
  readonly fromServer: Sent = { tpdus: 0, tsdus: 0, octets: 0 };
  /** TSDUs by size: item n has those of 2^(n-1) + 1 to 2^n octets. */
  readonly tsduSizes: number[] = [];
  /** Milliseconds from the end of a request to the start of its response. */
  readonly latency: Histogram = new Histogram();
  /** Milliseconds from a CR to its answer. */
  readonly answerTime: Histogram = new Histogram();
  deviating = 0;
  firstTime: number | undefined;
  lastTime = 0;
  /** The seconds of the curve that have TPDUs, oldest first. */
  readonly seconds: Second[] = [];

  tpdu(type: TpduType | undefined, isFromClient: boolean, octets: number, time: number): void {
    const name = type ?? 'unknown';
    this.types.set(name, (this.types.get(name) ?? 0) + 1);
    const sent = isFromClient ? this.fromClient : this.fromServer;
    sent.tpdus += 1;
    sent.octets += octets;
    this.firstTime ??= time;
    this.lastTime = Math.max(this.lastTime, time);
    const second = this.#second(Math.floor(time / 1000));
    second.tpdus += 1;
    second.octets += octets;
  }

  tsdu(isFromClient: boolean, octets: number): void {
    (isFromClient ? this.fromClient : this.fromServer).tsdus += 1;
    const size = octets <= 1 ? 0 : Math.ceil(Math.log2(octets));
    this.tsduSizes[size] = (this.tsduSizes[size] ?? 0) + 1;
  }

  /** The last seconds up to `end`, in seconds since 1970; those without TPDUs have zeros. */
  curve(end: number): readonly Second[] {
    const found = new Map(this.seconds.map((second) => [second.at, second]));
    return Array.from({ length: CURVE_SECONDS }, (_, index) => {
      const at = end - CURVE_SECONDS + 1 + index;
      return found.get(at) ?? { at, tpdus: 0, octets: 0 };
    });
  }

  #second(at: number): Second {
    const last = this.seconds.at(-1);
    // Times of a capture may go back a little.
    if (last !== undefined && last.at >= at) {
      return this.seconds.find((second) => second.at === at) ?? last;
    }
    const second = { at, tpdus: 0, octets: 0 };
    this.seconds.push(second);
    if (this.seconds.length > CURVE_SECONDS) {
      this.seconds.shift();
    }
    return second;
  }
}
