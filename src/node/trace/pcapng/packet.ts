/**
 * One TCP segment in an IPv4 or IPv6 packet, checksums right. Knows nothing of conversations.
 */
import { SocketAddress } from 'node:net';

/** One end of a TCP connection; `ip` has 4 or 16 octets. */
export interface End {
  readonly ip: Buffer;
  readonly port: number;
}

/** What a segment says beside its data. */
export interface Segment {
  readonly from: End;
  readonly to: End;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly options?: Buffer;
  readonly data: Buffer;
}

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

const IPV4_LENGTH = 20;
const IPV6_LENGTH = 40;
const TCP_LENGTH = 20;
const PROTOCOL_TCP = 6;
const HOPS = 64;
const DONT_FRAGMENT = 0x4000;
const WINDOW = 0xffff;

/** Data of one segment without options, so that even an IPv4 packet stays within 65535 octets. */
export const MAX_SEGMENT: number = 65_535 - IPV4_LENGTH - TCP_LENGTH;

/** The most octets of headers, options not counted. */
export const MAX_HEADERS: number = IPV6_LENGTH + TCP_LENGTH;

/** The packet that a segment travels in. */
export function ipPacket(segment: Segment): Buffer {
  const { from, to, data, options = NO_OPTIONS } = segment;
  const isIPv4 = from.ip.length === 4;
  const ipLength = isIPv4 ? IPV4_LENGTH : IPV6_LENGTH;
  const tcpLength = TCP_LENGTH + options.length + data.length;
  const packet = Buffer.alloc(ipLength + tcpLength);
  if (isIPv4) {
    packet[0] = 0x45;
    packet.writeUInt16BE(packet.length, 2);
    packet.writeUInt16BE(DONT_FRAGMENT, 6);
    packet[8] = HOPS;
    packet[9] = PROTOCOL_TCP;
    from.ip.copy(packet, 12);
    to.ip.copy(packet, 16);
    packet.writeUInt16BE(checksum(packet.subarray(0, ipLength), 0), 10);
  } else {
    packet[0] = 0x60;
    packet.writeUInt16BE(tcpLength, 4);
    packet[6] = PROTOCOL_TCP;
    packet[7] = HOPS;
    from.ip.copy(packet, 8);
    to.ip.copy(packet, 24);
  }
  const tcp = packet.subarray(ipLength);
  tcp.writeUInt16BE(from.port, 0);
  tcp.writeUInt16BE(to.port, 2);
  tcp.writeUInt32BE(segment.seq, 4);
  tcp.writeUInt32BE(segment.ack, 8);
  tcp[12] = ((TCP_LENGTH + options.length) / 4) << 4;
  tcp[13] = segment.flags;
  tcp.writeUInt16BE(WINDOW, 14);
  options.copy(tcp, TCP_LENGTH);
  data.copy(tcp, TCP_LENGTH + options.length);
  // RFC 9293 3.1, RFC 8200 8.1: the addresses, the protocol and the length belong to the sum.
  const pseudo = sum(from.ip, sum(to.ip, PROTOCOL_TCP + tcpLength));
  tcp.writeUInt16BE(checksum(tcp, pseudo), 16);
  return packet;
}

const NO_OPTIONS = Buffer.alloc(0);

/** Octets of an IP address; `undefined` for what is none, such as a host name. */
export function ipOctets(host: string): Buffer | undefined {
  const [address = ''] = host.split('%');
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) {
    const numbers = v4.split('.').map(Number);
    return numbers.every((each) => each <= 255) ? Buffer.from(numbers) : undefined;
  }
  return address.includes(':') ? ipv6Octets(address) : undefined;
}

function ipv6Octets(text: string): Buffer | undefined {
  let canonical: string;
  try {
    canonical = new SocketAddress({ address: text, family: 'ipv6' }).address;
  } catch {
    return undefined;
  }
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const front = groups(head);
  const back = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  const octets = Buffer.alloc(16);
  for (const [i, group] of [...front, ...zeros, ...back].entries()) {
    octets.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  }
  return octets;
}

/** Adds 16-bit numbers; far from 2^53 for anything that a packet holds. */
function sum(octets: Buffer, start: number): number {
  let total = start;
  const even = octets.length & ~1;
  for (let i = 0; i < even; i += 2) {
    total += ((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0);
  }
  return even === octets.length ? total : total + ((octets[even] ?? 0) << 8);
}

/** RFC 1071: the complement of the sum in one's complement. */
function checksum(octets: Buffer, start: number): number {
  let total = sum(octets, start);
  while (total > 0xffff) {
    total = (total & 0xffff) + Math.floor(total / 0x10000);
  }
  return ~total & 0xffff;
}
