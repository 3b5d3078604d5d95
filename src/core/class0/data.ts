/**
 * The DT TPDU of class 0, the one that carries everything: read and written here without the codec,
 * because this is the hot path (X.224 13.7.1 a). Whatever departs from the plain form is left to
 * the codec.
 *
 * ```
 *  octet 1     2            3
 * +--------+-----------+----------------+-----------+
 * | LI = 2 | 1111 0000 | EOT | 0000000  | user data |
 * +--------+-----------+----------------+-----------+
 * ```
 */
import { type MakeView, OctetSource } from '../octet-source.js';
import type { Outbox } from '../outbox.js';
import { DT_HEADER_LENGTHS, maxUserData } from '../segmenting.js';

/** Octets of the header. */
export const DT_HEADER_LENGTH: number = DT_HEADER_LENGTHS.short;

/** LI, and octets 2 and 3 with EOT and without. */
const LI = 0x02;
const CODE = 0xf0;
const LAST = 0x80;
const NOT_LAST = 0x00;

/** EOT of the DT whose header these octets are; `undefined` for anything that the codec must judge. */
export function readPlainEot(
  li: number | undefined,
  code: number | undefined,
  nr: number | undefined,
): boolean | undefined {
  if (li !== LI || code !== CODE || (nr !== LAST && nr !== NOT_LAST)) {
    return undefined;
  }
  return nr === LAST;
}

const HEADER_LAST: readonly number[] = [LI, CODE, LAST];
const HEADER_NOT_LAST: readonly number[] = [LI, CODE, NOT_LAST];

/** Sees every TPDU that is sent or received, while it cares to. */
export interface TpduObserver {
  /** Whether `see` is to be called: read for every TPDU, so that nothing is done for nobody. */
  readonly isWatching: boolean;
  /** The octets are not changed afterwards. */
  see(direction: 'sent' | 'received', tpdu: Uint8Array): void;
}

/**
 * Queues a TSDU of at least one octet as DT TPDUs of at most `maxTpduSize` octets, header included
 * (X.224 6.3): EOT only on the last, none of them empty, and none of another TSDU in between.
 */
export function writeTsdu(
  outbox: Outbox,
  tsdu: Uint8Array,
  maxTpduSize: number,
  view: MakeView,
  observer: TpduObserver | undefined,
): void {
  const step = maxUserData(maxTpduSize);
  const { length } = tsdu;
  if (length <= step) {
    writeDt(outbox, HEADER_LAST, tsdu, observer, 0);
    return;
  }
  const source = new OctetSource(tsdu);
  for (let start = 0; start < length; start += step) {
    const end = Math.min(start + step, length);
    const header = end === length ? HEADER_LAST : HEADER_NOT_LAST;
    writeDt(outbox, header, source.give(start, end, view), observer, length - end);
  }
}

function writeDt(
  outbox: Outbox,
  header: readonly number[],
  userData: Uint8Array,
  observer: TpduObserver | undefined,
  following: number,
): void {
  if (observer?.isWatching) {
    const tpdu = new Uint8Array(DT_HEADER_LENGTH + userData.length);
    tpdu.set(header);
    tpdu.set(userData, DT_HEADER_LENGTH);
    observer.see('sent', tpdu);
  }
  outbox.packet(header, userData, following);
}
