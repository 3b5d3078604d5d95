/** Puts IP datagrams together from fragments (RFC 791 3.2, RFC 8200 4.5). */
import type { Fragment, IpPayload } from './ip.js';
import type { Limits } from './limits.js';
import type { Frame } from './tpkt-direction.js';

/** A datagram of which fragments are missing. */
interface Incomplete {
  readonly first: IpPayload;
  readonly frame: Frame;
  readonly pieces: { readonly offset: number; readonly octets: Buffer }[];
  /** Length of the datagram; `undefined` until the last fragment is there. */
  length: number | undefined;
}

/** The most octets of a datagram. */
const MAX_DATAGRAM = 65_535;
/** The most fragments of a datagram that are kept. */
const MAX_PIECES = 8_192;

/** Called with a datagram that stays incomplete. */
export type OnIncomplete = (first: IpPayload, frame: Frame) => void;

/** The datagrams that are not complete yet. */
export class IpFragments {
  readonly #datagrams = new Map<string, Incomplete>();
  readonly #limits: Limits;
  readonly #onIncomplete: OnIncomplete;

  constructor(limits: Limits, onIncomplete: OnIncomplete) {
    this.#limits = limits;
    this.#onIncomplete = onIncomplete;
  }

  /** Adds a fragment; returns the whole payload of its datagram if it is complete now. */
  add(payload: IpPayload, fragment: Fragment, frame: Frame): IpPayload | undefined {
    const { source, destination } = payload;
    const key = `${source.toString('latin1')}${destination.toString('latin1')}${fragment.id}`;
    const datagram = this.#datagrams.get(key) ?? this.#begin(key, payload, frame);
    const { offset, hasMore } = fragment;
    // A fragment that the snap length has cut cannot be used, so its datagram stays incomplete.
    const isWhole = payload.octets.length === payload.length;
    const isNew = datagram.pieces.every((piece) => piece.offset !== offset);
    if (isWhole && isNew && offset + payload.length <= MAX_DATAGRAM) {
      datagram.pieces.push({ offset, octets: Buffer.from(payload.octets) });
      datagram.length = hasMore ? datagram.length : offset + payload.length;
    }
    const octets = datagram.pieces.length > MAX_PIECES ? undefined : joined(datagram);
    if (octets !== undefined) {
      this.#datagrams.delete(key);
      const { fragment: _fragment, ...rest } = datagram.first;
      return { ...rest, octets, length: octets.length };
    }
    return undefined;
  }

  /** Ends the capture. */
  end(): void {
    for (const { first, frame } of this.#datagrams.values()) {
      this.#onIncomplete(first, frame);
    }
    this.#datagrams.clear();
  }

  #begin(key: string, payload: IpPayload, frame: Frame): Incomplete {
    const [oldest] = this.#datagrams;
    if (oldest !== undefined && this.#datagrams.size >= this.#limits.datagrams) {
      this.#datagrams.delete(oldest[0]);
      this.#onIncomplete(oldest[1].first, oldest[1].frame);
    }
    const copies = {
      source: Buffer.from(payload.source),
      destination: Buffer.from(payload.destination),
    };
    const first = { ...payload, ...copies, octets: Buffer.from(payload.octets) };
    const datagram: Incomplete = { first, frame, pieces: [], length: undefined };
    this.#datagrams.set(key, datagram);
    return datagram;
  }
}

/** The octets of a datagram; `undefined` while some are missing. */
function joined({ pieces, length }: Incomplete): Buffer | undefined {
  const held = pieces.reduce((sum, { octets }) => sum + octets.length, 0);
  if (length === undefined || held < length) {
    return undefined;
  }
  pieces.sort((a, b) => a.offset - b.offset);
  const datagram = Buffer.alloc(length);
  let end = 0;
  for (const { offset, octets } of pieces) {
    if (offset > end) {
      return undefined;
    }
    octets.copy(datagram, offset);
    end = Math.max(end, offset + octets.length);
  }
  return end >= length ? datagram : undefined;
}
