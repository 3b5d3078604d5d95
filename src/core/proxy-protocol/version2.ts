/**
 * Version 2 of the PROXY header: 16 octets, addresses, and fields of type, length and value.
 */
import { ProtocolError } from '../errors.js';
import { copyOf, octetAt, readUint } from '../octets/octets.js';
import { crc32c } from './crc32c.js';
import { formatIp } from './ip-address.js';
import type { ProxyEndpoint, ProxyHeader, ProxyTlv } from './types.js';

/** The part before the addresses: signature, version and command, family and protocol, length of the rest. */
const FIXED_LENGTH = 16;

/**
 * Largest header that is accepted, in octets. The specification allows 65551. Addresses take at most 216, and the
 * largest field in use is the certificate of a client; 16 KiB has room for it. With the default of 1024 connections,
 * headers that are incomplete then use at most 16 MiB.
 */
export const MAX_VERSION_2 = 16_384;

/** Commands: the connection is of the proxy itself, or of its client. */
const LOCAL = 0;
const PROXY = 1;

/** Octets of an address, by family and protocol. All other combinations have no addresses that can be used. */
const ADDRESS_LENGTHS: Readonly<Record<number, number>> = {
  17: 4, // TCP over IPv4
  18: 4, // UDP over IPv4
  33: 16, // TCP over IPv6
  34: 16, // UDP over IPv6
  49: 108, // a stream of a Unix socket
  50: 108, // a datagram of a Unix socket
};

/** TCP over IPv4 and over IPv6: only their addresses can be those of this connection. */
const TCP = new Set([17, 33]);

/** Families above IPv4, IPv6 and Unix sockets, and protocols above stream and datagram, are not assigned. */
const MOST_FAMILY = 3;
const MOST_PROTOCOL = 2;

/** Octets of a port, and of type and length of a field. */
const PORT_LENGTH = 2;
const TLV_HEADER_LENGTH = 3;

/** The type of the field that contains the checksum of the header, and its length. */
const CRC32C_TYPE = 3;
const CRC32C_LENGTH = 4;

/**
 * Reads a header that begins with the signature, or with a part of it that has come. What is wrong is found with the
 * first octet that shows it.
 *
 * @returns `undefined` while the header is not complete
 * @throws ProtocolError `proxy-invalid`, `proxy-too-long` or `proxy-checksum`
 */
export function readVersion2(octets: Uint8Array): ProxyHeader | undefined {
  checkFixedPart(octets);
  if (octets.length < FIXED_LENGTH) {
    return undefined;
  }
  const length = FIXED_LENGTH + readUint(octets, 14, 2);
  if (length > MAX_VERSION_2) {
    const detail = `${length} octets, at most ${MAX_VERSION_2} are accepted`;
    throw new ProtocolError('proxy-too-long', octets.subarray(0, FIXED_LENGTH), 15, { detail });
  }
  if (octets.length < length) {
    return undefined;
  }
  const header = octets.subarray(0, length);
  // The rest of a header of the proxy itself has no meaning.
  return (octetAt(octets, 12) & 0x0f) === LOCAL
    ? { length, source: undefined, destination: undefined, tlvs: [] }
    : readProxied(header);
}

/** Checks version, command, family and protocol, as far as they have come. */
function checkFixedPart(octets: Uint8Array): void {
  const [versionAndCommand, familyAndProtocol] = octets.subarray(12, 14);
  if (versionAndCommand === undefined) {
    return;
  }
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2) {
    throw invalid(octets, 13, `the version must be 2, not ${versionAndCommand >> 4}`);
  }
  if (command > PROXY) {
    throw invalid(octets, 13, `the command must be 0 or 1, not ${command}`);
  }
  if (familyAndProtocol === undefined || command === LOCAL) {
    return;
  }
  if (familyAndProtocol >> 4 > MOST_FAMILY || (familyAndProtocol & 0x0f) > MOST_PROTOCOL) {
    const shown = familyAndProtocol.toString(16).padStart(2, '0');
    throw invalid(octets, 14, `no family and protocol has the value 0x${shown}`);
  }
}

/** A header of the client of a proxy. */
function readProxied(header: Uint8Array): ProxyHeader {
  const { length } = header;
  const kind = octetAt(header, 13);
  const size = ADDRESS_LENGTHS[kind];
  if (size === undefined) {
    // The specification does not say what follows. Common proxies send fields without addresses.
    const fields = readTlvs(header, FIXED_LENGTH);
    const tlvs = fields instanceof ProtocolError ? [] : fields;
    return { length, source: undefined, destination: undefined, tlvs };
  }
  const portLength = size === 108 ? 0 : PORT_LENGTH;
  const end = FIXED_LENGTH + 2 * (size + portLength);
  if (length < end) {
    throw invalid(header, 15, `the addresses need ${end} octets, and the header has ${length}`);
  }
  const tlvs = readTlvs(header, end);
  if (tlvs instanceof ProtocolError) {
    throw tlvs;
  }
  if (!TCP.has(kind)) {
    return { length, source: undefined, destination: undefined, tlvs };
  }
  const endpoint = (which: 0 | 1): ProxyEndpoint => {
    const at = FIXED_LENGTH + which * size;
    const port = readUint(header, FIXED_LENGTH + 2 * size + which * PORT_LENGTH, PORT_LENGTH);
    return { host: formatIp(header.subarray(at, at + size)), port };
  };
  return { length, source: endpoint(0), destination: endpoint(1), tlvs };
}

/**
 * The fields from `start` to the end of the header.
 *
 * @returns the error if they do not end with the header
 * @throws ProtocolError if a checksum is wrong
 */
function readTlvs(header: Uint8Array, start: number): readonly ProxyTlv[] | ProtocolError {
  const tlvs: ProxyTlv[] = [];
  const checksums: number[] = [];
  let at = start;
  while (at < header.length) {
    const valueAt = at + TLV_HEADER_LENGTH;
    const end = valueAt > header.length ? valueAt : valueAt + readUint(header, at + 1, 2);
    if (end > header.length) {
      return invalid(header, at + 1, 'a field extends past the end of the header');
    }
    const type = octetAt(header, at);
    tlvs.push(Object.freeze({ type, value: copyOf(header, valueAt, end) }));
    if (type === CRC32C_TYPE) {
      checksums.push(valueAt);
      if (end - valueAt !== CRC32C_LENGTH || checksums.length > 1) {
        return invalid(header, at + 1, 'a header has one checksum of 4 octets');
      }
    }
    at = end;
  }
  for (const checksum of checksums) {
    verify(header, checksum);
  }
  return tlvs;
}

/** Compares the checksum at this offset with that of the header, in which it counts as zero. */
function verify(header: Uint8Array, at: number): void {
  const computed = copyOf(header);
  computed.fill(0, at, at + CRC32C_LENGTH);
  const expected = crc32c(computed);
  const got = readUint(header, at, CRC32C_LENGTH);
  if (got !== expected) {
    const detail = `CRC32c 0x${got.toString(16)}, expected 0x${expected.toString(16)}`;
    throw new ProtocolError('proxy-checksum', header, at + 1, { detail });
  }
}

function invalid(octets: Uint8Array, octet: number, detail: string): ProtocolError {
  return new ProtocolError('proxy-invalid', octets, octet, { detail });
}
