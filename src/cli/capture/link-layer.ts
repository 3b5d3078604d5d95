/** Finds the IP packet in a captured frame, whatever link it was captured on. */
import { CUT, type Unread } from './ip.js';

/** Where the IP packet begins, or why there is none to read: `undefined` if the frame has no IP packet. */
export type IpStart = number | Unread | undefined;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** 802.1Q, 802.1ad, and the two that were in use before 802.1ad for the outer tag. */
const VLAN_TAGS = [0x8100, 0x88a8, 0x9100, 0x9200];
/** The tag of HSR, which networks of IEC 61850 use: two octets of path and length, and a sequence number (IEC 62439-3). */
const HSR_TAG = 0x892f;
/** A number up to this is the length of an IEEE 802.3 frame; behind LLC and SNAP it has an EtherType too (RFC 1042). */
const MOST_LENGTH = 1500;
const SNAP = Buffer.of(0xaa, 0xaa, 3, 0, 0, 0);
/** What can hold IP packets, but is not read: by EtherType. */
const UNREAD: ReadonlyMap<number, string> = new Map([
  [0x8847, 'MPLS'],
  [0x8848, 'MPLS'],
  [0x8864, 'PPPoE'],
  [0x88e5, 'MACsec'],
  [0x88e7, '802.1ah'],
]);

/** Values of the loopback header for IPv6; they differ between systems. IPv4 is 2. */
const LOOPBACK_FAMILIES = [2, 10, 23, 24, 28, 30];

/** Reads an EtherType at `at`, and the tags before it. */
function ofEtherType(octets: Buffer, at: number): IpStart {
  let offset = at;
  while (offset + 2 <= octets.length) {
    const type = octets.readUInt16BE(offset);
    offset += 2;
    if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) {
      return offset;
    }
    const length = tagLength(type, octets.subarray(offset));
    if (length === undefined) {
      const unread = UNREAD.get(type);
      return unread === undefined ? undefined : { unread };
    }
    offset += length;
  }
  return CUT;
}

/** Octets between an EtherType and the next one; `undefined` if it is the last. */
function tagLength(type: number, rest: Buffer): number | undefined {
  if (VLAN_TAGS.includes(type)) {
    return 2;
  }
  if (type === HSR_TAG) {
    return 4;
  }
  const hasSnap = type <= MOST_LENGTH && rest.subarray(0, SNAP.length).equals(SNAP);
  return hasSnap ? SNAP.length : undefined;
}

function ofLoopback(octets: Buffer): IpStart {
  if (octets.length < 4) {
    return CUT;
  }
  // The family is in the byte order of the machine that captured.
  const family = Math.min(octets.readUInt32LE(0), octets.readUInt32BE(0));
  return LOOPBACK_FAMILIES.includes(family) ? 4 : undefined;
}

/** The links by their LINKTYPE number. */
const LINKS: Readonly<Record<number, (octets: Buffer) => IpStart>> = {
  /** Null: BSD loopback, in the byte order of the host; 108 in that of the network. */
  0: ofLoopback,
  108: ofLoopback,
  1: (octets) => ofEtherType(octets, 12),
  /** Raw IP; 12 and 14 are the numbers that some systems write for it. */
  12: () => 0,
  14: () => 0,
  101: () => 0,
  228: () => 0,
  229: () => 0,
  /** Linux cooked captures, version 1 and 2: the protocol is at the end, or at the start, of the header. */
  113: (octets) => ofEtherType(octets, 14),
  276: (octets) => cookedV2(octets),
};

const COOKED_V2_HEADER = 20;

function cookedV2(octets: Buffer): IpStart {
  if (octets.length < COOKED_V2_HEADER) {
    return CUT;
  }
  const type = octets.readUInt16BE(0);
  if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) {
    return COOKED_V2_HEADER;
  }
  // A tag: the rest of it is behind the header.
  return VLAN_TAGS.includes(type) ? ofEtherType(octets, COOKED_V2_HEADER + 2) : undefined;
}

/**
 * Finds the IP packet of a frame.
 *
 * @param wireLength length of the frame on the wire
 */
export function ipStart(linkType: number, octets: Buffer, wireLength: number): IpStart {
  const link = LINKS[linkType];
  if (link === undefined) {
    return { unread: `link type ${linkType}` };
  }
  const start = link(octets);
  // A frame that is as short on the wire has no IP packet.
  return start === CUT && octets.length >= wireLength ? undefined : start;
}
