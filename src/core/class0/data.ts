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
import { joinOctets } from '../octets.js';
import type { Outbox } from '../outbox.js';

/** Octets of the header. */
export const DT_HEADER_LENGTH = 3;

/** LI, and octets 2 and 3 with EOT and without. */
const LI = 0x02;
const CODE = 0xf0;
const LAST = 0x80;
const NOT_LAST = 0x00;

/** What the three octets of a header say. */
export const NOT_PLAIN_DT = 0;
export const DT = 1;
export const DT_EOT = 2;

/** Reads the three octets of a DT header: `DT`, `DT_EOT`, or `NOT_PLAIN_DT` for the codec to judge. */
export function readDtHeader(
  li: number | undefined,
  code: number | undefined,
  nr: number | undefined,
): number {
  if (li !== LI || code !== CODE) {
    return NOT_PLAIN_DT;
  }
  return nr === LAST ? DT_EOT : nr === NOT_LAST ? DT : NOT_PLAIN_DT;
}

const HEADER_LAST: readonly number[] = [LI, CODE, LAST];
const HEADER_NOT_LAST: readonly number[] = [LI, CODE, NOT_LAST];

/** Sees every TPDU that is sent or received. */
export type TpduObserver = (direction: 'sent' | 'received', tpdu: Uint8Array) => void;

/**
 * Queues a TSDU as DT TPDUs of at most `maxTpduSize` octets, header included (X.224 6.3): EOT only
 * on the last, none of them empty, and none of another TSDU in between.
 */
export function writeTsdu(
  outbox: Outbox,
  tsdu: Uint8Array,
  maxTpduSize: number,
  onTpdu: TpduObserver | undefined,
): void {
  const maxUserData = maxTpduSize - DT_HEADER_LENGTH;
  for (let start = 0; start < tsdu.length; start += maxUserData) {
    const end = Math.min(start + maxUserData, tsdu.length);
    const header = end === tsdu.length ? HEADER_LAST : HEADER_NOT_LAST;
    onTpdu?.('sent', joinOctets([Uint8Array.from(header), tsdu.subarray(start, end)]));
    outbox.packet(header, tsdu, start, end);
  }
}
