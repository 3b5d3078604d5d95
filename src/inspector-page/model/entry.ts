/** What the ladder shows a line for: a TPDU, or something that happened to a connection. */
import { octetAt } from '../../core/octets/octets.js';
import type { TpduType } from '../../core/tpdu/types.js';
import type { Leg } from './leg.js';
import type { Stored } from './octet-store.js';

/** The DTs of one TSDU. Its entries are found by their range in the session. */
export interface Tsdu {
  /** Index of the entry of its first DT. */
  readonly first: number;
  /** Index of the entry of its last DT so far. */
  last: number;
  /** DTs so far. */
  count: number;
  /** Octets of user data so far. */
  octets: number;
  /** The DT with EOT has come. */
  isComplete: boolean;
  /** The list that shows it already. */
  shownIn: number;
}

interface Common {
  /** Counted from 0 for all entries of the session; never used again. */
  readonly index: number;
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  /** `undefined` for a notice that belongs to no connection. */
  readonly leg: Leg | undefined;
  /** Frame of the capture. */
  readonly frame: number | undefined;
  /** Deviations from the standard, or the fault that decoding refuses. Empty if there are none. */
  readonly deviations: readonly string[];
  /** The other leg of a proxy has shown the same already: it is hidden unless both legs are shown. */
  readonly isCopy: boolean;
}

/** One TPDU. */
export interface TpduEntry extends Common, Stored {
  readonly kind: 'tpdu';
  readonly leg: Leg;
  readonly isFromClient: boolean;
  /** `undefined` if no TPDU has its code. */
  readonly type: TpduType | undefined;
  readonly tsdu: Tsdu | undefined;
  /** The other leg carried it on unchanged. */
  isRelayed: boolean;
}

/** A sentence. */
export interface NoticeEntry extends Common {
  readonly kind: 'notice';
  readonly text: string;
  readonly isFailure: boolean;
}

export type Entry = TpduEntry | NoticeEntry;

/** The TPDU, as a view of the store. */
export function octetsOf({ slab, start, length }: Stored): Uint8Array {
  return slab.subarray(start, start + length);
}

/** The octets behind the header; none where LI is out of range. */
export function userDataOf(entry: Stored): Uint8Array {
  const octets = octetsOf(entry);
  return octets.length === 0 ? octets : octets.subarray(1 + octetAt(octets, 0));
}
