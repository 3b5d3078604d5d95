/** Puts IP datagrams together from fragments (RFC 791 3.2, RFC 8200 4.5). */
import type { Fragment, IpPayload } from './ip.js';
import { kept } from './kept.js';
import { type HeldOctets, PIECE_COST } from './limits.js';
import type { Frame } from './tpkt-direction.js';

/** Octets of a datagram that no other piece has. */
interface Piece {
  readonly offset: number;
  readonly octets: Buffer;
}

/** A datagram of which fragments are missing. */
interface Incomplete {
  readonly first: IpPayload;
  readonly frame: Frame;
  /** In the order of their offsets; none overlaps another. */
  pieces: Piece[];
  /** Octets of the pieces. */
  octets: number;
  /** Type of what the datagram begins with: the fragment at its start has it. */
  protocol: number;
  /** Length of the datagram; `undefined` until the last fragment is there. */
  length: number | undefined;
  /** Too much was kept when a fragment came. */
  isRefused: boolean;
}

/** The most octets of a datagram. */
const MAX_DATAGRAM = 65_535;

/** Called with a datagram that stays incomplete, and the reason. */
export type OnIncomplete = (first: IpPayload, frame: Frame, why: string) => void;

/** The datagrams that are not complete yet. */
export class IpFragments {
  readonly #datagrams = new Map<string, Incomplete>();
  readonly #most: number;
  readonly #held: HeldOctets;
  readonly #onIncomplete: OnIncomplete;

  /** @param most the most datagrams at the same time */
  constructor(most: number, held: HeldOctets, onIncomplete: OnIncomplete) {
    this.#most = most;
    this.#held = held;
    this.#onIncomplete = onIncomplete;
  }

  /** Adds a fragment; returns the whole payload of its datagram if it is complete now. */
  add(payload: IpPayload, fragment: Fragment, frame: Frame): IpPayload | undefined {
    const { source, destination } = payload;
    const key = `${source.toString('latin1')}${destination.toString('latin1')}${fragment.id}`;
    const datagram = this.#datagrams.get(key) ?? this.#begin(key, payload, frame);
    const { offset, hasMore } = fragment;
    const end = offset + payload.length;
    // A fragment that the snap length has cut cannot be used, so its datagram stays incomplete.
    if (datagram.isRefused || payload.octets.length !== payload.length || end > MAX_DATAGRAM) {
      return undefined;
    }
    datagram.protocol = offset === 0 ? payload.protocol : datagram.protocol;
    datagram.length = hasMore ? datagram.length : end;
    this.#keep(datagram, offset, payload.octets);
    if (!isComplete(datagram)) {
      return undefined;
    }
    const octets = Buffer.concat(datagram.pieces.map((piece) => piece.octets));
    this.#datagrams.delete(key);
    this.#release(datagram);
    const { fragment: _fragment, ...rest } = datagram.first;
    return { ...rest, protocol: datagram.protocol, octets, length: octets.length };
  }

  /** Ends the capture. */
  end(): void {
    for (const [key, datagram] of this.#datagrams) {
      this.#giveUp(key, datagram);
    }
  }

  /** Keeps what no fragment before had. */
  #keep(datagram: Incomplete, offset: number, octets: Buffer): void {
    const { pieces } = datagram;
    for (const [start, end] of missingParts(pieces, offset, offset + octets.length)) {
      const hasRoom = this.#held.addAnyway(end - start + PIECE_COST);
      pieces.push({ offset: start, octets: kept(octets.subarray(start - offset, end - offset)) });
      datagram.octets += end - start;
      if (!hasRoom) {
        datagram.isRefused = true;
        this.#release(datagram);
        return;
      }
    }
    pieces.sort((a, b) => a.offset - b.offset);
  }

  #release(datagram: Incomplete): void {
    this.#held.remove(datagram.octets + PIECE_COST * datagram.pieces.length);
    datagram.pieces = [];
    datagram.octets = 0;
  }

  #giveUp(key: string, datagram: Incomplete): void {
    this.#datagrams.delete(key);
    this.#release(datagram);
    const why = datagram.isRefused
      ? 'too many octets of all streams wait for others'
      : 'fragments of it are missing in the capture';
    this.#onIncomplete(datagram.first, datagram.frame, why);
  }

  #begin(key: string, payload: IpPayload, frame: Frame): Incomplete {
    const [oldest] = this.#datagrams;
    if (oldest !== undefined && this.#datagrams.size >= this.#most) {
      this.#giveUp(...oldest);
    }
    const { source, destination, protocol } = payload;
    const ends = { source: kept(source), destination: kept(destination) };
    const first = { ...payload, ...ends, octets: Buffer.alloc(0) };
    const datagram: Incomplete = {
      ...{ first, frame, protocol, pieces: [], octets: 0 },
      ...{ length: undefined, isRefused: false },
    };
    this.#datagrams.set(key, datagram);
    return datagram;
  }
}

/** Which parts of a range no piece has: their starts and ends. */
function missingParts(
  pieces: readonly Piece[],
  start: number,
  end: number,
): readonly (readonly [start: number, end: number])[] {
  const parts: [number, number][] = [];
  let from = start;
  for (const { offset, octets } of pieces) {
    if (offset >= end) {
      break;
    }
    if (offset > from) {
      parts.push([from, offset]);
    }
    from = Math.max(from, offset + octets.length);
  }
  if (from < end) {
    parts.push([from, end]);
  }
  return parts;
}

/** True if the pieces have every octet up to the end, and none behind it. */
function isComplete({ pieces, octets, length }: Incomplete): boolean {
  const last = pieces.at(-1);
  const end = last === undefined ? 0 : last.offset + last.octets.length;
  return octets > 0 && octets === length && end === length;
}
