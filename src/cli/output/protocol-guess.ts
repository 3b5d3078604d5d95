/**
 * Guesses the protocol of octets that are not COTP. The error of a user who connects to the wrong port
 * names the service that is there.
 */

/**
 * Text protocols: the first octets of a client, and the greeting or error message of a server.
 */
const WORDS: readonly (readonly [name: string, pattern: RegExp])[] = [
  [
    'HTTP',
    /^HTTP\/\d|^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH) \S|^<(?:!DOCTYPE )?html/i,
  ],
  ['SSH', /^SSH-/],
  ['RTSP', /^RTSP\//],
  ['SIP', /^SIP\//],
  ['SMTP or FTP', /^220[ -]/],
  ['POP3', /^\+OK/],
  ['IMAP', /^\* OK/],
  ['VNC', /^RFB \d/],
];

/** Binary protocols: the same in hexadecimal. */
const OCTETS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['TLS', /^1[4-7]030[0-4]/],
  ['telnet', /^ff(?:fb|fc|fd|fe)/],
  ['IEC 60870-5-104', /^68(?:0[4-9a-f]|[1-9a-e].|f[0-d])/],
  ['MySQL', /^..0000000a/],
];

/** The protocol that these octets look like; `undefined` if they match no known one. */
export function guessProtocol(octets: Uint8Array = new Uint8Array()): string | undefined {
  const start = Buffer.from(octets.subarray(0, 64));
  const inWords = WORDS.find(([, pattern]) => pattern.test(start.toString('latin1')));
  return (inWords ?? OCTETS.find(([, pattern]) => pattern.test(start.toString('hex'))))?.[0];
}

/** A hint for an error message about octets of another protocol; `undefined` if it is not known. */
export function protocolHint(octets: Uint8Array | undefined): string | undefined {
  const name = guessProtocol(octets);
  const question = name === 'TLS' ? 'does only one side use TLS?' : 'is it the right port?';
  return name === undefined ? undefined : `it looks like ${name}; ${question}`;
}
