/**
 * An artificial TCP conversation with the TPDUs of one connection: handshake, data with sequence numbers,
 * end. Produces IPv4 or IPv6 packets with correct checksums; knows no file.
 */
import { SocketAddress } from 'node:net';
import type { TracedConnection } from '../entry.js';

/** One end of a TCP connection; `ip` has 4 or 16 octets. */
export interface End {
  readonly ip: Buffer;
  readonly port: number;
}

/** A TCP segment. */
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

/** The IP packet of a segment. */
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
  // RFC 9293 3.1, RFC 8200 8.1: the sum includes the addresses, the protocol and the length.
  const pseudo = sum(from.ip, sum(to.ip, PROTOCOL_TCP + tcpLength));
  tcp.writeUInt16BE(checksum(tcp, pseudo), 16);
  return packet;
}

const NO_OPTIONS = Buffer.alloc(0);

/** Octets of an IP address; `undefined` for any other text, such as a host name. */
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

/** Adds 16-bit numbers. For one packet the sum is far below 2^53. */
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

/** A packet of the conversation, and whether this side sent it. */
export interface ConversationPacket {
  readonly isOutbound: boolean;
  readonly octets: Buffer;
}

/** Data in one direction without an answer is acknowledged after this many octets. */
const ACK_AFTER = 1_048_576;

/** Maximum segment size, and a window scale that is large enough for any trace. */
const SYN_OPTIONS = Buffer.from([2, 4, MAX_SEGMENT >> 8, MAX_SEGMENT & 0xff, 1, 3, 3, 14]);

const NO_DATA: Buffer = Buffer.alloc(0);

/** Most packets of one entry beside those with data: a handshake and an acknowledgement. */
export const MOST_EXTRA_PACKETS = 4;

/** Addresses for ends without an IP address: RFC 5737 reserves these for documentation. */
const UNKNOWN_CLIENT = Buffer.from([192, 0, 2, 1]);
const UNKNOWN_SERVER = Buffer.from([192, 0, 2, 2]);
const COTP_PORT = 102;
const FIRST_EPHEMERAL_PORT = 49_152;
const EPHEMERAL_PORTS = 16_384;

/** A client port for a connection of which the real one is not known, or cannot be used. */
export function artificialPort(number: number): number {
  return FIRST_EPHEMERAL_PORT + (number % EPHEMERAL_PORTS);
}

/** One direction of the conversation. */
class Half {
  readonly end: End;
  readonly isOurs: boolean;
  /** Number of the next octet that it sends. */
  seq: number;
  /** Octets that were sent and are not acknowledged. */
  unacknowledged = 0;

  constructor(end: End, isOurs: boolean, seq: number) {
    this.end = end;
    this.isOurs = isOurs;
    this.seq = seq;
  }
}

/** The conversation of one connection. */
export class Conversation {
  /** The same for both ends of one TCP connection. */
  readonly key: string;
  /** The same for conversations whose packets cannot be told apart. */
  readonly written: string;
  readonly #local: Half;
  readonly #remote: Half;
  readonly #client: Half;
  readonly #server: Half;
  #hasBegun = false;

  /**
   * @param serverPort written instead of the port of the server
   * @param clientPort written instead of the port of the client
   */
  constructor(connection: TracedConnection, serverPort?: number, clientPort?: number) {
    const isClient = connection.role === 'client';
    const ends = endsOf(connection);
    const client = { ...ends.client, port: clientPort ?? ends.client.port };
    const server = { ...ends.server, port: serverPort ?? ends.server.port };
    // Each connection begins with other sequence numbers, so that a reused pair of ports is not mistaken for
    // the same connection.
    const seq = Math.imul(connection.connection, 0x9e3779b1) >>> 0;
    this.#client = new Half(client, isClient, seq);
    this.#server = new Half(server, !isClient, (seq ^ 0x80000000) >>> 0);
    [this.#local, this.#remote] = isClient
      ? [this.#client, this.#server]
      : [this.#server, this.#client];
    const text = ({ ip, port }: End) => `${ip.toString('hex')}.${port}`;
    this.key = `${text(ends.client)} ${text(ends.server)}`;
    this.written = `${text(client)} ${text(server)}`;
  }

  /** The packets with this data. Before the first data there is a handshake. */
  data(direction: 'sent' | 'received', data: Buffer): ConversationPacket[] {
    const packets = this.#hasBegun ? [] : this.#handshake();
    const [from, to] =
      direction === 'sent' ? [this.#local, this.#remote] : [this.#remote, this.#local];
    for (let at = 0; at < data.length; at += MAX_SEGMENT) {
      packets.push(this.#segment(from, to, PSH | ACK, data.subarray(at, at + MAX_SEGMENT)));
    }
    if (from.unacknowledged >= ACK_AFTER) {
      packets.push(this.#segment(to, from, ACK));
    }
    return packets;
  }

  /** The packets that end the conversation. */
  end(how: 'fin' | 'reset', by: 'local' | 'remote'): ConversationPacket[] {
    const [first, second] =
      by === 'local' ? [this.#local, this.#remote] : [this.#remote, this.#local];
    if (how === 'reset') {
      return [this.#segment(first, second, RST | ACK)];
    }
    return [
      this.#segment(first, second, FIN | ACK),
      this.#segment(second, first, FIN | ACK),
      this.#segment(first, second, ACK),
    ];
  }

  #handshake(): ConversationPacket[] {
    this.#hasBegun = true;
    return [
      this.#segment(this.#client, this.#server, SYN, NO_DATA, SYN_OPTIONS),
      this.#segment(this.#server, this.#client, SYN | ACK, NO_DATA, SYN_OPTIONS),
      this.#segment(this.#client, this.#server, ACK),
    ];
  }

  #segment(
    from: Half,
    to: Half,
    flags: number,
    data = NO_DATA,
    options = NO_DATA,
  ): ConversationPacket {
    const hasAck = (flags & ACK) !== 0;
    const octets = ipPacket({
      from: from.end,
      to: to.end,
      seq: from.seq,
      ack: hasAck ? to.seq : 0,
      flags,
      options,
      data,
    });
    // SYN and FIN each use one sequence number (RFC 9293 3.4).
    const length = data.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    from.seq = (from.seq + length) >>> 0;
    from.unacknowledged += length;
    if (hasAck) {
      to.unacknowledged = 0;
    }
    return { isOutbound: from.isOurs, octets };
  }
}

/** The real addresses if both are known and have the same IP version; otherwise artificial ones. */
function endsOf({ connection, role, localAddr, remoteAddr }: TracedConnection) {
  const [client, server] = role === 'client' ? [localAddr, remoteAddr] : [remoteAddr, localAddr];
  const clientIp = ipOctets(client.host);
  const serverIp = ipOctets(server.host);
  if (clientIp !== undefined && clientIp.length === serverIp?.length) {
    return {
      client: { ip: clientIp, port: client.port },
      server: { ip: serverIp, port: server.port },
    };
  }
  return {
    client: { ip: UNKNOWN_CLIENT, port: artificialPort(connection) },
    server: { ip: UNKNOWN_SERVER, port: COTP_PORT },
  };
}
