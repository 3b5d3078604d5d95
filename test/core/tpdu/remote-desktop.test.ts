/** CR and CC of remote desktop, and parameters that only look like them. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/core/octets/octets.js';
import { describeTpdu } from '../../../src/core/tpdu/describe.js';
import {
  decode,
  encode,
  explainTpdu,
  type RemoteDesktop,
  type TpduInit,
} from '../../../src/core/tpdu/index.js';
import { faultOf, hex } from './support.js';

const text = (line: string) => toHex(Uint8Array.from(line, (char) => char.charCodeAt(0)));
const COOKIE = text('Cookie: mstshash=eltons\r\n');
const REQUEST = '01 00 0800 03000000';
const ID = '11223344556677889900aabbccddeeff';
const CORRELATION = `06 00 2400 ${ID} ${'00'.repeat(16)}`;

/** A CR or CC of class 0 around a variable part. */
function tpdu(code: 'e0' | 'd0', variable: string): Uint8Array {
  const li = (6 + hex(variable).length).toString(16).padStart(2, '0');
  return hex(`${li} ${code} 0000 1234 00 ${variable}`);
}

const FORMS: readonly (readonly [string, 'e0' | 'd0', string, RemoteDesktop])[] = [
  ['a cookie', 'e0', COOKIE, { cookie: 'Cookie: mstshash=eltons' }],
  ['an empty line', 'e0', '0d0a', { cookie: '' }],
  [
    'a name of another code page',
    'e0',
    `${text('Cookie: mstshash=')}c3a9${text('\r\n')}`,
    { cookie: 'Cookie: mstshash=\u00c3\u00a9' },
  ],
  [
    'a cookie for a load balancer',
    'e0',
    text('Cookie: msts=3640205228.15629.0000\r\n'),
    { routingToken: 'Cookie: msts=3640205228.15629.0000' },
  ],
  [
    'a token of another form',
    'e0',
    text('tsv://MS Terminal Services Plugin.1.Farm\r\n'),
    { routingToken: 'tsv://MS Terminal Services Plugin.1.Farm' },
  ],
  [
    'a request',
    'e0',
    REQUEST,
    { negotiation: { type: 'request', flags: 0, requestedProtocols: 3 } },
  ],
  [
    'a cookie and a request',
    'e0',
    `${COOKIE} 01 01 0800 0b000000`,
    {
      cookie: 'Cookie: mstshash=eltons',
      negotiation: { type: 'request', flags: 1, requestedProtocols: 11 },
    },
  ],
  [
    'an empty line and a request',
    'e0',
    `0d0a ${REQUEST}`,
    { cookie: '', negotiation: { type: 'request', flags: 0, requestedProtocols: 3 } },
  ],
  [
    'a cookie, a request and a correlation id',
    'e0',
    `${COOKIE} 01 08 0800 03000000 ${CORRELATION}`,
    {
      cookie: 'Cookie: mstshash=eltons',
      negotiation: { type: 'request', flags: 8, requestedProtocols: 3 },
      correlationId: hex(ID),
    },
  ],
  [
    'a response',
    'd0',
    '02 1f 0800 02000000',
    { negotiation: { type: 'response', flags: 0x1f, selectedProtocol: 2 } },
  ],
  [
    'a failure',
    'd0',
    '03 00 0800 05000000',
    { negotiation: { type: 'failure', flags: 0, failureCode: 5 } },
  ],
  [
    'a number above 31 bits',
    'd0',
    '02 00 0800 000000ff',
    { negotiation: { type: 'response', flags: 0, selectedProtocol: 0xff00_0000 } },
  ],
];

