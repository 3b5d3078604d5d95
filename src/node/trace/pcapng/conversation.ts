/**
 * The TCP conversation that is made up around the TPDUs of one connection: handshake, data with its
 * numbers, end. Gives packets; knows no file.
 */
import type { TracedConnection } from '../entry.js';
import { ACK, type End, FIN, ipOctets, ipPacket, MAX_SEGMENT, PSH, RST, SYN } from './packet.js';

/** A packet of the conversation, and whether this side sent it. */
export interface ConversationPacket {
  readonly isOutbound: boolean;
  readonly octets: Buffer;
}

/** Data that goes one way without an answer is acknowledged after so many octets. */
const ACK_AFTER = 1_048_576;

/** Maximum segment size, and a window scale that no trace fills. */
const SYN_OPTIONS = Buffer.from([2, 4, MAX_SEGMENT >> 8, MAX_SEGMENT & 0xff, 1, 3, 3, 14]);

const NO_DATA: Buffer = Buffer.alloc(0);

/** The most packets beside those of data that one entry brings: a handshake and an acknowledgement. */
export const MOST_EXTRA_PACKETS = 4;

/** Addresses for ends that have none: RFC 5737 keeps these for documentation. */
const UNKNOWN_CLIENT = Buffer.from([192, 0, 2, 1]);
const UNKNOWN_SERVER = Buffer.from([192, 0, 2, 2]);
const COTP_PORT = 102;
const FIRST_EPHEMERAL_PORT = 49_152;
const EPHEMERAL_PORTS = 16_384;

/** One direction of the conversation. */
class Half {
  readonly end: End;
  readonly isOurs: boolean;
  /** Number of the next octet that it sends. */
  seq: number;
  /** Octets that it sent and that the other has not acknowledged. */
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
  readonly #local: Half;
  readonly #remote: Half;
  readonly #client: Half;
  readonly #server: Half;
  #hasBegun = false;

  /** @param serverPort written in place of the server's own */
  constructor(connection: TracedConnection, serverPort: number | undefined) {
    const isClient = connection.role === 'client';
    const ends = endsOf(connection);
    const server = { ...ends.server, port: serverPort ?? ends.server.port };
    // Numbers of their own, so that a pair of ports that is used again is not taken for the same.
    const seq = Math.imul(connection.connection, 0x9e3779b1) >>> 0;
    this.#client = new Half(ends.client, isClient, seq);
    this.#server = new Half(server, !isClient, (seq ^ 0x80000000) >>> 0);
    [this.#local, this.#remote] = isClient
      ? [this.#client, this.#server]
      : [this.#server, this.#client];
    const text = ({ ip, port }: End) => `${ip.toString('hex')}.${port}`;
    this.key = `${text(ends.client)} ${text(ends.server)}`;
  }

  /** The packets that carry this data, a handshake before the first. */
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

  /** The packets of the end. */
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
    // SYN and FIN take a number each (RFC 9293 3.4).
    const length = data.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    from.seq = (from.seq + length) >>> 0;
    from.unacknowledged += length;
    if (hasAck) {
      to.unacknowledged = 0;
    }
    return { isOutbound: from.isOurs, octets };
  }
}

/** The real addresses where both are known and of one kind, else made-up ones. */
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
  const port = FIRST_EPHEMERAL_PORT + (connection % EPHEMERAL_PORTS);
  return {
    client: { ip: UNKNOWN_CLIENT, port },
    server: { ip: UNKNOWN_SERVER, port: COTP_PORT },
  };
}
