/**
 * The fields that remote desktop sends in the variable part of CR and CC instead of parameters: a line of
 * text, a negotiation structure and a correlation id ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2). Numbers are
 * little endian.
 *
 *     CR  | text CR LF | 01 flags 08 00 requestedProtocols | 06 flags 24 00 correlationId reserved |
 *     CC  | 02 flags 08 00 selectedProtocol |   or   | 03 flags 08 00 failureCode |
 *
 * Each part of a CR can be absent, but the correlation id requires the negotiation structure.
 *
 * X.224 defines no parameter code below 0x80, and each of these forms begins with an octet below 0x80. But
 * a CR may contain codes that the standard does not define (13.2.3). Therefore a variable part is
 * recognised as remote desktop only if the form fills it completely and, for text that does not begin with
 * `Cookie: `, only if the octets cannot be read as parameters.
 */
import { NO_OCTETS, octetAt, uintOctets } from '../octets/octets.js';
import type { RemoteDesktop, RemoteDesktopInit, RemoteDesktopNegotiation } from './types.js';
import { checkOctets, checkUint, outOfRange, wrongType } from './values.js';

/** Length of a negotiation structure in octets; the structure contains it. */
const NEGOTIATION_LENGTH = 8;
/** Length of the correlation info in octets; its last 16 octets are reserved. */
const CORRELATION_LENGTH = 36;
const CORRELATION_ID_LENGTH = 16;

/** Type octets of the structures. */
const TYPES = { request: 0x01, response: 0x02, failure: 0x03, correlation: 0x06 } as const;

/** Flag in a request: correlation info follows. */
const CORRELATION_INFO_PRESENT = 0x08;

/** Names of bits. */
type BitNames = readonly (readonly [bit: number, name: string])[];

/** The flags of each structure. */
const FLAGS: Readonly<Record<RemoteDesktopNegotiation['type'], BitNames>> = {
  request: [
    [0x01, 'restricted admin mode required'],
    [0x02, 'redirected authentication mode required'],
    [CORRELATION_INFO_PRESENT, 'correlation info present'],
  ],
  response: [
    [0x01, 'extended client data supported'],
    [0x02, 'graphics pipeline supported'],
    [0x08, 'restricted admin mode supported'],
    [0x10, 'redirected authentication mode supported'],
  ],
  failure: [],
};

const PROTOCOLS: BitNames = [
  [0x01, 'TLS'],
  [0x02, 'CredSSP'],
  [0x04, 'RDSTLS'],
  [0x08, 'CredSSP with early authorization'],
  [0x10, 'RDSAAD'],
];

const FAILURES: Readonly<Record<number, string>> = {
  1: 'SSL_REQUIRED_BY_SERVER',
  2: 'SSL_NOT_ALLOWED_BY_SERVER',
  3: 'SSL_CERT_NOT_ON_SERVER',
  4: 'INCONSISTENT_FLAGS',
  5: 'HYBRID_REQUIRED_BY_SERVER',
  6: 'SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER',
};

/** Prefixes of a cookie, and of a routing token that looks like a cookie. */
const COOKIE = 'Cookie: ';
const ROUTING_COOKIE = 'Cookie: msts=';

/** The TPDU types that can have this form. */
export type RemoteDesktopTpdu = 'CR' | 'CC';

/** A decoded variable part, and the position of its parts. */
export interface RemoteDesktopForm {
  readonly value: RemoteDesktop;
  /** Length of the line in octets, including CR LF; 0 without a line. */
  readonly lineLength: number;
}

/** Decodes a variable part; returns `undefined` if it is not that of remote desktop. */
export function readRemoteDesktop(
  type: RemoteDesktopTpdu,
  variable: Uint8Array,
): RemoteDesktopForm | undefined {
  return type === 'CR' ? readRequest(variable) : readAnswer(variable);
}

/** True if the octets begin like a cookie; the rest is not checked. */
export function beginsLikeCookie(variable: Uint8Array): boolean {
  return textOf(variable.subarray(0, COOKIE.length)) === COOKIE;
}

/** True if the octets are a sequence of parameters with any codes (X.224 13.2.3). */
export function areParameters(variable: Uint8Array): boolean {
  let at = 0;
  while (at + 1 < variable.length) {
    at += 2 + octetAt(variable, at + 1);
  }
  return at === variable.length;
}

function readRequest(variable: Uint8Array): RemoteDesktopForm | undefined {
  const structures = readStructures(variable);
  if (structures !== undefined) {
    return { value: structures, lineLength: 0 };
  }
  const end = lineEnd(variable);
  if (end === undefined) {
    return undefined;
  }
  const text = textOf(variable.subarray(0, end));
  const rest = variable.subarray(end + 2);
  const behind = rest.length === 0 ? {} : readStructures(rest);
  const isText = text.startsWith(COOKIE) || (isPrintable(text) && !areParameters(variable));
  if (behind === undefined || !isText) {
    return undefined;
  }
  const isCookie = (text.startsWith(COOKIE) && !text.startsWith(ROUTING_COOKIE)) || text === '';
  const line = isCookie ? { cookie: text } : { routingToken: text };
  return { value: { ...line, ...behind }, lineLength: end + 2 };
}

