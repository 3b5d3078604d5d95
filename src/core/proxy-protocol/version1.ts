/**
 * Version 1 of the PROXY header: a line of text.
 */
import { ProtocolError } from '../errors.js';
import { formatIp, parseDecimal, parseIpv4, parseIpv6 } from './ip-address.js';
import type { ProxyEndpoint, ProxyHeader } from './types.js';

/** The longest line that the specification allows, in octets, CR and LF included. */
export const MAX_VERSION_1 = 107;

const CR = 0x0d;
const LF = 0x0a;

/** Parsers of the addresses of each protocol that has addresses. */
const PARSERS: Readonly<Record<string, (text: string) => Uint8Array | undefined>> = {
  TCP4: parseIpv4,
  TCP6: parseIpv6,
};

/**
 * Reads a header that begins with `PROXY `, or with a part of it that has come.
 *
 * @returns `undefined` while the line is not complete
 * @throws ProtocolError `proxy-invalid` or `proxy-too-long`
 */
export function readVersion1(octets: Uint8Array): ProxyHeader | undefined {
  const end = lineEnd(octets);
  if (end === undefined) {
    return undefined;
  }
  const line = octets.subarray(0, end);
  const length = end + 2;
  const [, protocol = '', ...fields] = String.fromCharCode(...line).split(' ');
  if (protocol === 'UNKNOWN') {
    // The rest of the line has no meaning.
    return { length, source: undefined, destination: undefined, tlvs: [] };
  }
  const parse = Object.hasOwn(PARSERS, protocol) ? PARSERS[protocol] : undefined;
  if (parse === undefined) {
    throw invalid(line, 'the protocol must be TCP4, TCP6 or UNKNOWN', protocol);
  }
  if (fields.length !== 4) {
    throw invalid(line, `4 fields must follow ${protocol}, with one space before each`);
  }
  const endpoint = (which: string, host = '', port = ''): ProxyEndpoint => {
    const address = parse(host);
    const number = parseDecimal(port, 65_535);
    if (address === undefined) {
      throw invalid(line, `the ${which} is no address of ${protocol}`, host);
    }
    if (number === undefined) {
      throw invalid(line, `the port of the ${which} must be 0 to 65535 in decimal digits`, port);
    }
    return { host: formatIp(address), port: number };
  };
  const source = endpoint('source', fields[0], fields[2]);
  const destination = endpoint('destination', fields[1], fields[3]);
  return { length, source, destination, tlvs: [] };
}

/** The offset of CR LF; `undefined` while it has not come. */
function lineEnd(octets: Uint8Array): number | undefined {
  const line = octets.subarray(0, MAX_VERSION_1);
  for (const [i, octet] of line.entries()) {
    if ((octet === LF) !== (line[i - 1] === CR)) {
      const detail = 'the line must end with CR and LF, and contain neither elsewhere';
      throw new ProtocolError('proxy-invalid', line, i + 1, { detail });
    }
    if (octet === LF) {
      return i - 1;
    }
  }
  if (line.length === MAX_VERSION_1) {
    const detail = `no CR and LF within ${MAX_VERSION_1} octets`;
    throw new ProtocolError('proxy-too-long', line, undefined, { detail });
  }
  return undefined;
}

function invalid(line: Uint8Array, expected: string, got?: string): ProtocolError {
  const shown = got === undefined ? '' : `, not ${quoted(got)}`;
  return new ProtocolError('proxy-invalid', line, undefined, { detail: `${expected}${shown}` });
}

/** A field in a message: it may contain any octet. */
function quoted(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? JSON.stringify(text) : 'octets that are no text';
}
