/**
 * Captures for the fuzzer: the chunks of a stream as TCP segments in IPv4 packets, in a pcap or pcapng file.
 */
import { join } from './octets.js';

/** A packet, and how many octets of it the capture has. */
export interface Packet {
  readonly octets: Uint8Array;
  readonly captured: number;
}

const SYN = 0x02;
const ACK = 0x10;

/** The first sequence number: it wraps behind a few octets. */
const FIRST = 2 ** 32 - 20;

/** The packets of one direction of a stream: a SYN, and a segment for each chunk. */
export function packetsOf(chunks: readonly Uint8Array[]): Packet[] {
  let offset = 0;
  const segments = chunks.map((chunk) => {
    const start = offset;
    offset += chunk.length;
    return segmentAt(start, chunk);
  });
  return [packet(FIRST, SYN, new Uint8Array(0)), ...segments];
}

/** The segment with the octets of a stream from an offset on. */
export function segmentAt(offset: number, octets: Uint8Array): Packet {
  return packet(FIRST + 1 + offset, ACK, octets);
}

function packet(sequence: number, flags: number, data: Uint8Array): Packet {
  const octets = new Uint8Array(40 + data.length);
  const view = new DataView(octets.buffer);
  octets[0] = 0x45;
  view.setUint16(2, octets.length);
  octets.set([64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 5], 8);
  view.setUint16(20, 50_000);
  view.setUint16(22, 102);
  view.setUint32(24, sequence >>> 0);
  octets.set([0x50, flags], 32);
  octets.set(data, 40);
  return { octets, captured: octets.length };
}

function words(...values: readonly number[]): Uint8Array {
  const octets = new Uint8Array(4 * values.length);
  const view = new DataView(octets.buffer);
  for (const [i, value] of values.entries()) {
    view.setUint32(4 * i, value, true);
  }
  return octets;
}

/** Raw IP. */
const LINK_TYPE = 101;

export function pcapOf(packets: readonly Packet[]): Uint8Array {
  const header = words(0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, LINK_TYPE);
  const records = packets.flatMap(({ octets, captured }, i) => [
    words(i, 0, captured, octets.length),
    octets.subarray(0, captured),
  ]);
  return join(header, ...records);
}

export function pcapngOf(packets: readonly Packet[]): Uint8Array {
  const block = (type: number, ...body: readonly Uint8Array[]) => {
    const octets = join(...body);
    const padding = new Uint8Array(-octets.length & 3);
    const length = words(12 + octets.length + padding.length);
    return join(words(type), length, octets, padding, length);
  };
  return join(
    block(0x0a0d0d0a, words(0x1a2b3c4d, 1, 0xffff_ffff, 0xffff_ffff)),
    block(1, words(LINK_TYPE, 0)),
    ...packets.map(({ octets, captured }, i) =>
      block(6, words(0, 0, i, captured, octets.length), octets.subarray(0, captured)),
    ),
  );
}
