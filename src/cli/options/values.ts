/**
 * Parsers for the values of options and operands. The error of each says what was expected and what was
 * given.
 */
import { isIP, isIPv6 } from 'node:net';
import { type Address, parseTsel, type Tsel } from '../../index.js';
import { ProxySources } from '../../node/options/proxy-sources.js';
import { UsageError } from '../exit.js';
import type { Parser } from './option.js';

function bad(expected: string, text: string): UsageError {
  return new UsageError(`must be ${expected}, not ${JSON.stringify(text)}`);
}

/** An integer from `least` to `most`, decimal or hexadecimal with 0x. */
export function integer(least: number, most: number): Parser<number> {
  return (text) => {
    const number = /^(?:\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw bad(`an integer ${least} to ${most}`, text);
    }
    return number;
  };
}

/** Longest delay of a Node timer, in milliseconds. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

/** A time in milliseconds. The text must have a unit: `500ms`, `2s`, `1.5s`, `1m`. */
export const milliseconds: Parser<number> = (text) => {
  const [, number = '', unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (number !== '' && unit === undefined) {
    throw bad(`a time with its unit, ${number}ms or ${number}s`, text);
  }
  const time = Math.round(Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm']);
  if (number === '' || time < 1 || time > MAX_MILLISECONDS) {
    throw bad('a time such as 500ms or 2s', text);
  }
  return time;
};

/** A time in milliseconds, or 0, which requires no unit. */
export const millisecondsOrZero: Parser<number> = (text) =>
  /^0+(?:ms|s|m)?$/.test(text) ? 0 : milliseconds(text);

/** A T-selector in any form that `parseTsel` reads. */
export const selector: Parser<Tsel> = (text) => {
  try {
    return parseTsel(text);
  } catch (error) {
    // The message of the library begins with the name of its argument, `text`; the flag replaces it.
    const message = (error as Error).message.replace(/^text /, '');
    throw new UsageError(/^[a-z][\w ]*$/i.test(text) ? `${message}${quotesHint(text)}` : message);
  }
};

/** The double quotes of a selector that is text are removed by a shell. */
function quotesHint(text: string): string {
  return `; the text ${text} is '"${text}"' for a shell, with both kinds of quotes`;
}

/** One of several words. */
export function choice<const T extends string>(...words: readonly T[]): Parser<T> {
  return (text) => {
    const word = words.find((known) => known === text);
    if (word === undefined) {
      throw bad(words.join(' or '), text);
    }
    return word;
  };
}

/** An IP address, without a port. */
export const ipAddress: Parser<string> = (given) => {
  if (isIP(given) === 0) {
    throw bad('an IP address', given);
  }
  return given;
};

/** Addresses and networks, separated by commas. */
export const networks: Parser<readonly string[]> = (given) => {
  const texts = given.split(',').map((each) => each.trim());
  for (const each of texts) {
    if (!new ProxySources().add(each)) {
      throw bad('IP addresses, networks such as 10.0.0.0/8, or unix, separated by commas', each);
    }
  }
  return texts;
};

export const text: Parser<string> = (given) => {
  if (given === '') {
    throw bad('a text that is not empty', given);
  }
  return given;
};

/** The address of a server: `HOST`, `HOST:PORT`, `IPV6` or `[IPV6]:PORT`. The default port is 102. */
export function address(given: string): FullAddress {
  if (/^\d+$/.test(given)) {
    throw new UsageError(`the address must be HOST or HOST:PORT, not a number alone: ${given}`);
  }
  if (/^[^/]+\/\d+$/.test(given)) {
    throw new UsageError(`the address must be one HOST or HOST:PORT, not a network: ${given}`);
  }
  return addressFrom(given, 102, 1);
}

/** An address to listen on, in the same forms. Port 0 selects a free port. */
export function listenAddress(given: string, defaultPort: number): FullAddress {
  return addressFrom(given, defaultPort, 0);
}

type FullAddress = Required<Address> & { port: number };

function addressFrom(given: string, defaultPort: number, leastPort: 0 | 1): FullAddress {
  const [, inBrackets, name, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::([^:]*))?$/.exec(given) ?? [];
  const isBare = isIpv6WithZone(given);
  const host = isBare ? given : (inBrackets ?? name);
  if (host === undefined || (inBrackets !== undefined && !isIpv6WithZone(inBrackets))) {
    throw new UsageError(
      `the address must be HOST, HOST:PORT or [IPV6]:PORT, not ${JSON.stringify(given)}`,
    );
  }
  if (isBare || digits === undefined) {
    return { host, port: defaultPort };
  }
  try {
    return { host, port: integer(leastPort, 65_535)(digits) };
  } catch (error) {
    throw new UsageError(`the port of ${given} ${(error as Error).message}`);
  }
}

/**
 * True for an IPv6 address, also with a zone (RFC 4007 §11): `fe80::1%eth0`. Node allows colons in a zone. Here a colon
 * there is an error, because it may begin a port that was written without brackets.
 */
function isIpv6WithZone(given: string): boolean {
  const [, address = '', zone = ''] = /^([^%]*)(?:%(.+))?$/.exec(given) ?? [];
  return isIPv6(address) && !/[:\s]/.test(zone);
}
