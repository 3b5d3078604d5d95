/**
 * The DT TPDU, the one that carries everything: read and written here without the codec, because this is the
 * hot path (X.224 13.7). Whatever departs from the plain form is left to the codec.
 *
 * ```
 *  octet 1     2            3
 * +--------+-----------+----------------+-----------+
 * | LI = 2 | 1111 0000 | EOT | 0000000  | user data |    class 0 (X.224 13.7.1 a)
 * +--------+-----------+----------------+-----------+
 * | LI = 4 | 1111 0000 | DST-REF | EOT, number | ..   |    class 2, normal format (13.7.1 b)
 * +--------+-----------+---------+-------------+-----+
 * ```
 */
import { type MakeView, OctetSource } from '../octets/collector.js';
import { TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import type { SendBuffer } from './send-buffer.js';

/** The header of a DT without parameters, as data, so that all classes share one path. */
export interface DtFormat {
  /** Octets of the header, LI included. */
  readonly headerLength: number;
  readonly last: readonly number[];
  readonly notLast: readonly number[];
  /** LI of a plain DT. It is also the offset of the octet with EOT. */
  readonly li: number;
  /** Our reference, which is the DST-REF of a received DT; 0 in class 0, whose DT has none. */
  readonly dstRef: number;
  /** Bits beside EOT that must be 0 in a plain DT. */
  readonly zeroBits: number;
}

const CODE = 0xf0;
const EOT = 0x80;

/** The DT of class 0. */
export const SHORT_DT: DtFormat = {
  headerLength: 3,
  //= X.224 6.10.1
  //= X.224 13.7.3 e
  //= RFC 1006 6 ignored bits
  //= RFC 2126 6.5
  last: [0x02, CODE, EOT],
  notLast: [0x02, CODE, 0],
  li: 0x02,
  dstRef: 0,
  zeroBits: 0x7f,
};

/**
 * The DT of class 2 in normal format. Without explicit flow control its number has no meaning: it is sent as 0 and
 * ignored on receipt.
 */
//= X.224 10.2.3 para 1
//= X.224 10.2.3 para 2
//= X.224 13.7.1 b
//= RFC 2126 4.2.1 flow control
export function normalDt(localRef: number, remoteRef: number): DtFormat {
  const start = [0x04, CODE, remoteRef >> 8, remoteRef & 0xff];
  return {
    headerLength: 5,
    last: [...start, EOT],
    notLast: [...start, 0],
    li: 0x04,
    dstRef: localRef,
    zeroBits: 0,
  };
}

/**
 * EOT of the DT whose header has these octets; `undefined` if it is no plain DT, which the codec decodes.
 *
 * @param number the octet at the offset LI
 */
//= X.224 6.3.3 note 1
//= X.224 13.7.1 a
export function readEot(
  format: DtFormat,
  li: number | undefined,
  code: number | undefined,
  number: number | undefined,
): boolean | undefined {
  if (li !== format.li || code !== CODE || number === undefined) {
    return undefined;
  }
  return (number & format.zeroBits) === 0 ? number >= EOT : undefined;
}

/** Whether the packet at `offset` has a DT in it: the code is behind LI. */
export function isDt(packets: Uint8Array, offset: number): boolean {
  return packets[offset + TPKT_HEADER_LENGTH + 1] === CODE;
}

/**
 * Queues a TSDU of at least one octet as DT TPDUs of at most `maxTpduSize` octets, header included
 * (X.224 6.3): EOT only on the last, none of them empty, and no DT of another TSDU in between.
 */
//= X.224 6.3.3 para 1
//= X.224 8.2.3
export function writeTsdu(
  sendBuffer: SendBuffer,
  format: DtFormat,
  tsdu: Uint8Array,
  maxTpduSize: number,
  view: MakeView,
): void {
  //= X.224 13.7.5
  const step = maxTpduSize - format.headerLength;
  const { length } = tsdu;
  if (length <= step) {
    sendBuffer.addPacket(format.last, tsdu);
  } else {
    const source = new OctetSource(tsdu);
    for (let start = 0; start < length; start += step) {
      const end = Math.min(start + step, length);
      const header = end === length ? format.last : format.notLast;
      sendBuffer.addPacket(header, source.give(start, end, view), length - end);
    }
  }
}

/** The DTs that {@link writeTsdu} makes of a TSDU, one after the other, as copies. */
export function* copiesOfDts(
  format: DtFormat,
  tsdu: Uint8Array,
  maxTpduSize: number,
): Generator<Uint8Array> {
  const { length } = tsdu;
  const step = maxTpduSize - format.headerLength;
  for (let start = 0; start < length; start += step) {
    const end = Math.min(start + step, length);
    const header = end === length ? format.last : format.notLast;
    const tpdu = new Uint8Array(header.length + end - start);
    tpdu.set(header);
    tpdu.set(tsdu.subarray(start, end), header.length);
    yield tpdu;
  }
}
