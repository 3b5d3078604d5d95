/**
 * The DT TPDU, the one that carries everything: read and written here without the codec, because this is the
 * hot path (X.224 13.7). Whatever departs from the plain form is left to the codec.
 *
 * ```
 *  octet 1     2            3
 * +--------+-----------+----------------+-----------+
 * | LI = 2 | 1111 0000 | EOT | 0000000  | user data |    class 0 (X.224 13.7.1 a)
 * +--------+-----------+----------------+-----------+
 * ```
 */
import { type MakeView, OctetSource } from '../octets/collector.js';
import type { SendBuffer } from './send-buffer.js';

/** Sees every TPDU that is sent or received, while it is watching. */
export interface TpduObserver {
  /** Whether `see` is to be called: read for every TPDU, so that nothing is done for nobody. */
  readonly isWatching: boolean;
  /** The octets are not changed afterwards. */
  see(direction: 'sent' | 'received', tpdu: Uint8Array): void;
}

/** A header of DT without parameters. */
export interface DtFormat {
  /** Octets of the header, LI included. */
  readonly headerLength: number;
  readonly last: readonly number[];
  readonly notLast: readonly number[];
  /** EOT of the DT whose header begins with these octets; `undefined` for what the codec must judge. */
  readEot(
    li: number | undefined,
    code: number | undefined,
    nr: number | undefined,
  ): boolean | undefined;
}

/** LI, and octets 2 and 3 with EOT and without. */
const LI = 0x02;
const CODE = 0xf0;
const LAST = 0x80;
const NOT_LAST = 0x00;

/** The DT of class 0. */
export const SHORT_DT: DtFormat = {
  headerLength: 3,
  //= X.224 6.10.1
  //= X.224 13.7.3 e
  //= RFC 1006 6 ignored bits
  //= RFC 2126 6.5
  last: [LI, CODE, LAST],
  notLast: [LI, CODE, NOT_LAST],
  //= X.224 6.3.3 note 1
  //= X.224 13.7.1 a
  readEot(li, code, nr) {
    if (li !== LI || code !== CODE || (nr !== LAST && nr !== NOT_LAST)) {
      return undefined;
    }
    return nr === LAST;
  },
};

/**
 * Queues a TSDU of at least one octet as DT TPDUs of at most `maxTpduSize` octets, header included
 * (X.224 6.3): EOT only on the last, none of them empty, and none of another TSDU in between.
 */
//= X.224 6.3.3 para 1
//= X.224 8.2.3
export function writeTsdu(
  sendBuffer: SendBuffer,
  format: DtFormat,
  tsdu: Uint8Array,
  maxTpduSize: number,
  view: MakeView,
  observer: TpduObserver | undefined,
): void {
  //= X.224 13.7.5
  const step = maxTpduSize - format.headerLength;
  const { length } = tsdu;
  if (length <= step) {
    writeDt(sendBuffer, format.last, tsdu, observer, 0);
    return;
  }
  const source = new OctetSource(tsdu);
  for (let start = 0; start < length; start += step) {
    const end = Math.min(start + step, length);
    const header = end === length ? format.last : format.notLast;
    writeDt(sendBuffer, header, source.give(start, end, view), observer, length - end);
  }
}

function writeDt(
  sendBuffer: SendBuffer,
  header: readonly number[],
  userData: Uint8Array,
  observer: TpduObserver | undefined,
  following: number,
): void {
  if (observer?.isWatching) {
    const tpdu = new Uint8Array(header.length + userData.length);
    tpdu.set(header);
    tpdu.set(userData, header.length);
    observer.see('sent', tpdu);
  }
  sendBuffer.addPacket(header, userData, following);
}