function readAnswer(variable: Uint8Array): RemoteDesktopForm | undefined {
  const negotiation = readNegotiation(variable, ['response', 'failure']);
  return negotiation && { value: { negotiation }, lineLength: 0 };
}

/** Reads the negotiation request and the correlation info, which must fill `octets`. */
function readStructures(octets: Uint8Array): RemoteDesktop | undefined {
  const negotiation = readNegotiation(octets.subarray(0, NEGOTIATION_LENGTH), ['request']);
  const rest = octets.subarray(NEGOTIATION_LENGTH);
  if (negotiation === undefined || rest.length === 0) {
    return negotiation && { negotiation };
  }
  const isCorrelation =
    rest.length === CORRELATION_LENGTH &&
    rest[0] === TYPES.correlation &&
    rest[1] === 0 &&
    rest[2] === CORRELATION_LENGTH &&
    rest[3] === 0 &&
    rest.subarray(4 + CORRELATION_ID_LENGTH).every((octet) => octet === 0);
  return isCorrelation
    ? { negotiation, correlationId: rest.subarray(4, 4 + CORRELATION_ID_LENGTH) }
    : undefined;
}

function readNegotiation(
  octets: Uint8Array,
  types: readonly RemoteDesktopNegotiation['type'][],
): RemoteDesktopNegotiation | undefined {
  const type = types.find((each) => TYPES[each] === octets[0]);
  const isWhole =
    octets.length === NEGOTIATION_LENGTH && octets[2] === NEGOTIATION_LENGTH && octets[3] === 0;
  if (type === undefined || !isWhole) {
    return undefined;
  }
  const flags = octetAt(octets, 1);
  const number = [7, 6, 5, 4].reduce((value, at) => value * 256 + octetAt(octets, at), 0);
  switch (type) {
    case 'request':
      return { type, flags, requestedProtocols: number };
    case 'response':
      return { type, flags, selectedProtocol: number };
    case 'failure':
      return { type, flags, failureCode: number };
  }
}

/** Offset of the first CR LF. */
function lineEnd(octets: Uint8Array): number | undefined {
  const at = octets.findIndex((octet, index) => octet === 0x0d && octets[index + 1] === 0x0a);
  return at === -1 ? undefined : at;
}

/** Decodes each octet as one character, because a name in a cookie can have any encoding. */
function textOf(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}

function isLine(text: string): boolean {
  return !text.includes('\r\n') && Array.from(text).every((char) => char.charCodeAt(0) <= 0xff);
}

function isPrintable(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/**
 * Encodes the variable part of a remote desktop CR or CC.
 *
 * @throws TypeError, RangeError naming the field
 */
export function writeRemoteDesktop(
  type: RemoteDesktopTpdu,
  given: RemoteDesktopInit,
  field = 'remoteDesktop',
): Uint8Array {
  if (typeof given !== 'object' || given === null) {
    throw wrongType(field, '{ cookie, routingToken, negotiation, correlationId }', given);
  }
  const { cookie, routingToken, negotiation, correlationId, ...others } = given;
  for (const name of Object.keys(others)) {
    const known = 'cookie, routingToken, negotiation or correlationId';
    throw wrongType(`${field}.${name}`, known, name);
  }
  if (type === 'CC') {
    refuseBesideAnswer(field, { cookie, routingToken, correlationId });
  }
  const octets = [
    ...writeLine(field, cookie, routingToken),
    ...(negotiation === undefined
      ? NO_OCTETS
      : writeNegotiation(type, negotiation, correlationId, `${field}.negotiation`)),
    ...writeCorrelation(field, negotiation, correlationId),
  ];
  const written = Uint8Array.from(octets);
  if (written.length === 0) {
    throw outOfRange(field, 'at least one part', '{}');
  }
  if (readRemoteDesktop(type, written) === undefined) {
    throw outOfRange(
      `${field}.routingToken`,
      'text that does not read as parameters',
      routingToken,
    );
  }
  return written;
}

function refuseBesideAnswer(field: string, parts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(parts)) {
    if (value !== undefined) {
      throw outOfRange(`${field}.${name}`, 'none in a CC', value);
    }
  }
}

