/** Capture files for tests: packets of TCP connections, in the formats and on the links that are read. */

/** One packet: what a link carries. */
export interface Frame {
  readonly octets: Buffer;
  /** Octets of it that the capture has; default all. */
  readonly captured?: number;
}

/** One end of a connection: octets of its address, 4 or 16, and its port. */
export interface End {
  readonly address: readonly number[];
  readonly port: number;
}

export const CLIENT: End = { address: [10, 0, 0, 1], port: 50_000 };
export const SERVER: End = { address: [10, 0, 0, 5], port: 102 };

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

/** The fields of a segment. */
export interface Segment {
  readonly from: End;
  readonly to: End;
  readonly seq: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly data?: Buffer;
}

/** A segment of TCP. Its checksum is zero, as network cards leave it. */
export function tcpSegment({ from, to, seq, ack = 0, flags = ACK, data }: Segment): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(from.port, 0);
  header.writeUInt16BE(to.port, 2);
  header.writeUInt32BE(seq >>> 0, 4);
  header.writeUInt32BE(ack >>> 0, 8);
  header.writeUInt16BE(0x5000 | flags, 12);
  header.writeUInt16BE(65_535, 14);
  return Buffer.concat([header, data ?? Buffer.alloc(0)]);
}

/** An IPv4 packet. `part` makes it a fragment: the offset in octets, and whether more follow. */
export function ipv4(
  from: End,
  to: End,
  payload: Buffer,
  part?: { readonly id: number; readonly offset: number; readonly hasMore: boolean },
): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  if (part !== undefined) {
    header.writeUInt16BE(part.id, 4);
    header.writeUInt16BE((part.offset / 8) | (part.hasMore ? 0x2000 : 0), 6);
  }
  header.writeUInt16BE(0x4006, 8);
  header.set([...from.address, ...to.address], 12);
  return Buffer.concat([header, payload]);
}

/** An IPv6 packet; the extension headers are given with the type of the first. */
export function ipv6(
  from: End,
  to: End,
  payload: Buffer,
  extensions: { readonly first: number; readonly octets: Buffer } = {
    first: 6,
    octets: Buffer.alloc(0),
  },
): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(extensions.octets.length + payload.length, 4);
  header[6] = extensions.first;
  header[7] = 64;
  header.set([...from.address, ...to.address], 8);
  return Buffer.concat([header, extensions.octets, payload]);
}

/** An Ethernet frame, with padding to 60 octets as short frames have. */
export function ethernet(packet: Buffer, tags = ''): Buffer {
  const type = (packet[0] ?? 0) >> 4 === 4 ? '0800' : '86dd';
  const frame = Buffer.concat([
    Buffer.from(`020000000001020000000002${tags}${type}`, 'hex'),
    packet,
  ]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))]);
}

/** A TCP connection: the IP packets of both sides, with the right numbers. */
export class Connection {
  readonly packets: Buffer[] = [];
  readonly #ends: readonly [End, End];
  readonly #next: [number, number];
  readonly #ip: typeof ipv4;

  constructor({
    client = CLIENT,
    server = SERVER,
    seq = 1000,
    isStarted = false,
  }: {
    readonly client?: End;
    readonly server?: End;
    readonly seq?: number;
    /** Without a handshake. */
    readonly isStarted?: boolean;
  } = {}) {
    this.#ends = [client, server];
    this.#next = [seq, seq + 4000];
    this.#ip = client.address.length === 4 ? ipv4 : (from, to, payload) => ipv6(from, to, payload);
    if (!isStarted) {
      this.#send(0, SYN)
        .#send(1, SYN | ACK)
        .#send(0, ACK);
    }
  }

  client(octets: string | Buffer): this {
    return this.#send(0, ACK, octets);
  }

  server(octets: string | Buffer): this {
    return this.#send(1, ACK, octets);
  }

  /** Both sides send a FIN. */
  end(): this {
    return this.#send(0, FIN | ACK)
      .#send(1, FIN | ACK)
      .#send(0, ACK);
  }

  /** A side resets the connection. */
  reset(by: 'client' | 'server' = 'client'): this {
    return this.#send(by === 'client' ? 0 : 1, RST | ACK);
  }

  /** Removes the latest packet: it was sent, but not captured. */
  lost(): this {
    this.packets.pop();
    return this;
  }

