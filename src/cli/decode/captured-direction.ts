/**
 * Splits one direction of a captured TCP stream into TPKTs. A capture can lack octets and can begin or end
 * inside a TPKT. This reports what cannot be decoded for that reason and resumes at the next TPKT.
 */
import { TpktCutter } from '../../node/tpkt/cutter.js';

/** The first octet of a TPKT. A TPDU never begins with 3: no TPDU has this LI. */
export const TPKT_VERSION = 3;

const HEADER_LENGTH = 4;

/** The TPKTs that a chunk completed. */
export interface SplitResult {
  readonly packets: readonly Buffer[];
  /** Why the rest of the chunk cannot be split; `undefined` for no error. */
  readonly fault: string | undefined;
}

const NOTHING: SplitResult = { packets: [], fault: undefined };

/** Splits the chunks of one direction, which must arrive in order. */
export class CapturedDirection {
  /** `undefined` while the next TPKT boundary is not known. */
  #cutter: TpktCutter | undefined;
  /** Octets to skip until the end of an incomplete TPKT. */
  #toSkip = 0;
  #hasTpkts = false;

  /** True once a TPKT was found. */
  get hasTpkts(): boolean {
    return this.#hasTpkts;
  }

  /** Processes the next octets. */
  push(chunk: Buffer): SplitResult {
    const skipped = Math.min(this.#toSkip, chunk.length);
    this.#toSkip -= skipped;
    const octets = chunk.subarray(skipped);
    if (octets.length === 0) {
      return NOTHING;
    }
    if (this.#cutter === undefined) {
      // After a gap inside a TPKT the boundary is known. Otherwise the octets must look like a TPKT.
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

  /** Skips missing octets; returns a sentence that describes the gap. */
  skip(missing: number): string {
    const rest = this.#cutter?.takeRest() ?? Buffer.alloc(0);
    this.#cutter = undefined;
    const what = `${missing} ${missing === 1 ? 'octet is' : 'octets are'} missing in the capture`;
    if (this.#toSkip > 0) {
      this.#toSkip = Math.max(0, this.#toSkip - missing);
      return `${what}, within a TPKT that lacks other octets too`;
    }
    if (rest.length === 0) {
      return `${what}, between two TPKTs`;
    }
    if (rest.length < HEADER_LENGTH) {
      return `${what}, after the first ${rest.length} octets of a TPKT`;
    }
    const length = rest.readUInt16BE(2);
    this.#toSkip = Math.max(0, length - rest.length - missing);
    return `${what}, after the first ${rest.length} octets of a TPKT of ${length}, which is not shown`;
  }

  /** Ends the direction; returns a sentence if the last TPKT is incomplete. */
  end(): string | undefined {
    const rest = this.#cutter?.rest ?? 0;
    return rest === 0
      ? undefined
      : `the capture ends within a TPKT, ${rest} octets after its beginning`;
  }
}

/** True if the octets look like the start of a TPKT (RFC 1006 §6): its reserved octet is almost always 0. */
function beginsTpkt(octets: Buffer): boolean {
  return octets[0] === TPKT_VERSION && (octets.length < 2 || octets[1] === 0);
}