function writeLine(
  field: string,
  cookie: string | undefined,
  routingToken: string | undefined,
): readonly number[] {
  const line = cookie ?? routingToken;
  if (line === undefined) {
    return [];
  }
  if (cookie !== undefined && routingToken !== undefined) {
    throw outOfRange(`${field}.routingToken`, 'none beside cookie', routingToken);
  }
  const name = `${field}.${cookie === undefined ? 'routingToken' : 'cookie'}`;
  if (typeof line !== 'string') {
    throw wrongType(name, 'a string', line);
  }
  const isRoutingCookie = line.startsWith(ROUTING_COOKIE);
  const isCookie = line.startsWith(COOKIE) && !isRoutingCookie;
  if (cookie !== undefined && !isCookie && line !== '') {
    throw outOfRange(name, "text that begins with 'Cookie: ', as 'Cookie: mstshash=user'", line);
  }
  if (cookie === undefined && (isCookie || line === '')) {
    throw outOfRange(name, 'text that is not a cookie', line);
  }
  const isClean = isCookie || isRoutingCookie ? isLine(line) : isPrintable(line);
  if (!isClean) {
    throw outOfRange(
      name,
      'one line of printable ASCII, or after "Cookie: " of characters up to 0xFF',
      line,
    );
  }
  return [...Array.from(line, (char) => char.charCodeAt(0)), 0x0d, 0x0a];
}

function writeNegotiation(
  tpdu: RemoteDesktopTpdu,
  negotiation: NonNullable<RemoteDesktopInit['negotiation']>,
  correlationId: Uint8Array | undefined,
  field: string,
): readonly number[] {
  const types = tpdu === 'CR' ? "'request' in a CR" : "'response' or 'failure' in a CC";
  const { type } = negotiation ?? {};
  if (type === undefined || !types.includes(`'${type}'`)) {
    throw outOfRange(`${field}.type`, types, type);
  }
  const byDefault = correlationId === undefined ? 0 : CORRELATION_INFO_PRESENT;
  const flags = checkUint(`${field}.flags`, negotiation.flags ?? byDefault, 0xff);
  const [name, value] = numberOf(negotiation);
  const number = uintOctets(checkUint(`${field}.${name}`, value, 0xffff_ffff), 4);
  return [TYPES[type], flags, NEGOTIATION_LENGTH, 0, ...number.reverse()];
}

/** The number of a negotiation structure and its name. */
function numberOf(
  negotiation: NonNullable<RemoteDesktopInit['negotiation']>,
): readonly [name: string, value: number] {
  switch (negotiation.type) {
    case 'request':
      return ['requestedProtocols', negotiation.requestedProtocols];
    case 'response':
      return ['selectedProtocol', negotiation.selectedProtocol];
    case 'failure':
      return ['failureCode', negotiation.failureCode];
  }
}

function writeCorrelation(
  field: string,
  negotiation: RemoteDesktopInit['negotiation'],
  correlationId: Uint8Array | undefined,
): readonly number[] {
  if (correlationId === undefined) {
    return [];
  }
  const name = `${field}.correlationId`;
  if (negotiation === undefined) {
    throw outOfRange(name, 'none without negotiation', correlationId);
  }
  const id = checkOctets(name, correlationId, CORRELATION_ID_LENGTH, CORRELATION_ID_LENGTH);
  const reserved = new Uint8Array(CORRELATION_ID_LENGTH);
  return [TYPES.correlation, 0, CORRELATION_LENGTH, 0, ...id, ...reserved];
}

/** Returns the name of a failure code, for instance `SSL_REQUIRED_BY_SERVER` for 1. */
export function failureText(code: number): string {
  return FAILURES[code] ?? 'not defined';
}

/** Returns the names of the security protocols in a bit set, for instance `TLS, CredSSP` for 3. */
export function protocolText(protocols: number): string {
  return protocols === 0 ? 'standard RDP security' : bitNames(PROTOCOLS, protocols);
}

/** Returns the names of the flags of a structure; empty if none is set. */
export function flagText(type: RemoteDesktopNegotiation['type'], flags: number): string {
  return bitNames(FLAGS[type], flags);
}

function bitNames(names: BitNames, bits: number): string {
  const known = names.filter(([bit]) => (bits & bit) !== 0);
  const rest = known.reduce((left, [bit]) => left - bit, bits);
  const others = rest === 0 ? [] : [`0x${rest.toString(16)} not defined`];
  return [...known.map(([, name]) => name), ...others].join(', ');
}

/** Describes a negotiation structure in words. */
export function negotiationText(negotiation: RemoteDesktopNegotiation): string {
  switch (negotiation.type) {
    case 'request':
      return `requests ${protocolText(negotiation.requestedProtocols)}`;
    case 'response':
      return `selects ${protocolText(negotiation.selectedProtocol)}`;
    case 'failure':
      return `fails with ${negotiation.failureCode} (${failureText(negotiation.failureCode)})`;
  }
}

/** Quotes text of the peer so that it is safe to print: all but printable ASCII is escaped, as in `\x1b`. */
export function quotedText(text: string): string {
  const safe = text.replace(/[^\x20-\x7e]|["\\]/g, (char) =>
    isPrintable(char) ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${safe}"`;
}
