/** Reads the headers of IPv4 and IPv6 packets (RFC 791, RFC 8200), as far as TCP needs them. */
import { SocketAddress } from 'node:net';

/** The payload of an IP packet. */
export interface IpPayload {
  /** Source and destination as they are in the packet: 4 or 16 octets each. */
  readonly source: Buffer;
  readonly destination: Buffer;
  readonly protocol: number;
  /** What was captured of the payload. */
  readonly octets: Buffer;
  /** Length of the payload on the wire, in octets. */
  readonly length: number;
  /** Present if the packet is a fragment. */
  readonly fragment?: Fragment | undefined;
}

/** Which part of its datagram a fragment is. */
export interface Fragment {
  readonly id: number;
  /** Offset of the payload in that of the datagram. */
  readonly offset: number;
  /** More fragments follow. */
  readonly hasMore: boolean;
}

export const TCP = 6;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const FRAGMENT_HEADER = 44;
const AUTHENTICATION_HEADER = 51;
/** Hop-by-hop options, routing, destination options, mobility, HIP, SHIM6. */
const EXTENSION_HEADERS = [0, 43, 60, 135, 139, 140];

/** What can hold TCP, but is not read. */
const TUNNELS: Readonly<Record<number, string>> = {
  4: 'IP in IP',
  41: 'IPv6 in IP',
  47: 'GRE',
  50: 'ESP',
};

/** Why an IP packet is not read. */
export type Unread = { readonly unread: string };

export const CUT: Unread = { unread: 'headers cut by the snap length' };
const WRONG: Unread = { unread: 'wrong IP header' };

/** True if a datagram with this payload can have TCP: at its start, or behind extension headers. */
export function mayBeTcp({ protocol }: IpPayload): boolean {
  return protocol === TCP || isExtension(protocol);
}

/**
 * Reads an IP packet.
 *
 * @param octets begin with the IP header; octets behind the packet, such as padding, are ignored
 * @param wireLength length on the wire of what `octets` begin with
 */
export function readIp(octets: Buffer, wireLength: number): IpPayload | Unread {
  const version = (octets[0] ?? 0) >> 4;
  const least = version === 6 ? IPV6_HEADER : IPV4_HEADER;
  if (octets.length > 0 && version !== 4 && version !== 6) {
    return WRONG;
  }
  if (octets.length < least) {
    return octets.length < wireLength ? CUT : WRONG;
  }
  return supported(version === 4 ? readIpv4(octets, wireLength) : readIpv6(octets, wireLength));
}

/** Reads the extension headers at the start of a datagram that was put together from fragments. */
export function readExtensions(datagram: IpPayload): IpPayload | Unread {
  const { octets, length, protocol } = datagram;
  const found = walk(octets, protocol, 0, length);
  if ('unread' in found) {
    return found;
  }
  const rest = { octets: octets.subarray(found.at), length: Math.max(0, length - found.at) };
  // A fragment within a fragment.
  return found.fragment === undefined
    ? supported({ ...datagram, ...rest, protocol: found.protocol })
    : WRONG;
}

function supported(found: IpPayload | Unread): IpPayload | Unread {
  const unread = 'unread' in found ? undefined : TUNNELS[found.protocol];
  return unread === undefined ? found : { unread };
}

function readIpv4(octets: Buffer, wireLength: number): IpPayload | Unread {
  const headerLength = (octets.readUInt8(0) & 0x0f) * 4;
  // A length of 0 is written by systems that leave the segmentation to the network card.
  const length = octets.readUInt16BE(2) || wireLength;
  if (headerLength < IPV4_HEADER || length < headerLength) {
    return WRONG;
  }
  const word = octets.readUInt16BE(6);
  const fragment = {
    id: octets.readUInt16BE(4),
    offset: (word & 0x1fff) * 8,
    hasMore: (word & 0x2000) !== 0,
  };
  const found = {
    source: octets.subarray(12, 16),
    destination: octets.subarray(16, 20),
    protocol: octets.readUInt8(9),
    octets: octets.subarray(headerLength, length),
    length: length - headerLength,
  };
  // IPv4 has an authentication header too. That of a fragment is read in the whole datagram.
  return fragment.hasMore || fragment.offset > 0 ? { ...found, fragment } : readExtensions(found);
}

function readIpv6(octets: Buffer, wireLength: number): IpPayload | Unread {
  const end = IPV6_HEADER + (octets.readUInt16BE(4) || wireLength - IPV6_HEADER);
  const found = walk(octets, octets.readUInt8(6), IPV6_HEADER, end);
  if ('unread' in found) {
    return found;
  }
  const { protocol, at, fragment } = found;
  return {
    source: octets.subarray(8, 24),
    destination: octets.subarray(24, 40),
    protocol,
    octets: octets.subarray(at, end),
    length: Math.max(0, end - at),
    ...(fragment === undefined ? {} : { fragment }),
  };
}

/** What is behind extension headers: its type and its offset. */
interface Walked {
  readonly protocol: number;
  readonly at: number;
  readonly fragment: Fragment | undefined;
}

/** Reads extension headers, up to that of a fragment: what is behind it is part of the datagram. */
function walk(octets: Buffer, first: number, start: number, end: number): Walked | Unread {
  let protocol = first;
  let at = start;
  while (isExtension(protocol)) {
    if (at + 8 > end) {
      return WRONG;
    }
    if (at + 8 > octets.length) {
      return CUT;
    }
    const isFragment = protocol === FRAGMENT_HEADER;
    const fragment = isFragment ? fragmentOf(octets.subarray(at)) : undefined;
    const length = extensionLength(protocol, octets.readUInt8(at + 1));
    protocol = octets.readUInt8(at);
    at += length;
    if (fragment !== undefined) {
      return { protocol, at, fragment };
    }
  }
  return { protocol, at, fragment: undefined };
}

/** Reads a fragment header; `undefined` if the whole datagram is behind it. */
function fragmentOf(header: Buffer): Fragment | undefined {
  const word = header.readUInt16BE(2);
  const [offset, hasMore] = [word & 0xfff8, (word & 1) !== 0];
  return hasMore || offset > 0 ? { id: header.readUInt32BE(4), offset, hasMore } : undefined;
}

function isExtension(protocol: number): boolean {
  return (
    protocol === FRAGMENT_HEADER ||
    protocol === AUTHENTICATION_HEADER ||
    EXTENSION_HEADERS.includes(protocol)
  );
}

/** Octets of an extension header, by the length field in it. */
function extensionLength(protocol: number, field: number): number {
  if (protocol === FRAGMENT_HEADER) {
    return 8;
  }
  return protocol === AUTHENTICATION_HEADER ? (field + 2) * 4 : (field + 1) * 8;
}

/** An address as text. */
export function addressOf(octets: Buffer): string {
  if (octets.length === 4) {
    return octets.join('.');
  }
  const groups = octets.toString('hex').replace(/....(?!$)/g, '$&:');
  return new SocketAddress({ address: groups, family: 'ipv6' }).address;
}

/** `address:port`, with the brackets that IPv6 requires. */
export function endOf(address: Buffer, port: number): string {
  const text = addressOf(address);
  return address.length === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}