describe.each(FORMS)('%s', (_title, code, variable, remoteDesktop) => {
  const octets = tpdu(code, variable);

  it('is read as named fields and not as parameters', () => {
    expect(decode(octets)).toMatchObject({
      remoteDesktop,
      parameters: {},
      unknownParameters: [],
      rawParameters: [],
      diagnostics: [{ code: 'remote-desktop', octet: 8 }],
    });
  });

  it('is written again as it was read', () => {
    expect(toHex(encode(decode(octets)))).toBe(toHex(octets));
  });

  it('is refused by a strict reading, with a hint', () => {
    const error = faultOf(() => decode(octets, { strict: true }));
    expect(error).toMatchObject({ fault: 'remote-desktop', octet: 8, rejectCause: 0 });
    expect(error.hint).toMatch(/remote desktop \(RDP\).*remoteDesktop/);
  });

  it('is explained without a parameter', () => {
    const fields = explainTpdu(octets).map(({ field }) => field);
    expect(fields.filter((field) => field === 'parameter')).toEqual([]);
    expect(fields.some((field) => field.startsWith('RDP '))).toBe(true);
  });
});

describe('what is no form of remote desktop', () => {
  it.each([
    ['an unknown parameter of printable octets', 'e0', `4122 ${'42'.repeat(32)} 0d0a`],
    ['an unknown parameter that holds CR LF', 'e0', `dd04 41420d0a`],
    [
      'an unknown parameter with the letters of a cookie, of which a line is only a part',
      'e0',
      `436f ${text('okie: ')}0d0a${'20'.repeat(103)}`,
    ],
    ['a request with an octet behind it', 'e0', `${REQUEST} 00 00`],
    ['a request of another length', 'e0', '01 00 0900 03000000'],
    ['a response in a CR', 'e0', '02 00 0800 00000000'],
    ['a request in a CC', 'd0', '01 00 0800 00000000'],
    ['a cookie in a CC', 'd0', COOKIE],
    ['a selector before a request', 'e0', `c101 41 ${REQUEST}`],
  ] as const)('%s', (_title, code, variable) => {
    const read = decodeOrFault(tpdu(code, variable));
    expect(read).not.toHaveProperty('remoteDesktop');
  });

  it('is a CR of another class', () => {
    const octets = hex(`0e e0 0000 1234 20 ${REQUEST}`);
    expect(decode(octets)).not.toHaveProperty('remoteDesktop');
  });
});

function decodeOrFault(octets: Uint8Array): object {
  try {
    return decode(octets);
  } catch (error) {
    return error as object;
  }
}

describe('a cookie that is broken', () => {
  it.each([
    ['by the end of the header', text('Cookie: mstshash=u')],
    ['by what follows it', `${COOKIE} 01 00 0800`],
    ['by a correlation id without a request', `${COOKIE} ${CORRELATION}`],
  ])('%s is an error and no parameter', (_title, variable) => {
    const error = faultOf(() => decode(tpdu('e0', variable)));
    expect(error).toMatchObject({ fault: 'remote-desktop', octet: 8 });
  });
});

