/**
 * The pcapng blocks that a capture of one interface needs (draft-ietf-opsawg-pcapng), in little endian. Knows
 * nothing of the captured protocol.
 *
 *     +------+--------+------+---------+--------+
 *     | type | length | body | options | length |
 *     +------+--------+------+---------+--------+
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Packets begin with an IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;

/** Codes of options. */
const END_OF_OPTIONS = 0;
const COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const EPB_FLAGS = 2;
const ISB_IFDROP = 5;

const INBOUND = 1;
const OUTBOUND = 2;

/** Octets of a block around its body and options. */
const FRAME_LENGTH = 12;
/** Octets of a packet block beside the packet: body, flags, and the most for padding and the end of options. */
const PACKET_OVERHEAD = FRAME_LENGTH + 20 + 8 + 8 + 4 + 8;

/** The blocks at the start of a file. */
export function fileHeader(application: string): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16LE(1, 4);
  // The length of the section is not known: -1.
  section.writeBigInt64LE(-1n, 8);
  const face = Buffer.alloc(8);
  face.writeUInt16LE(LINKTYPE_RAW, 0);
  return Buffer.concat([
    block(SECTION_HEADER, section, [option(SHB_USERAPPL, Buffer.from(application))]),
    block(INTERFACE_DESCRIPTION, face, [
      option(IF_NAME, Buffer.from('cotp')),
      option(IF_DESCRIPTION, Buffer.from('TPDUs in artificial TCP packets')),
    ]),
  ]);
}

/** The block at the end of a file: the number of packets that were dropped. */
export function statistics(time: number, dropped: number): Buffer {
  const body = Buffer.alloc(12);
  writeTime(body, 4, time);
  const count = Buffer.alloc(8);
  count.writeBigUInt64LE(BigInt(dropped));
  return block(INTERFACE_STATISTICS, body, [option(ISB_IFDROP, count)]);
}

/** One packet. */
export interface Packet {
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly isOutbound: boolean;
  readonly comment?: string | undefined;
  /** From the IP header on. */
  readonly octets: Buffer;
}

/** The block of a packet. */
export function packetBlock({ time, isOutbound, comment, octets }: Packet): Buffer {
  const body = Buffer.alloc(20 + padded(octets.length));
  writeTime(body, 4, time);
  body.writeUInt32LE(octets.length, 12);
  body.writeUInt32LE(octets.length, 16);
  octets.copy(body, 20);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(isOutbound ? OUTBOUND : INBOUND);
  return block(ENHANCED_PACKET, body, [
    ...(comment === undefined ? [] : [option(COMMENT, Buffer.from(comment))]),
    option(EPB_FLAGS, flags),
  ]);
}

/** Largest length of such a block, in octets. */
export function maxPacketBlock(length: number, comment = ''): number {
  return PACKET_OVERHEAD + length + 3 * comment.length;
}

function block(type: number, body: Buffer, options: readonly Buffer[]): Buffer {
  const end = option(END_OF_OPTIONS, Buffer.alloc(0));
  const octets = Buffer.concat([Buffer.alloc(8), body, ...options, end, Buffer.alloc(4)]);
  octets.writeUInt32LE(type, 0);
  octets.writeUInt32LE(octets.length, 4);
  octets.writeUInt32LE(octets.length, octets.length - 4);
  return octets;
}

function option(code: number, value: Buffer): Buffer {
  const octets = Buffer.alloc(4 + padded(value.length));
  octets.writeUInt16LE(code, 0);
  octets.writeUInt16LE(value.length, 2);
  value.copy(octets, 4);
  return octets;
}

/** Microseconds in two halves, the high one first. There is no number for a time before 1970: it becomes 0. */
function writeTime(octets: Buffer, offset: number, time: number): void {
  const microseconds = Math.max(0, Math.round(time * 1000));
  octets.writeUInt32LE(Math.floor(microseconds / 2 ** 32), offset);
  octets.writeUInt32LE(microseconds % 2 ** 32, offset + 4);
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
