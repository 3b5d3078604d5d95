/**
 * What octets that are not COTP look like: an engineer who probes the wrong port wants to know which
 * it is.
 */

/**
 * What servers of other protocols send first, or in answer to octets they do not understand, and what
 * their clients send.
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

/** The same of protocols without words, in hexadecimal. */
const OCTETS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['TLS', /^1[4-7]030[0-4]/],
  ['telnet', /^ff(?:fb|fc|fd|fe)/],
  ['IEC 60870-5-104', /^68(?:0[4-9a-f]|[1-9a-e].|f[0-d])/],
  ['MySQL', /^..0000000a/],
];

/** The protocol that these octets look like; `undefined` when none is known. */
export function appearanceOf(octets: Uint8Array = new Uint8Array()): string | undefined {
  const start = Buffer.from(octets.subarray(0, 64));
  const inWords = WORDS.find(([, pattern]) => pattern.test(start.toString('latin1')));
  return (inWords ?? OCTETS.find(([, pattern]) => pattern.test(start.toString('hex'))))?.[0];
}

/** What connects to, or answers on, a port that is another protocol's: advice, for a sentence. */
export function adviceOn(octets: Uint8Array | undefined): string | undefined {
  const name = appearanceOf(octets);
  const advice = name === 'TLS' ? 'does only one side use TLS?' : 'is it the right port?';
  return name === undefined ? undefined : `it looks like ${name}; ${advice}`;
}
