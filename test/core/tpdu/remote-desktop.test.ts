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
import {
  areParameters,
  beginsLikeCookie,
  failureText,
  flagText,
  negotiationText,
  protocolText,
  quotedText,
  readRemoteDesktop,
} from '../../../src/core/tpdu/remote-desktop.js';
import { faultOf } from '../../support/fault.js';
import { hex } from './support.js';

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

describe('the octets of a structure', () => {
  const whole = hex(`${REQUEST.replace('01 00', '01 08')} ${CORRELATION}`);

  it('may have any flags, number and correlation id', () => {
    for (const at of [1, 4, 5, 6, 7, 12, 27]) {
      const octets = whole.slice();
      octets[at] = 0xff;
      expect(readRemoteDesktop('CR', octets), `octet ${at}`).toBeDefined();
    }
  });

  it('are fixed elsewhere: its type, length and reserved octets', () => {
    const fixed = [0, 2, 3, 8, 9, 10, 11, ...Array.from({ length: 16 }, (_, i) => 28 + i)];
    for (const at of fixed) {
      const octets = whole.slice();
      octets[at] = 0x7f;
      expect(readRemoteDesktop('CR', octets), `octet ${at}`).toBeUndefined();
    }
  });

  it('are whole: one may not end early, and nothing follows', () => {
    for (let end = 0; end < whole.length; end += 1) {
      const isRequest = end === 8;
      const form = readRemoteDesktop('CR', whole.subarray(0, end));
      expect(form !== undefined, `${end} octets`).toBe(isRequest);
    }
    expect(readRemoteDesktop('CR', Uint8Array.of(...whole, 0))).toBeUndefined();
  });

  it.each(['02 00 0800 01000000', '03 00 0800 01000000'])(
    'may not end early in a CC: %s',
    (digits) => {
      for (let end = 0; end < 8; end += 1) {
        expect(readRemoteDesktop('CC', hex(digits).subarray(0, end))).toBeUndefined();
      }
      expect(readRemoteDesktop('CC', Uint8Array.of(...hex(digits), 0))).toBeUndefined();
    },
  );
});

describe('the line of text', () => {
  it.each([
    ['ends at the first CR LF', '61 0d 62 0a', undefined],
    [
      'does not end at a CR or LF alone',
      `${text('Cookie: ')} 610d62 0a63 0d0a`,
      { cookie: 'Cookie: a\rb\nc' },
    ],
    ['may begin and end with any printable octet', '20 7e 0d0a', { routingToken: ' ~' }],
    ['is no token where its first octet is not printable', '1f 61 0d0a', undefined],
    ['is no token where its last octet is not printable', '61 7f 0d0a', undefined],
    [
      'is a cookie with any octets behind the prefix',
      `${text('Cookie: ')} 07ff 0d0a`,
      {
        cookie: 'Cookie: \u0007\u00ff',
      },
    ],
    [
      'is a routing token with any octets behind that prefix',
      `${text('Cookie: msts=')} 07 0d0a`,
      {
        routingToken: 'Cookie: msts=\u0007',
      },
    ],
  ])('%s: %s', (_title, digits, value) => {
    expect(readRemoteDesktop('CR', hex(digits))?.value).toEqual(value);
  });

  it.each([
    ['61 0d0a', 3],
    [`61 0d0a ${REQUEST}`, 3],
    [REQUEST, 0],
  ])('has its length beside its text, CR LF included: %s', (digits, lineLength) => {
    expect(readRemoteDesktop('CR', hex(digits))?.lineLength).toBe(lineLength);
  });

  it('in a CC is none', () => {
    expect(readRemoteDesktop('CC', hex('02 00 0800 01000000'))?.lineLength).toBe(0);
    expect(readRemoteDesktop('CC', hex('61 0d0a'))).toBeUndefined();
  });

  it('is a cookie although its octets would be parameters too', () => {
    // 'C' would be a code, and 'o' a length of 111 octets.
    const line = `Cookie: ${'a'.repeat(103)}\r\n`;
    expect(line).toHaveLength(113);
    expect(areParameters(hex(text(line)))).toBe(true);
    expect(readRemoteDesktop('CR', hex(text(line)))).toBeDefined();
  });
});

