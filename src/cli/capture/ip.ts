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

const CUT: Unread = { unread: 'headers cut by the snap length' };

/** True if the packet is wanted: its payload is TCP. */
export function isTcp(payload: IpPayload): boolean {
  return payload.protocol === TCP;
}

/**
 * Reads an IP packet.
 *
 * @param octets begin with the IP header; octets behind the packet, such as padding, are ignored
 * @param wireLength length on the wire of what `octets` begin with
 */
export function readIp(octets: Buffer, wireLength: number): IpPayload | Unread | undefined {
  const version = (octets[0] ?? 0) >> 4;
  const found =
    version === 4
      ? readIpv4(octets, wireLength)
      : version === 6
        ? readIpv6(octets, wireLength)
        : undefined;
  if (found === undefined || 'unread' in found) {
    return found;
  }
  const unread = TUNNELS[found.protocol];
  return unread === undefined ? found : { unread };
}

function readIpv4(octets: Buffer, wireLength: number): IpPayload | Unread | undefined {
  if (octets.length < IPV4_HEADER) {
    return CUT;
  }
  const headerLength = (octets.readUInt8(0) & 0x0f) * 4;
  // A length of 0 is written by systems that leave the segmentation to the network card.
  const length = octets.readUInt16BE(2) || wireLength;
  if (headerLength < IPV4_HEADER || length < headerLength) {
    return undefined;
  }
  const word = octets.readUInt16BE(6);
  const fragment = {
    id: octets.readUInt16BE(4),
    offset: (word & 0x1fff) * 8,
    hasMore: (word & 0x2000) !== 0,
  };
  return {
    source: octets.subarray(12, 16),
    destination: octets.subarray(16, 20),
    protocol: octets.readUInt8(9),
    octets: octets.subarray(headerLength, length),
    length: length - headerLength,
    ...(fragment.hasMore || fragment.offset > 0 ? { fragment } : {}),
  };
}

function readIpv6(octets: Buffer, wireLength: number): IpPayload | Unread | undefined {
  if (octets.length < IPV6_HEADER) {
    return CUT;
  }
  const end = IPV6_HEADER + (octets.readUInt16BE(4) || wireLength - IPV6_HEADER);
  let protocol = octets.readUInt8(6);
  let at = IPV6_HEADER;
  let fragment: Fragment | undefined;
  // Behind the header of a fragment that is not the first, there are no more headers.
  while ((fragment?.offset ?? 0) === 0 && isExtension(protocol)) {
    if (at + 8 > end) {
      return undefined;
    }
    if (at + 8 > octets.length) {
      return CUT;
    }
    const following = octets.readUInt8(at);
    if (protocol === FRAGMENT_HEADER) {
      const word = octets.readUInt16BE(at + 2);
      fragment = {
        id: octets.readUInt32BE(at + 4),
        offset: word & 0xfff8,
        hasMore: (word & 1) !== 0,
      };
    }
    at += extensionLength(protocol, octets.readUInt8(at + 1));
    protocol = following;
  }
  const isFragment = fragment !== undefined && (fragment.hasMore || fragment.offset > 0);
  return {
    source: octets.subarray(8, 24),
    destination: octets.subarray(24, 40),
    protocol,
    octets: octets.subarray(at, end),
    length: Math.max(0, end - at),
    ...(isFragment ? { fragment } : {}),
  };
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
