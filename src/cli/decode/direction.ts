/**
 * One direction of a TCP stream of a capture, cut into TPKTs. A capture may lack octets, begin anywhere
 * and end anywhere: what cannot be shown for that is named, and the next TPKT is looked for.
 */
import { TpktCutter } from '../../node/tpkt/cutter.js';

/** The first octet of a TPKT. No TPDU begins so: none has a header of three octets. */
export const TPKT_VERSION = 3;

const HEADER_LENGTH = 4;

/** What some octets come to. */
export interface Cut {
  readonly packets: readonly Buffer[];
  /** Why nothing more can be cut for now; `undefined` when all is well. */
  readonly fault: string | undefined;
}

const NOTHING: Cut = { packets: [], fault: undefined };

/** Takes the pieces of a direction in order. */
export class Direction {
  /** `undefined` while it is not known where a TPKT begins. */
  #cutter: TpktCutter | undefined;
  /** Octets left of a TPKT of which others are missing. */
  #toSkip = 0;
  #hasTpkts = false;

  /** A TPKT was found in it. */
  get hasTpkts(): boolean {
    return this.#hasTpkts;
  }

  take(piece: Buffer): Cut {
    const skipped = Math.min(this.#toSkip, piece.length);
    this.#toSkip -= skipped;
    const octets = piece.subarray(skipped);
    if (octets.length === 0) {
      return NOTHING;
    }
    if (this.#cutter === undefined) {
      // Behind a gap the boundary is known where it lay within a TPKT; else a TPKT has to begin here.
      if (octets[0] !== TPKT_VERSION || (this.#hasTpkts && !beginsTpkt(octets) && skipped === 0)) {
        return NOTHING;
      }
      this.#cutter = new TpktCutter();
      this.#hasTpkts = true;
    }
    let fault: string | undefined;
    const packets = this.#cutter.cut(octets, (error) => {
      fault = error.message;
    });
    if (fault !== undefined) {
      this.#cutter = undefined;
    }
    return { packets, fault };
  }

  /** So many octets are missing; gives a sentence on them. */
  lose(missing: number): string {
    const rest = this.#cutter?.takeRest() ?? Buffer.alloc(0);
    this.#cutter = undefined;
    const what = `${missing} ${missing === 1 ? 'octet is' : 'octets are'} missing in the capture`;
    if (this.#toSkip > 0) {
      this.#toSkip = Math.max(0, this.#toSkip - missing);
      return `${what}, within a TPKT that others are missing of too`;
    }
    if (rest.length === 0) {
      return `${what}, between two TPKTs`;
    }
    if (rest.length < HEADER_LENGTH) {
      return `${what}, behind the first ${rest.length} octets of a TPKT`;
    }
    const length = rest.readUInt16BE(2);
    this.#toSkip = Math.max(0, length - rest.length - missing);
    return `${what}, behind the first ${rest.length} octets of a TPKT of ${length}, which is not shown`;
  }

  /** Nothing more comes; gives a sentence on what has no end. */
  end(): string | undefined {
    const rest = this.#cutter?.rest ?? 0;
    return rest === 0
      ? undefined
      : `the capture ends within a TPKT, ${rest} octets after its beginning`;
  }
}

/** Whether octets are likely to begin a TPKT (RFC 1006 §6): its reserved octet is 0 nearly always. */
function beginsTpkt(octets: Buffer): boolean {
  return octets[0] === TPKT_VERSION && (octets.length < 2 || octets[1] === 0);
}
