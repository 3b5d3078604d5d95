/**
 * IPv4 and IPv6 addresses: octets, and the text that a PROXY header has and that users see.
 */
import { octetAt, readUint, writeUint } from '../octets/octets.js';

/** A decimal number without sign, exponent or leading zero. */
const DECIMAL = /^(?:0|[1-9]\d*)$/;

/** One group of an IPv6 address. */
const GROUP = /^[0-9a-f]{1,4}$/i;

/** The first twelve octets of an IPv4-mapped IPv6 address. */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Reads a decimal number from 0 to `most`. Gives `undefined` for any other text. */
export function parseDecimal(text: string, most: number): number | undefined {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
}

/** The 4 octets of an address such as `192.0.2.1`; `undefined` for any other text. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const numbers = text.split('.').map((part) => parseDecimal(part, 255));
  const octets = numbers.filter((number) => number !== undefined);
  return numbers.length === 4 && octets.length === 4 ? Uint8Array.from(octets) : undefined;
}

/**
 * The 16 octets of an address such as `2001:db8::1` or `::ffff:192.0.2.1`; `undefined` for any other text, also with
 * a zone.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const [left = '', right, ...more] = text.split('::');
  const before = groupsOf(left, right === undefined);
  const after = right === undefined ? [] : groupsOf(right, true);
  if (before === undefined || after === undefined || more.length > 0) {
    return undefined;
  }
  const zeros = 8 - before.length - after.length;
  // `::` stands for one group or more; without it there are eight groups.
  if (right === undefined ? zeros !== 0 : zeros < 1) {
    return undefined;
  }
  const octets = new Uint8Array(16);
  for (const [i, group] of before.entries()) {
    writeUint(octets, 2 * i, 2, group);
  }
  for (const [i, group] of after.entries()) {
    writeUint(octets, 16 - 2 * (after.length - i), 2, group);
  }
  return octets;
}

/** The numbers of groups that are separated by colons. The last may be an IPv4 address, which is two groups. */
function groupsOf(text: string, isEnd: boolean): readonly number[] | undefined {
  const groups: number[] = [];
  const parts = text === '' ? [] : text.split(':');
  for (const [i, part] of parts.entries()) {
    const ipv4 = isEnd && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) {
      groups.push(readUint(ipv4, 0, 2), readUint(ipv4, 2, 2));
    } else if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The text of 4 or 16 octets. IPv6 is in the form of RFC 5952, with an IPv4-mapped address as `::ffff:192.0.2.1`. */
export function formatIp(octets: Uint8Array): string {
  if (octets.length === 4) {
    return octets.join('.');
  }
  return isIpv4Mapped(octets) ? `::ffff:${octets.subarray(12).join('.')}` : formatIpv6(octets);
}

/** True if 16 octets are an IPv4-mapped address: the last 4 are the IPv4 address. */
export function isIpv4Mapped(octets: Uint8Array): boolean {
  return MAPPED.every((octet, i) => octetAt(octets, i) === octet);
}

/** Runs of two zero groups or more, with the colons around them. */
const ZERO_RUNS = /(?:^|:)0(?::0)+(?::|$)/g;

/** RFC 5952, section 4: lower case, no leading zeros, `::` for the first of the longest runs of two zeros or more. */
function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => readUint(octets, 2 * i, 2).toString(16));
  const text = groups.join(':');
  const zeros = (run: string) => run.replaceAll(':', '').length;
  const longest = (text.match(ZERO_RUNS) ?? []).reduce(
    (first, run) => (zeros(run) > zeros(first) ? run : first),
    '',
  );
  return longest === '' ? text : text.replace(longest, '::');
}