  #send(index: 0 | 1, flags: number, octets: string | Buffer = ''): this {
    const data = typeof octets === 'string' ? Buffer.from(octets, 'hex') : octets;
    const [from, to] = index === 0 ? this.#ends : ([this.#ends[1], this.#ends[0]] as const);
    const seq = this.#next[index];
    const ack = (flags & ACK) === 0 ? 0 : this.#next[1 - index];
    const segment = tcpSegment({ from, to, seq, ack: ack ?? 0, flags, data });
    this.packets.push(this.#ip(from, to, segment));
    this.#next[index] += data.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    return this;
  }
}

/** Raw IP, the link of {@link Connection}'s packets. */
export const RAW = 101;

function frameOf(packet: Buffer | Frame): Frame {
  return Buffer.isBuffer(packet) ? { octets: packet } : packet;
}

/** Seconds since 1970 of the first frame; each frame comes a millisecond later. */
const START = 1_700_000_000;

/** A pcap file. */
export function pcap(
  packets: readonly (Buffer | Frame)[],
  { linkType = RAW, isBigEndian = false, isNanoseconds = false } = {},
): Buffer {
  const word = (value: number) => {
    const octets = Buffer.alloc(4);
    isBigEndian ? octets.writeUInt32BE(value) : octets.writeUInt32LE(value);
    return octets;
  };
  const versions = Buffer.from(isBigEndian ? '00020004' : '02000400', 'hex');
  const magic = isNanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
  const header = [word(magic), versions, word(0), word(0), word(65_535), word(linkType)];
  const records = packets
    .map(frameOf)
    .flatMap(({ octets, captured = octets.length }, i) => [
      word(START + Math.floor(i / 1000)),
      word((i % 1000) * (isNanoseconds ? 1_000_000 : 1_000)),
      word(captured),
      word(octets.length),
      octets.subarray(0, captured),
    ]);
  return Buffer.concat([...header, ...records]);
}

/** Builds blocks of pcapng. */
export class Pcapng {
  readonly #isBigEndian: boolean;

  constructor(isBigEndian = false) {
    this.#isBigEndian = isBigEndian;
  }

  word(...values: readonly number[]): Buffer {
    const octets = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) {
      this.#isBigEndian ? octets.writeUInt32BE(value, 4 * i) : octets.writeUInt32LE(value, 4 * i);
    }
    return octets;
  }

  half(value: number): Buffer {
    const octets = Buffer.alloc(2);
    this.#isBigEndian ? octets.writeUInt16BE(value) : octets.writeUInt16LE(value);
    return octets;
  }

  block(type: number, ...body: readonly Buffer[]): Buffer {
    const octets = Buffer.concat(body);
    const padding = Buffer.alloc(-octets.length & 3);
    const length = this.word(12 + octets.length + padding.length);
    return Buffer.concat([this.word(type), length, octets, padding, length]);
  }

  option(code: number, octets: Buffer): Buffer {
    const padding = Buffer.alloc(-octets.length & 3);
    return Buffer.concat([this.half(code), this.half(octets.length), octets, padding]);
  }

  section(): Buffer {
    const version = Buffer.concat([this.half(1), this.half(0)]);
    return this.block(0x0a0d0d0a, this.word(0x1a2b3c4d), version, Buffer.alloc(8, 0xff));
  }

  face(linkType: number, snapLength = 0, ...options: readonly Buffer[]): Buffer {
    const body = Buffer.concat([this.half(linkType), this.half(0), this.word(snapLength)]);
    return this.block(1, body, ...options);
  }

  packet(packet: Buffer | Frame, ticks: bigint, face = 0): Buffer {
    const { octets, captured = octets.length } = frameOf(packet);
    const time = this.word(Number(ticks >> 32n), Number(ticks & 0xffff_ffffn));
    const lengths = this.word(captured, octets.length);
    return this.block(6, this.word(face), time, lengths, octets.subarray(0, captured));
  }
}

/** A pcapng file of one interface. */
export function pcapng(
  packets: readonly (Buffer | Frame)[],
  { linkType = RAW, isBigEndian = false } = {},
): Buffer {
  const blocks = new Pcapng(isBigEndian);
  return Buffer.concat([
    blocks.section(),
    blocks.face(linkType),
    ...packets.map((packet, i) => blocks.packet(packet, BigInt(START * 1000 + i) * 1000n)),
  ]);
}