describe('encode', () => {
  it('sets the flag of a correlation id by itself', () => {
    const octets = encode({
      type: 'CR',
      srcRef: 0x1234,
      remoteDesktop: {
        negotiation: { type: 'request', requestedProtocols: 3 },
        correlationId: hex(ID),
      },
    });
    expect(toHex(octets)).toBe(toHex(tpdu('e0', `01 08 0800 03000000 ${CORRELATION}`)));
  });

  it('takes a routing token past the 128 octets of a CR', () => {
    const routingToken = `tsv://${'a'.repeat(200)}`;
    const octets = encode({ type: 'CR', srcRef: 1, remoteDesktop: { routingToken } });
    expect(decode(octets)).toMatchObject({ remoteDesktop: { routingToken } });
  });

  const request = { type: 'request', requestedProtocols: 1 } as const;
  const WRONG: readonly (readonly [string, object, RegExp])[] = [
    ['no part', {}, /^remoteDesktop: expected at least one part/],
    ['a part that is not known', { token: 'x' }, /^remoteDesktop\.token: /],
    ['text that is no cookie', { cookie: 'user' }, /^remoteDesktop\.cookie: .*Cookie: mstshash/],
    ['a cookie of two lines', { cookie: 'Cookie: a\r\nb' }, /^remoteDesktop\.cookie: /],
    ['a cookie as a token', { routingToken: 'Cookie: a' }, /^remoteDesktop\.routingToken: /],
    [
      'a token that is not printable',
      { routingToken: 'tsv\u0007' },
      /^remoteDesktop\.routingToken: /,
    ],
    [
      'a token that reads as a parameter',
      { routingToken: `A"${'B'.repeat(32)}` },
      /^remoteDesktop\.routingToken: .*parameters/,
    ],
    [
      'a cookie beside a token',
      { cookie: 'Cookie: a', routingToken: 'b' },
      /^remoteDesktop\.routingToken: expected none beside cookie/,
    ],
    [
      'an answer in a request',
      { negotiation: { type: 'response', selectedProtocol: 1 } },
      /^remoteDesktop\.negotiation\.type: /,
    ],
    [
      'protocols that are no number of 32 bits',
      { negotiation: { type: 'request', requestedProtocols: 2 ** 32 } },
      /^remoteDesktop\.negotiation\.requestedProtocols: /,
    ],
    [
      'a correlation id of another length',
      { negotiation: request, correlationId: hex('00') },
      /^remoteDesktop\.correlationId: /,
    ],
    ['a correlation id alone', { correlationId: hex(ID) }, /^remoteDesktop\.correlationId: /],
  ];

  it.each(WRONG)('refuses %s in a CR', (_title, remoteDesktop, message) => {
    const init = { type: 'CR', srcRef: 1, remoteDesktop } as TpduInit;
    expect(() => encode(init)).toThrow(message);
  });

  it('refuses a cookie in a CC', () => {
    const init: TpduInit = {
      type: 'CC',
      dstRef: 1,
      srcRef: 1,
      remoteDesktop: { cookie: 'Cookie: a' },
    };
    expect(() => encode(init)).toThrow(/^remoteDesktop\.cookie: expected none in a CC/);
  });

  it('refuses parameters beside it', () => {
    const init: TpduInit = {
      type: 'CR',
      srcRef: 1,
      parameters: { tpduSize: 1024 },
      remoteDesktop: { negotiation: request },
    };
    expect(() => encode(init)).toThrow(/^parameters: expected none beside remoteDesktop/);
  });

  it('refuses it in another class', () => {
    const init: TpduInit = {
      type: 'CR',
      srcRef: 1,
      class: 2,
      remoteDesktop: { negotiation: request },
    };
    expect(() => encode(init)).toThrow(/^remoteDesktop: expected none in class 2/);
  });
});

describe('in words', () => {
  it('a CR has its cookie and what it requests', () => {
    const cr = decode(tpdu('e0', `${COOKIE} ${REQUEST}`));
    expect(describeTpdu(cr)).toBe(
      'CR TPDU src-ref: 0x1234 dst-ref: 0x0000 class: 0 ' +
        'remote desktop: "Cookie: mstshash=eltons" requests TLS, CredSSP [remote-desktop]',
    );
  });

  it.each([
    ['02 00 0800 00000000', 'selects standard RDP security'],
    ['03 00 0800 05000000', 'fails with 5 (HYBRID_REQUIRED_BY_SERVER)'],
    ['03 00 0800 63000000', 'fails with 99 (not defined)'],
    ['02 00 0800 20000000', 'selects 0x20 not defined'],
  ])('a CC with %s %s', (variable, words) => {
    expect(describeTpdu(decode(tpdu('d0', variable)))).toContain(`remote desktop: ${words} [`);
  });

  it('the text of a peer has no control characters', () => {
    const cr = tpdu('e0', `${text('Cookie: mstshash=\u001b[2J\u009b"\\')}0d0a`);
    const safe = '"Cookie: mstshash=\\x1b[2J\\x9b\\"\\\\"';
    expect(describeTpdu(decode(cr))).toContain(safe);
    expect(explainTpdu(cr).map(({ value }) => value)).toContain(safe);
  });
});
