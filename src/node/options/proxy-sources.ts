/**
 * The addresses that must begin their connections with a PROXY header: the option `proxyProtocol` of `listen`.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import {
  formatIp,
  isIpv4Mapped,
  parseDecimal,
  parseIpv4,
  parseIpv6,
} from '../../core/proxy-protocol/ip-address.js';
import type { FullAddress } from '../address.js';
import { type Check, shown, wrongType } from './rows.js';

/** The option `proxyProtocol` of `listen`. */
export interface ProxyProtocolOptions {
  /**
   * Addresses and networks of the proxies, at least one: `'192.0.2.10'`, `'10.0.0.0/8'`, `'2001:db8::/32'`. An IPv4
   * address includes its IPv4-mapped form (`::ffff:192.0.2.10`), in which a server that listens on IPv6 sees it. An
   * IPv6 network includes no IPv4 address, also not `'::/0'`. `'unix'` are all clients of a Unix socket or named pipe.
   */
  readonly from: readonly string[];
}

/** Octets of an IPv4 address, and bits before it in an IPv4-mapped address. */
const IPV4_LENGTH = 4;
const MAPPED_BITS = 96;

/** The IPv4 address in an IPv4-mapped IPv6 address; any other text as it is. Both name one host. */
export function ipv4In(host: string): string {
  // Most addresses are of IPv4, and each connection comes here: they need no closer look.
  const octets = host.includes(':') && isIPv6(host) ? parseIpv6(host) : undefined;
  return octets !== undefined && isIpv4Mapped(octets) ? formatIp(octets.subarray(12)) : host;
}

/** A set of addresses. */
export class ProxySources {
  /** One for each family: Node finds an IPv4 address in an IPv6 network such as `::/0`. */
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();
  #hasUnix = false;

  /** Adds an address, a network as `address/bits`, or `unix`. Gives `false` for any other text. */
  add(text: string): boolean {
    if (text === 'unix') {
      this.#hasUnix = true;
      return true;
    }
    const [address = '', bits, ...more] = text.split('/');
    const octets = parseIpv4(address) ?? parseIpv6(address);
    if (octets === undefined || more.length > 0) {
      return false;
    }
    const most = 8 * octets.length;
    const prefix = bits === undefined ? most : parseDecimal(bits, most);
    if (prefix === undefined) {
      return false;
    }
    if (octets.length === IPV4_LENGTH) {
      this.#ipv4.addSubnet(address, prefix, 'ipv4');
    } else if (isIpv4Mapped(octets) && prefix >= MAPPED_BITS) {
      this.#ipv4.addSubnet(formatIp(octets.subarray(12)), prefix - MAPPED_BITS, 'ipv4');
    } else {
      this.#ipv6.addSubnet(address, prefix, 'ipv6');
    }
    return true;
  }

  /** True if the set has this address of a peer. A stream of the user without an address is in no set. */
  has({ host, path }: FullAddress): boolean {
    if (path !== undefined) {
      return this.#hasUnix;
    }
    // The zone of a link-local address is the interface, not a part of the address.
    const [address = ''] = host.split('%');
    if (isIPv4(address)) {
      return this.#ipv4.check(address, 'ipv4');
    }
    const mapped = ipv4In(address);
    return mapped === address
      ? isIPv6(address) && this.#ipv6.check(address, 'ipv6')
      : this.#ipv4.check(mapped, 'ipv4');
  }
}

const EXPECTED = "an IP address, a network such as '10.0.0.0/8' or '2001:db8::/32', or 'unix'";

/** Checks the option `proxyProtocol`. */
export const proxySources: Check<ProxySources> = (name, value) => {
  if (typeof value !== 'object' || value === null) {
    throw wrongType(name, "an object such as { from: ['10.0.0.0/8'] }", value);
  }
  for (const key of Object.keys(value)) {
    if (key !== 'from') {
      throw new TypeError(`${name}.${key} is not known; there is from`);
    }
  }
  const { from } = value as { readonly from?: unknown };
  if (!Array.isArray(from)) {
    throw wrongType(`${name}.from`, 'an array of addresses and networks', from);
  }
  if (from.length === 0) {
    throw new RangeError(`${name}.from must have at least one address or network`);
  }
  const sources = new ProxySources();
  for (const [i, text] of from.entries()) {
    if (typeof text !== 'string') {
      throw wrongType(`${name}.from[${i}]`, EXPECTED, text);
    }
    if (!sources.add(text)) {
      throw new RangeError(`${name}.from[${i}] must be ${EXPECTED}, not ${shown(text)}`);
    }
  }
  return sources;
};
