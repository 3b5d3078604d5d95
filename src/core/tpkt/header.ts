/**
 * The TPKT packet of RFC 1006 §6: what its header looks like and which lengths are legal.
 *
 * ```
 *  octet 1      2          3     4
 * +---------+----------+-----------+---------------+
 * | version | reserved |  length   | TPDU          |
 * |    3    |    0     | whole TPKT| 3..65531      |
 * +---------+----------+-----------+---------------+
 * ```
 */

/** Version of the packet format (RFC 1006 §6; version 1 was RFC 983). */
export const TPKT_VERSION = 3;

/** Octets of the packet header. */
export const TPKT_HEADER_LENGTH = 4;

/** Shortest and longest packet, header included (RFC 1006 §6). */
export const MIN_TPKT_LENGTH = 7;
export const MAX_TPKT_LENGTH = 65_535;

/** Shortest and longest payload of a packet, in octets. */
export const MIN_TPKT_PAYLOAD: number = MIN_TPKT_LENGTH - TPKT_HEADER_LENGTH;
export const MAX_TPKT_PAYLOAD: number = MAX_TPKT_LENGTH - TPKT_HEADER_LENGTH;

/** Length of the packet whose header begins at `offset`, in octets, header included. The header is there and valid. */
export function packetLengthAt(octets: Uint8Array, offset: number): number {
  return ((octets[offset + 2] as number) << 8) | (octets[offset + 3] as number);
}

/** The payload of each of some whole packets, as a view. */
export function* payloads<T extends Uint8Array>(packets: T): Generator<T> {
  for (let at = 0; at < packets.length; ) {
    const end = at + packetLengthAt(packets, at);
    yield packets.subarray(at + TPKT_HEADER_LENGTH, end) as T;
    at = end;
  }
}

/** Writes the header of a packet with that much payload and gives the offset after it. */
//= RFC 1006 6 TPKT
//= RFC 2126 4.3
export function writeTpktHeader(octets: Uint8Array, offset: number, payloadLength: number): number {
  const length = payloadLength + TPKT_HEADER_LENGTH;
  octets[offset] = TPKT_VERSION;
  octets[offset + 1] = 0;
  octets[offset + 2] = length >>> 8;
  octets[offset + 3] = length & 0xff;
  return offset + TPKT_HEADER_LENGTH;
}