it.each([
  [text('Cookie: '), true],
  [text('Cookie: a'), true],
  [text('Cookie:'), false],
  [text('cookie: '), false],
  ['c0010a', false],
])('%s begins like a cookie: %s', (digits, begins) => {
  expect(beginsLikeCookie(hex(digits))).toBe(begins);
});

describe('octets that are parameters of any codes', () => {
  it.each([
    ['', true],
    ['41', false],
    ['41 00', true],
    ['41 01', false],
    ['41 01 42', true],
    ['41 01 42 43', false],
    ['41 01 42 43 00', true],
    ['41 02 42', false],
  ])('%j: %s', (digits, are) => {
    expect(areParameters(hex(digits))).toBe(are);
  });
});

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

  it.each<[string, unknown, string]>([
    [
      'text',
      'x',
      "remoteDesktop: expected { cookie, routingToken, negotiation, correlationId }, got 'x'",
    ],
    [
      'null',
      null,
      'remoteDesktop: expected { cookie, routingToken, negotiation, correlationId }, got null',
    ],
    [
      'a part that is not known',
      { token: 'x' },
      "remoteDesktop.token: expected cookie, routingToken, negotiation or correlationId, got 'token'",
    ],
    ['a cookie that is no text', { cookie: 5 }, 'remoteDesktop.cookie: expected a string, got 5'],
    [
      'a token that is no text',
      { routingToken: 5 },
      'remoteDesktop.routingToken: expected a string, got 5',
    ],
    [
      'a correlation id that is no octets',
      { negotiation: request, correlationId: 'x' },
      "remoteDesktop.correlationId: expected a Uint8Array, got 'x'",
    ],
  ])('refuses %s by a TypeError that says what was expected', (_title, remoteDesktop, message) => {
    const init = { type: 'CR', srcRef: 1, remoteDesktop } as TpduInit;
    expect(() => encode(init)).toThrow(new TypeError(message));
  });

  const ONE_LINE = 'one line of printable ASCII, or after "Cookie: " of characters up to 0xFF';

  it.each<[string, unknown, string]>([
    ['no part', {}, "remoteDesktop: expected at least one part, got '{}'"],
    [
      'text that is no cookie',
      { cookie: 'a' },
      "remoteDesktop.cookie: expected text that begins with 'Cookie: ', as 'Cookie: mstshash=user', got 'a'",
    ],
    [
      'a routing token as a cookie',
      { cookie: 'Cookie: msts=1' },
      "remoteDesktop.cookie: expected text that begins with 'Cookie: ', as 'Cookie: mstshash=user', got 'Cookie: msts=1'",
    ],
    [
      'an empty token',
      { routingToken: '' },
      "remoteDesktop.routingToken: expected text that is not a cookie, got ''",
    ],
    [
      'a character above 0xFF in a cookie',
      { cookie: 'Cookie: \u0100' },
      `remoteDesktop.cookie: expected ${ONE_LINE}, got 'Cookie: \u0100'`,
    ],
    [
      'a routing token of two lines',
      { routingToken: 'Cookie: msts=\r\n' },
      `remoteDesktop.routingToken: expected ${ONE_LINE}, got 'Cookie: msts=\r\n'`,
    ],
    [
      'a token that does not begin with a printable character',
      { routingToken: '\u0007a' },
      `remoteDesktop.routingToken: expected ${ONE_LINE}, got '\u0007a'`,
    ],
    [
      'a token that reads as a parameter',
      { routingToken: `A"${'B'.repeat(32)}` },
      `remoteDesktop.routingToken: expected text that does not read as parameters, got 'A"${'B'.repeat(32)}'`,
    ],
    [
      'a negotiation without a type',
      { negotiation: {} },
      "remoteDesktop.negotiation.type: expected 'request' in a CR, got undefined",
    ],
    [
      'a negotiation of null',
      { negotiation: null },
      "remoteDesktop.negotiation.type: expected 'request' in a CR, got undefined",
    ],
    [
      'a failure',
      { negotiation: { type: 'failure', failureCode: 1 } },
      "remoteDesktop.negotiation.type: expected 'request' in a CR, got 'failure'",
    ],
    [
      'flags of more than an octet',
      { negotiation: { ...request, flags: 256 } },
      'remoteDesktop.negotiation.flags: expected a whole number from 0 to 255, got 256',
    ],
    [
      'a correlation id of 15 octets',
      { negotiation: request, correlationId: new Uint8Array(15) },
      'remoteDesktop.correlationId: expected 16 to 16 octets, got 15 octets',
    ],
    [
      'a correlation id of 17 octets',
      { negotiation: request, correlationId: new Uint8Array(17) },
      'remoteDesktop.correlationId: expected 16 to 16 octets, got 17 octets',
    ],
    [
      'a correlation id without a negotiation',
      { cookie: '', correlationId: hex(ID) },
      'remoteDesktop.correlationId: expected none without negotiation, got 16 octets',
    ],
  ])('refuses %s by a RangeError that says what was expected', (_title, remoteDesktop, message) => {
    const init = { type: 'CR', srcRef: 1, remoteDesktop } as TpduInit;
    expect(() => encode(init)).toThrow(new RangeError(message));
  });

  it.each<[unknown, string]>([
    [{ cookie: 'Cookie: a' }, "remoteDesktop.cookie: expected none in a CC, got 'Cookie: a'"],
    [{ routingToken: 'a' }, "remoteDesktop.routingToken: expected none in a CC, got 'a'"],
    [
      { correlationId: hex(ID) },
      'remoteDesktop.correlationId: expected none in a CC, got 16 octets',
    ],
    [
      { negotiation: request },
      "remoteDesktop.negotiation.type: expected 'response' or 'failure' in a CC, got 'request'",
    ],
    [
      { negotiation: { type: 'response', selectedProtocol: -1 } },
      'remoteDesktop.negotiation.selectedProtocol: expected a whole number from 0 to 4294967295, got -1',
    ],
    [
      { negotiation: { type: 'failure', failureCode: -1 } },
      'remoteDesktop.negotiation.failureCode: expected a whole number from 0 to 4294967295, got -1',
    ],
  ])('refuses in a CC %j', (remoteDesktop, message) => {
    const init = { type: 'CC', dstRef: 1, srcRef: 1, remoteDesktop } as TpduInit;
    expect(() => encode(init)).toThrow(new RangeError(message));
  });

  it.each<[TpduInit['type'], RemoteDesktop, string]>([
    ['CR', { cookie: 'Cookie: \u0007\u00ff' }, `${text('Cookie: ')}07ff0d0a`],
    ['CR', { routingToken: 'Cookie: msts=\u0007' }, `${text('Cookie: msts=')}070d0a`],
    ['CR', { routingToken: ' ~' }, '207e0d0a'],
    [
      'CC',
      { negotiation: { type: 'response', flags: 0, selectedProtocol: 0x0102_0304 } },
      '0200080004030201',
    ],
    ['CC', { negotiation: { type: 'failure', flags: 0, failureCode: 6 } }, '0300080006000000'],
  ])('writes in a %s %j', (type, remoteDesktop, octets) => {
    const init = { type, srcRef: 1, dstRef: type === 'CC' ? 1 : 0, remoteDesktop } as TpduInit;
    expect(toHex(encode(init).subarray(7))).toBe(octets);
  });

  //= X.224 6.5.4 a 2 test
  it('takes SRC-REF 0 in a CR alone, as remote desktop clients send it', () => {
    const init: TpduInit = { type: 'CR', srcRef: 0, remoteDesktop: { negotiation: request } };
    expect(decode(encode(init))).toMatchObject({ srcRef: 0 });
    const negotiation = { type: 'response', selectedProtocol: 0 } as const;
    expect(() =>
      encode({ type: 'CC', dstRef: 0, srcRef: 0, remoteDesktop: { negotiation } }),
    ).toThrow(new RangeError('srcRef: expected a whole number from 1 to 65535, got 0'));
  });

  it('sets no flag by itself where no correlation id follows', () => {
    const init: TpduInit = { type: 'CR', srcRef: 1, remoteDesktop: { negotiation: request } };
    expect(toHex(encode(init).subarray(7))).toBe('0100080001000000');
  });

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

  it.each([
    [1, 'SSL_REQUIRED_BY_SERVER'],
    [2, 'SSL_NOT_ALLOWED_BY_SERVER'],
    [3, 'SSL_CERT_NOT_ON_SERVER'],
    [4, 'INCONSISTENT_FLAGS'],
    [5, 'HYBRID_REQUIRED_BY_SERVER'],
    [6, 'SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER'],
    [0, 'not defined'],
    [7, 'not defined'],
  ])('failure code %i is %s, as the specification of Microsoft has it', (code, words) => {
    expect(failureText(code)).toBe(words);
  });

  it.each([
    [0, 'standard RDP security'],
    [0x1f, 'TLS, CredSSP, RDSTLS, CredSSP with early authorization, RDSAAD'],
    [0x04, 'RDSTLS'],
    [0x20, '0x20 not defined'],
    [0xffff_ffe1, 'TLS, 0xffffffe0 not defined'],
  ])('protocols %i are %s', (protocols, words) => {
    expect(protocolText(protocols)).toBe(words);
  });

  it.each([
    ['request', 0, ''],
    ['request', 0x01, 'restricted admin mode required'],
    ['request', 0x02, 'redirected authentication mode required'],
    ['request', 0x0c, 'correlation info present, 0x4 not defined'],
    ['response', 0x01, 'extended client data supported'],
    ['response', 0x02, 'graphics pipeline supported'],
    ['response', 0x08, 'restricted admin mode supported'],
    ['response', 0x10, 'redirected authentication mode supported'],
    ['response', 0x24, '0x24 not defined'],
    ['failure', 0x01, '0x1 not defined'],
  ] as const)('flags of a %s of %i are %j', (type, flags, words) => {
    expect(flagText(type, flags)).toBe(words);
  });

  it.each([
    [{ type: 'request', flags: 0, requestedProtocols: 3 }, 'requests TLS, CredSSP'],
    [{ type: 'response', flags: 0, selectedProtocol: 2 }, 'selects CredSSP'],
    [{ type: 'failure', flags: 0, failureCode: 4 }, 'fails with 4 (INCONSISTENT_FLAGS)'],
  ] as const)('a negotiation %j %s', (negotiation, words) => {
    expect(negotiationText(negotiation)).toBe(words);
  });

  it.each([
    ['a~ !', '"a~ !"'],
    ['\u001f\u007f', '"\\x1f\\x7f"'],
    ['\n', '"\\x0a"'],
    ['"\\', '"\\"\\\\"'],
    ['\u00ff', '"\\xff"'],
  ])('%j is quoted as %s', (plain, quoted) => {
    expect(quotedText(plain)).toBe(quoted);
  });

  it('the text of a peer has no control characters', () => {
    const cr = tpdu('e0', `${text('Cookie: mstshash=\u001b[2J\u009b"\\')}0d0a`);
    const safe = '"Cookie: mstshash=\\x1b[2J\\x9b\\"\\\\"';
    expect(describeTpdu(decode(cr))).toContain(safe);
    expect(explainTpdu(cr).map(({ value }) => value)).toContain(safe);
  });
});
