/**
 * Recognises other protocols by the first octets that are received. The hint of an error names the protocol,
 * because the port is probably wrong. The first chunk of TCP can be short, so a pattern needs only few
 * octets.
 */
import { toHex } from './octets/octets.js';

/** How many octets are examined. */
const MOST_OCTETS = 64;

type Row = readonly [name: string, pattern: RegExp];

/** Text protocols. Each octet is matched as one character; the first row that matches is used. */
const IN_WORDS: readonly Row[] = [
  ['RTSP', /^RTSP\/|^[A-Z]{4,} rtsps?:/],
  ['SIP', /^SIP\/|^[A-Z]{3,} sips?:/],
  ['HTTP', /^(?:HTTP|GET |HEAD|POST|PUT |PATC|DELE|OPTI|CONN|TRAC|PRI )|^<(?:!DOCTYPE )?html/i],
  ['SSH', /^SSH-/],
  ['a PROXY protocol header', /^PROXY /],
  ['SMTP or FTP', /^220[ -]|^(?:EHLO|HELO|USER) /],
  ['POP3', /^\+OK/],
  ['IMAP', /^\* OK/],
  ['VNC', /^RFB \d/],
  ['OPC UA', /^(?:HEL|ACK|OPN|MSG|ERR|CLO)[FCA]/],
  ['AMQP', /^AMQP/],
];

/** Binary protocols. The octets are matched in hexadecimal. */
const IN_OCTETS: readonly Row[] = [
  ['MQTT', /^10(?:..){1,3}00044d515454/],
  ['a PROXY protocol header', /^0d0a0d0a000d0a51/],
  ['TLS', /^1[4-7](?:03|$)/],
  ['telnet', /^ff(?:fb|fc|fd|fe)/],
  ['IEC 60870-5-104', /^68(?:0[4-9a-f]|[1-9a-e].|f[0-d])/],
  ['DNP3', /^0564/],
  ['EtherNet/IP', /^6[35]000[04]00/],
  ['SMB', /^00......f[ef]534d42/],
  ['MySQL', /^..0000000a/],
  ['Modbus', /^....000000(?:0[2-9a-f]|[1-9a-f].)/],
];

/** Returns the name of the protocol that these octets look like; `undefined` if no row matches. */
export function otherProtocol(octets: Uint8Array): string | undefined {
  const start = octets.subarray(0, MOST_OCTETS);
  const words = String.fromCharCode(...start);
  const inWords = IN_WORDS.find(([, pattern]) => pattern.test(words));
  return (inWords ?? IN_OCTETS.find(([, pattern]) => pattern.test(toHex(start))))?.[0];
}

/** Returns the same as a hint for an error message. */
export function otherProtocolHint(octets: Uint8Array): string | undefined {
  const name = otherProtocol(octets);
  return name === undefined ? undefined : `this looks like ${name}; ${ADVICE[name] ?? WRONG_PORT}`;
}

const WRONG_PORT = 'is it the right port?';
const TEXT = `it is a text protocol, so ${WRONG_PORT}`;
const ADVICE: Readonly<Record<string, string>> = {
  SSH: TEXT,
  'SMTP or FTP': TEXT,
  POP3: TEXT,
  IMAP: TEXT,
  TLS: 'does only one side use the tls option?',
  'a PROXY protocol header':
    'the option proxyProtocol.from of listen names the proxies whose headers are read',
};
