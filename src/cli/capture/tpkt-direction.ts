/**
 * Splits one direction of a captured TCP stream into TPKTs. A capture can lack octets and can begin or end
 * inside a TPKT. This reports what cannot be decoded for that reason and resumes at the next TPKT.
 */
import {
  MIN_TPKT_LENGTH,
  packetLengthAt,
  TPKT_HEADER_LENGTH,
  TPKT_VERSION,
} from '../../node/codes.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import { counted } from '../output/plural.js';
import { HeldPieces } from './held-pieces.js';
import type { HeldOctets } from './limits.js';
import { beginsTpkt } from './plausible.js';
import { TpktSearch } from './tpkt-search.js';

/** Where something is in the capture. */
export interface Frame {
  readonly number: number;
  /** Milliseconds since 1970; `undefined` if the capture has no time for it. */
  readonly time: number | undefined;
}

/** Receives what is in one direction of a stream. */
export interface TpktReceiver {
  /** A whole TPKT, completed by this frame. */
  tpkt(octets: Buffer, frame: Frame): void;
  /** Something is missing or cannot be read. */
  lost(sentence: string, frame: Frame): void;
}

/** `search`: boundaries are not known. `split`: they are. `foreign`: another protocol. */
type Mode = 'search' | 'split' | 'foreign';

/** Splits the octets of one direction, which must arrive in order. */
export class TpktDirection {
  readonly #receiver: TpktReceiver;
  readonly #held: HeldOctets;
  #mode: Mode = 'search';
  #search: TpktSearch;
  /** The frame with the first octet that was searched. */
  #searchedFrom: Frame | undefined;
  /** The start of a TPKT that is not complete. */
  readonly #partial: HeldPieces;
  /** The frame in which it begins. */
  #partialFrom: Frame | undefined;
  /** Its length; 0 until its header is complete. */
  #length = 0;
  /** Octets to ignore until the end of a TPKT that cannot be shown. */
  #toSkip = 0;
  #hasTpkts = false;

  /** @param isStart the first octet is the first of the stream */
  constructor(receiver: TpktReceiver, held: HeldOctets, isStart: boolean) {
    this.#receiver = receiver;
    this.#held = held;
    this.#partial = new HeldPieces(held);
    this.#search = new TpktSearch(isStart);
  }

