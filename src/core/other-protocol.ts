/**
 * Which other protocol octets belong to that are no TPKT, by how they begin. For the hint of an error: an
 * engineer on the wrong port wants to know what is there. TCP may have cut the octets short, so a row needs
 * few of them.
 */
import { toHex } from './octets/octets.js';

/** Octets that are looked at. */
const MOST_OCTETS = 64;

type Row = readonly [name: string, pattern: RegExp];

/** Protocols that begin with words, one character an octet; the first row that matches counts. */
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

/** The same of protocols without words, in hexadecimal. */
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

/** The protocol that these octets look like; `undefined` when none is known. */
export function otherProtocol(octets: Uint8Array): string | undefined {
  const start = octets.subarray(0, MOST_OCTETS);
  const words = String.fromCharCode(...start);
  const inWords = IN_WORDS.find(([, pattern]) => pattern.test(words));
  return (inWords ?? IN_OCTETS.find(([, pattern]) => pattern.test(toHex(start))))?.[0];
}

/** The same as advice. */
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
  'a PROXY protocol header': 'does a load balancer before this server send it?',
};
