/** Reads the header of a TCP segment (RFC 9293 3.1). */

/** A TCP segment, as far as it was captured. */
export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq: number;
  /** `undefined` if the segment acknowledges nothing. */
  readonly ack: number | undefined;
  readonly isSyn: boolean;
  readonly isFin: boolean;
  readonly isReset: boolean;
  readonly data: Buffer;
  /** Octets behind `data` that the segment had on the wire and the capture has not. */
  readonly missing: number;
}

const LEAST_HEADER = 20;
/** The octets of the header that are used: up to the flags. */
const USED_HEADER = 14;

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

/**
 * Reads a segment.
 *
 * @param octets what was captured of it
 * @param length its length on the wire
 * @returns `'cut'` if too little of the header was captured, `undefined` if the header is wrong
 */
export function readTcp(octets: Buffer, length: number): TcpSegment | 'cut' | undefined {
  if (octets.length < USED_HEADER) {
    return length < LEAST_HEADER ? undefined : 'cut';
  }
  const start = (octets.readUInt8(12) >> 4) * 4;
  if (start < LEAST_HEADER || start > length) {
    return undefined;
  }
  const flags = octets.readUInt8(13);
  const data = octets.subarray(start, length);
  return {
    sourcePort: octets.readUInt16BE(0),
    destinationPort: octets.readUInt16BE(2),
    seq: octets.readUInt32BE(4),
    ack: (flags & ACK) === 0 ? undefined : octets.readUInt32BE(8),
    isSyn: (flags & SYN) !== 0,
    isFin: (flags & FIN) !== 0,
    isReset: (flags & RST) !== 0,
    data,
    missing: length - start - data.length,
  };
}