  /** Processes the next octets. */
  push(segment: Buffer, frame: Frame): void {
    const skipped = Math.min(this.#toSkip, segment.length);
    this.#toSkip -= skipped;
    const octets = segment.subarray(skipped);
    if (octets.length === 0) {
      return;
    }
    if (this.#mode === 'search') {
      this.#find(octets, frame);
    } else if (this.#mode === 'split') {
      this.#split(octets, frame);
    } else if (this.#hasTpkts && beginsTpkt(octets, 0) === 'yes') {
      this.#mode = 'split';
      this.#split(octets, frame);
    }
  }

  /**
   * Skips missing octets.
   *
   * @param what the start of the sentence that reports them, for instance `11 octets are missing`
   * @param frame the first frame behind them
   */
  gap(missing: number, what: string, frame: Frame): void {
    if (this.#toSkip > 0) {
      this.#skipMissing(this.#toSkip - missing);
      this.#receiver.lost(`${what}, within a TPKT that lacks other octets too`, frame);
    } else if (this.#mode === 'search') {
      this.#dropSearched();
      const where = this.#hasTpkts
        ? 'where no TPKT is known yet'
        : 'before the first TPKT that is known';
      this.#receiver.lost(`${what}, ${where}`, frame);
    } else if (this.#mode === 'split') {
      this.#gapInTpkts(missing, what, frame);
    }
  }

  #gapInTpkts(missing: number, what: string, frame: Frame): void {
    const rest = this.#partial.take();
    if (rest.length < TPKT_HEADER_LENGTH) {
      this.#searchAgain();
      const where = `${counted(rest.length, 'octet')} after the beginning of a TPKT`;
      this.#receiver.lost(`${what}, ${rest.length === 0 ? 'between two TPKTs' : where}`, frame);
      return;
    }
    const length = packetLengthAt(rest, 0);
    this.#skipMissing(length - rest.length - missing);
    this.#receiver.lost(
      `${what}, ${counted(rest.length, 'octet')} after the beginning of a TPKT of ${length}, which is not shown`,
      frame,
    );
  }

  /** @param left octets of the TPKT behind the gap; negative if the gap ends beyond the TPKT */
  #skipMissing(left: number): void {
    this.#toSkip = Math.max(0, left);
    if (left < 0) {
      this.#searchAgain();
    }
  }

  /** Ends the direction. `what` has ended: `the capture` or `the connection`. */
  end(what: string, frame: Frame): void {
    const partial = this.#partial.take();
    if (partial.length > 0) {
      const sentence = `${what} ends within a TPKT, ${counted(partial.length, 'octet')} after its beginning`;
      this.#receiver.lost(sentence, this.#partialFrom ?? frame);
    } else if (this.#toSkip > 0) {
      this.#receiver.lost(`${what} ends within a TPKT that lacks other octets too`, frame);
    } else if (this.#mode === 'search') {
      this.#dropSearched();
      this.#reportSkipped(this.#search.searched, 'there is no whole TPKT in them', frame);
    }
    this.#toSkip = 0;
    this.#searchAgain();
  }

  #find(octets: Buffer, frame: Frame): void {
    this.#searchedFrom ??= frame;
    const before = this.#search.held;
    const found = this.#search.push(octets);
    this.#held.remove(before);
    if (found === 'unknown') {
      // Over the limit nothing is kept, and all of it counts as skipped.
      if (!this.#held.add(this.#search.held)) {
        this.#search.drop();
      }
    } else if (found === 'none') {
      this.#search.drop();
      this.#mode = 'foreign';
      this.#reportSkipped(this.#search.searched, 'there is no TPKT in them', frame);
    } else {
      this.#mode = 'split';
      this.#reportSkipped(found.skipped, 'the next TPKT begins behind them', frame);
      this.#split(found.octets, frame);
    }
  }

  #reportSkipped(octets: number, why: string, frame: Frame): void {
    if (octets > 0) {
      const where = this.#hasTpkts ? 'behind a gap' : 'at the start of the stream';
      const are = octets === 1 ? 'is' : 'are';
      const what = `${counted(octets, 'octet')} ${where} ${are} skipped`;
      this.#receiver.lost(`${what}: ${why}`, this.#searchedFrom ?? frame);
    }
    this.#searchedFrom = undefined;
  }

  #split(octets: Buffer, frame: Frame): void {
    let at = this.#complete(octets, frame);
    while (at < octets.length) {
      const length =
        at + TPKT_HEADER_LENGTH > octets.length ? undefined : packetLengthAt(octets, at);
      if (octets[at] !== TPKT_VERSION || (length !== undefined && length < MIN_TPKT_LENGTH)) {
        this.#fail(octets.subarray(at), frame);
        return;
      }
      if (length === undefined || at + length > octets.length) {
        this.#keep(octets.subarray(at), frame);
        return;
      }
      this.#emit(octets.subarray(at, at + length), frame);
      at += length;
    }
  }

  /** Adds to a TPKT that is not complete; returns how many octets it took. */
  #complete(octets: Buffer, frame: Frame): number {
    let at = 0;
    while (this.#partial.length > 0 && at < octets.length) {
      const { length } = this.#partial;
      const isHeader = length < TPKT_HEADER_LENGTH;
      const need = (isHeader ? TPKT_HEADER_LENGTH : this.#length) - length;
      const piece = octets.subarray(at, at + need);
      at += piece.length;
      if (!isHeader && piece.length === need) {
        this.#emit(Buffer.concat([this.#partial.take(), piece]), frame);
      } else if (!this.#keep(piece, frame)) {
        // What is left of a TPKT that is not kept is skipped.
        const skipped = Math.min(this.#toSkip, octets.length - at);
        this.#toSkip -= skipped;
        return at + skipped;
      } else if (isHeader && piece.length === need && this.#length < MIN_TPKT_LENGTH) {
        this.#fail(Buffer.concat([this.#partial.take(), octets.subarray(at)]), frame);
        return octets.length;
      }
    }
    return at;
  }

  /** Keeps octets of a TPKT that is not complete; `false` if too much is kept already. */
  #keep(octets: Buffer, frame: Frame): boolean {
    if (this.#partial.length === 0) {
      this.#partialFrom = frame;
      this.#length = 0;
    }
    const hasRoom = this.#partial.add(octets);
    if (this.#length === 0 && this.#partial.length >= TPKT_HEADER_LENGTH) {
      this.#length = packetLengthAt(this.#partial.joined(), 0);
    }
    // A header is kept in any case: it is short. One with a wrong length is reported as that.
    if (hasRoom || this.#length < MIN_TPKT_LENGTH) {
      return true;
    }
    this.#toSkip = this.#length - this.#partial.take().length;
    this.#receiver.lost(
      `a TPKT of ${this.#length} octets is not shown: too many octets of all streams wait for others`,
      frame,
    );
    return false;
  }

  #emit(tpkt: Buffer, frame: Frame): void {
    this.#hasTpkts = true;
    this.#receiver.tpkt(tpkt, frame);
  }

  /** The octets are no TPKT: reports it, and waits for a segment that begins with one. */
  #fail(octets: Buffer, frame: Frame): void {
    this.#mode = 'foreign';
    new TpktCutter().cut(octets, (error) => this.#receiver.lost(error.message, frame));
  }

  #dropSearched(): void {
    this.#held.remove(this.#search.held);
    this.#search.drop();
  }

  #searchAgain(): void {
    this.#mode = 'search';
    this.#search = new TpktSearch(false);
    this.#searchedFrom = undefined;
  }
}
