import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/core/errors.js';
import {
  beginsWithProxyHeader,
  ProxyHeaderReader,
  readProxyHeader,
} from '../../../src/core/proxy-protocol/header.js';
import { faultOf } from '../../support/fault.js';
import {
  NO_CHECKSUM,
  proxyV1,
  proxyV2,
  TCP6,
  tlv,
  withChecksum,
} from '../../support/proxy-header.js';
import { chunksOf, hex, join, pattern, splitsWithTrailing } from '../../support/splits.js';

const IPV4 = {
  source: { host: '192.0.2.1', port: 54_321 },
  destination: { host: '198.51.100.2', port: 102 },
};

const IPV6 = {
  source: { host: '2001:db8::1', port: 54_321 },
  destination: { host: '2001:db8::2', port: 102 },
};

const NOT_TOLD = { source: undefined, destination: undefined };

const IPV6_OCTETS = hex(`20010db8${'00'.repeat(11)}01 20010db8${'00'.repeat(11)}02 d4310066`);

/** As a load balancer of Amazon sends it: checksum, the id of an endpoint, padding. */
const AMAZON = hex(
  `0d0a0d0a000d0a515549540a 2111 0054 ac1f0771 ac1f0a1f c8f2 0050 030004 e8d6892d
   ea0017 01767063652d3038643262663135666163353030316339 040024 ${'00'.repeat(36)}`,
);

const ascii = (text: string) => Uint8Array.from(Buffer.from(text));

const padding = (length: number) => new Uint8Array(length);

/** What it is, its octets, and what is read. */
const GOOD: readonly (readonly [string, Uint8Array, object])[] = [
  ['version 1, IPv4', proxyV1('TCP4 192.0.2.1 198.51.100.2 54321 102'), { ...IPV4, tlvs: [] }],
  ['version 1, IPv6', proxyV1('TCP6 2001:db8::1 2001:db8::2 54321 102'), { ...IPV6, tlvs: [] }],
  [
    'version 1, IPv6 in another form',
    proxyV1('TCP6 2001:0DB8:0:0::0:1 2001:db8:0:0:0:0:0:2 54321 102'),
    { ...IPV6, tlvs: [] },
  ],
  [
    'version 1, IPv4-mapped',
    proxyV1('TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 54321 102'),
    {
      source: { host: '::ffff:192.0.2.1', port: 54_321 },
      destination: { host: '::ffff:198.51.100.2', port: 102 },
      tlvs: [],
    },
  ],
  [
    'version 1, the smallest and largest ports',
    proxyV1('TCP4 0.0.0.0 255.255.255.255 0 65535'),
    {
      source: { host: '0.0.0.0', port: 0 },
      destination: { host: '255.255.255.255', port: 65_535 },
      tlvs: [],
    },
  ],
  ['version 1, UNKNOWN', proxyV1('UNKNOWN'), { ...NOT_TOLD, tlvs: [] }],
  ['version 1, UNKNOWN and a space', proxyV1('UNKNOWN '), { ...NOT_TOLD, tlvs: [] }],
  [
    'version 1, UNKNOWN with addresses',
    proxyV1('UNKNOWN 192.0.2.1 198.51.100.2 54321 102'),
    { ...NOT_TOLD, tlvs: [] },
  ],
  [
    'version 1, the longest line',
    proxyV1(`UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    { ...NOT_TOLD, tlvs: [] },
  ],
  ['version 2, IPv4', proxyV2(), { ...IPV4, tlvs: [] }],
  ['version 2, IPv6', proxyV2({ kind: TCP6, addresses: IPV6_OCTETS }), { ...IPV6, tlvs: [] }],
  [
    'version 2, fields',
    proxyV2({ tlvs: [tlv(2, Buffer.from('plc.example')), tlv(0xe0, hex('')), tlv(4, padding(2))] }),
    {
      ...IPV4,
      tlvs: [
        { type: 2, value: ascii('plc.example') },
        { type: 0xe0, value: hex('') },
        { type: 4, value: padding(2) },
      ],
    },
  ],
  [
    'version 2, the same field twice',
    proxyV2({ tlvs: [tlv(0xe1, hex('01')), tlv(0xe1, hex('02'))] }),
    {
      ...IPV4,
      tlvs: [
        { type: 0xe1, value: Uint8Array.of(1) },
        { type: 0xe1, value: Uint8Array.of(2) },
      ],
    },
  ],
  [
    'version 2 of a load balancer of Amazon',
    AMAZON,
    {
      source: { host: '172.31.7.113', port: 51_442 },
      destination: { host: '172.31.10.31', port: 80 },
      tlvs: [
        { type: 3, value: hex('e8d6892d') },
        { type: 0xea, value: ascii('\u0001vpce-08d2bf15fac5001c9') },
        { type: 4, value: padding(36) },
      ],
    },
  ],
  [
    'version 2, LOCAL',
    proxyV2({ command: 0x20, kind: 0, addresses: hex('') }),
    { ...NOT_TOLD, tlvs: [] },
  ],
  ['version 2, LOCAL with addresses', proxyV2({ command: 0x20 }), { ...NOT_TOLD, tlvs: [] }],
  [
    'version 2, LOCAL of an unknown family, with octets of no meaning',
    proxyV2({ command: 0x20, kind: 0xff, addresses: hex('010203') }),
    { ...NOT_TOLD, tlvs: [] },
  ],
  ['version 2, no family', proxyV2({ kind: 0, addresses: hex('') }), { ...NOT_TOLD, tlvs: [] }],
  [
    'version 2, no family, with fields',
    proxyV2({ kind: 0, addresses: hex(''), tlvs: [tlv(5, hex('0a'))] }),
    { ...NOT_TOLD, tlvs: [{ type: 5, value: Uint8Array.of(10) }] },
  ],
  [
    'version 2, no family, with octets that are no fields',
    proxyV2({ kind: 0, addresses: hex('0102030405') }),
    { ...NOT_TOLD, tlvs: [] },
  ],
  ['version 2, IPv4 of no protocol', proxyV2({ kind: 0x10 }), { ...NOT_TOLD, tlvs: [] }],
  ['version 2, UDP over IPv4', proxyV2({ kind: 0x12 }), { ...NOT_TOLD, tlvs: [] }],
  [
    'version 2, UDP over IPv6, with a field',
    proxyV2({ kind: 0x22, addresses: IPV6_OCTETS, tlvs: [tlv(1, hex('68'))] }),
    { ...NOT_TOLD, tlvs: [{ type: 1, value: Uint8Array.of(0x68) }] },
  ],
  [
    'version 2, a Unix socket, with a field',
    proxyV2({ kind: 0x31, addresses: padding(216), tlvs: [tlv(1, hex('68'))] }),
    { ...NOT_TOLD, tlvs: [{ type: 1, value: Uint8Array.of(0x68) }] },
  ],
  [
    'version 2, datagrams of a Unix socket',
    proxyV2({ kind: 0x32, addresses: padding(216) }),
    { ...NOT_TOLD, tlvs: [] },
  ],
];

const CR = hex('0300000e 09e0000000010 0c0010a'.replaceAll(' ', ''));

describe('a PROXY header', () => {
  it.each(GOOD)('is read: %s', (_, octets, expected) => {
    expect(readProxyHeader(octets)).toEqual({ length: octets.length, ...expected });
  });

  it.each(GOOD)('ends where the data begins, wherever TCP cuts: %s', (_, octets, expected) => {
    for (const trailing of [hex(''), hex('03'), CR]) {
      for (const { name, chunks } of splitsWithTrailing(octets, trailing)) {
        const reader = new ProxyHeaderReader();
        const results = chunks.map((chunk) => reader.push(chunk));
        expect(results.slice(0, -1), name).toEqual(chunks.slice(1).map(() => undefined));
        const { header, rest } = results.at(-1) as NonNullable<(typeof results)[number]>;
        expect(header, name).toEqual({ length: octets.length, ...expected });
        expect(rest, name).toEqual(trailing);
      }
    }
  });

  it.each(GOOD)('is recognised by its signature alone: %s', (_, octets) => {
    const signature = octets[0] === 0x50 ? 6 : 12;
    for (let length = 0; length <= octets.length; length += 1) {
      const expected = length < signature ? undefined : true;
      expect(beginsWithProxyHeader(octets.subarray(0, length))).toBe(expected);
    }
  });

  it('has fields that are copies', () => {
    const octets = proxyV2({ tlvs: [tlv(2, Buffer.from('abc'))] });
    const header = readProxyHeader(octets);
    octets.fill(0);
    expect(header?.tlvs).toEqual([{ type: 2, value: ascii('abc') }]);
  });

  it('is accepted up to 16384 octets, octet by octet', () => {
    const octets = proxyV2({ tlvs: [tlv(0xe0, padding(16_384 - 28 - 3))] });
    const reader = new ProxyHeaderReader();
    const results = chunksOf(octets, 1).map((chunk) => reader.push(chunk));
    expect(octets.length).toBe(16_384);
    expect(results.findIndex((result) => result !== undefined)).toBe(16_383);
  });

  it('is read when much data comes with its end', () => {
    const stream = join(proxyV2(), pattern(60_000));
    const reader = new ProxyHeaderReader();
    expect(reader.push(stream.subarray(0, 20))).toBeUndefined();
    expect(reader.push(stream.subarray(20))?.rest).toEqual(pattern(60_000));
  });

  it('is counted while it is not complete', () => {
    const reader = new ProxyHeaderReader();
    const lengths = chunksOf(proxyV2().subarray(0, 20), 8).map((chunk) => {
      reader.push(chunk);
      return reader.length;
    });
    expect(lengths).toEqual([8, 16, 20]);
  });

  it('is read without a copy of the data behind it', () => {
    const chunk = join(proxyV2(), new Uint8Array(60_000));
    expect(new ProxyHeaderReader().push(chunk)?.rest.buffer).toBe(chunk.buffer);
  });
});

/** The length of the longest line and one octet more, without its end. */
const ENDLESS = ascii(`PROXY UNKNOWN ${'a'.repeat(200)}`);

const NO_IPV4 = [
  ...[
    '192.0.2',
    '192.0.2.1.5',
    '192.0.2.1.256',
    '192.0.2.256',
    '192.0.2.01',
    '192.0.2.',
    '192.0..1',
    '192.0.2.-1',
  ],
  ...['192.0.2.+1', '192.0.2.1e0', '0x7f.0.0.1', '3221225985', 'localhost', '\uff11.0.2.1'],
];

const NO_IPV6 = [
  ...['2001:db8', ':', ':::', ':1::', '1::2:', '1::2::3', '12345::', 'g::', '+1::', '[::1]'],
  ...['1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8'],
  ...['1:2:3:4::5:6:7:8', 'fe80::1%eth0', '::ffff:192.0.2.256', '::ffff:192.0.2', '192.0.2.1::'],
  ...['::192.0.2.1:1', '1:2:3:4:5:6:7:192.0.2.1'],
];

const NO_PORTS = ['1e3', '00', '01', '65536', '100000', '+1', '-1', '0x1', '1.0', '1_0', ''];

/** What is wrong, its octets, the fault, how many octets are needed to tell, and a part of the message. */
const BAD: readonly (readonly [string, Uint8Array, string, number, RegExp])[] = [
  ['nothing but data', CR, 'proxy-missing', 1, /at octet 1, in 03/],
  ['an HTTP request', ascii('GET / HTTP/1.1\r\n'), 'proxy-missing', 1, /octet 1/],
  ['another word', ascii('PROXX TCP4 '), 'proxy-missing', 5, /octet 5/],
  ['no space', ascii('PROXY\tTCP4 '), 'proxy-missing', 6, /octet 6/],
  ['a wrong signature', hex('0d0a0d0a000d0a515549540d'), 'proxy-missing', 12, /octet 12/],
  ['small letters', ascii('proxy TCP4'), 'proxy-missing', 1, /octet 1/],
  ...line('another protocol', 'UDP4 192.0.2.1 192.0.2.2 1 2', /TCP4, TCP6 or UNKNOWN, not "UDP4"/),
  ...line('a protocol in small letters', 'tcp4 192.0.2.1 192.0.2.2 1 2', /not "tcp4"/),
  ...line('a protocol of JavaScript', 'constructor 192.0.2.1 192.0.2.2 1 2', /not "constructor"/),
  ...line('UNKNOWN that goes on', 'UNKNOWNX', /not "UNKNOWNX"/),
  ...line('no protocol', '', /not ""/),
  ...line('no addresses', 'TCP4', /4 fields must follow TCP4, with one space before each\)/),
  ...line('no port', 'TCP4 192.0.2.1 192.0.2.2 1', /4 fields/),
  ...line('one field more', 'TCP4 192.0.2.1 192.0.2.2 1 2 3', /4 fields/),
  ...line('two spaces', 'TCP4  192.0.2.1 192.0.2.2 1 2', /4 fields/),
  ...line('a space at the end', 'TCP4 192.0.2.1 192.0.2.2 1 2 ', /4 fields/),
  ...line(
    'a tab',
    'TCP4 192.0.2.1\t192.0.2.2 1 2 3',
    /source is no address .* not octets that are no text/,
  ),
  ...line(
    'IPv6 with TCP4',
    'TCP4 2001:db8::1 2001:db8::2 1 2',
    /source is no address of TCP4, not "2001/,
  ),
  ...line('IPv4 with TCP6', 'TCP6 192.0.2.1 192.0.2.2 1 2', /source is no address of TCP6/),
  ...line('IPv4 and IPv6', 'TCP4 192.0.2.1 2001:db8::2 1 2', /destination is no address of TCP4/),
  ...NO_IPV4.flatMap((host) =>
    line(host, `TCP4 ${host} 192.0.2.2 1 2`, /source is no address of TCP4/),
  ),
  ...NO_IPV6.flatMap((host) => line(host, `TCP6 ${host} ::2 1 2`, /source is no address of TCP6/)),
  ...NO_PORTS.flatMap((port) => [
    ...line(
      `source port ${port}`,
      `TCP4 192.0.2.1 192.0.2.2 ${port} 2`,
      /port of the source must be 0 to 65535/,
    ),
    ...line(
      `destination port ${port}`,
      `TCP4 192.0.2.1 192.0.2.2 1 ${port}`,
      /port of the destination must be 0 to 65535/,
    ),
  ]),
  [
    'LF alone',
    ascii('PROXY UNKNOWN\n'),
    'proxy-invalid',
    14,
    /must end with CR and LF, .*octet 14/,
  ],
  ['CR alone', ascii('PROXY UNKNOWN\rX'), 'proxy-invalid', 15, /octet 15/],
  ['CR twice', ascii('PROXY UNKNOWN\r\r\n'), 'proxy-invalid', 15, /octet 15/],
  ['a line without end', ENDLESS, 'proxy-too-long', 107, /no CR and LF within 107 octets/],
  ['a line of 108 octets', proxyV1(`UNKNOWN ${'a'.repeat(92)}`), 'proxy-too-long', 107, /107/],
  [
    'version 1 in binary',
    proxyV2({ command: 0x11 }),
    'proxy-invalid',
    13,
    /version must be 2, not 1.: .*octet 13/,
  ],
  ['version 3', proxyV2({ command: 0x31 }), 'proxy-invalid', 13, /not 3/],
  ['command 2', proxyV2({ command: 0x22 }), 'proxy-invalid', 13, /command must be 0 or 1, not 2/],
  [
    'family 4',
    proxyV2({ kind: 0x41 }),
    'proxy-invalid',
    14,
    /value 0x41\): proxy-invalid at octet 14/,
  ],
  ['protocol 3', proxyV2({ kind: 0x13 }), 'proxy-invalid', 14, /value 0x13/],
  ['protocol 3 of no family', proxyV2({ kind: 0x03 }), 'proxy-invalid', 14, /value 0x03/],
  [
    'one octet too many',
    proxyV2({ tlvs: [tlv(4, padding(16_385 - 28 - 3))] }),
    'proxy-too-long',
    16,
    /16385 octets, at most 16384 are accepted/,
  ],
  ['the largest length', proxyV2({ length: 65_535 }), 'proxy-too-long', 16, /65551 octets/],
  [
    'LOCAL that is too long',
    proxyV2({ command: 0x20, length: 65_535 }),
    'proxy-too-long',
    16,
    /65551/,
  ],
  [
    'addresses that are cut',
    proxyV2({ addresses: padding(11) }),
    'proxy-invalid',
    27,
    /need 28 octets, and the header has 27/,
  ],
  ['IPv6 of IPv4 length', proxyV2({ kind: TCP6 }), 'proxy-invalid', 28, /need 52 octets/],
  ['a Unix socket without a path', proxyV2({ kind: 0x31 }), 'proxy-invalid', 28, /need 232 octets/],
  ...rest('a field of one octet', [hex('04')], 29),
  ...rest('a field of two octets', [hex('0400')], 29),
  ...rest('a field that is one octet too long', [tlv(4, padding(3), 4)], 29),
  ...rest('an empty field with a length', [tlv(4, hex(''), 5)], 29),
  ...rest('a field of the largest length', [tlv(4, padding(3), 65_535)], 29),
  ...rest('an octet behind the fields', [tlv(4, padding(3)), hex('00')], 35),
  [
    'a wrong checksum',
    proxyV2({ tlvs: [tlv(3, hex('01020304'))] }),
    'proxy-checksum',
    35,
    /CRC32c 0x1020304, expected 0x[0-9a-f]{8}\): proxy-checksum at octet 32/,
  ],
  ...rest('a checksum of three octets', [tlv(3, padding(3))], 29, /one checksum of 4 octets/),
  ...rest('two checksums', [NO_CHECKSUM, NO_CHECKSUM], 36, /one checksum of 4 octets/),
];

type Bad = (typeof BAD)[number];

function line(name: string, text: string, message: RegExp): readonly Bad[] {
  const octets = ascii(`PROXY ${text}\r\n`);
  return [[`version 1, ${name}`, octets, 'proxy-invalid', octets.length, message]];
}

function rest(
  name: string,
  tlvs: readonly Uint8Array[],
  octet: number,
  message = /extends past the end of the header/,
): readonly Bad[] {
  const octets = proxyV2({ tlvs });
  const whole = new RegExp(`${message.source}\\): proxy-invalid at octet ${octet}`);
  return [[`version 2, ${name}`, octets, 'proxy-invalid', octets.length, whole]];
}

describe('what is no PROXY header', () => {
  it.each(BAD)('is refused: %s', (_, octets, fault, __, message) => {
    const error = faultOf(() => readProxyHeader(octets));
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', fault, rejectCause: undefined });
    expect(error.message).toMatch(message);
  });

  it.each(BAD)('is refused with the octet that shows it: %s', (_, octets, fault, needed) => {
    const reader = new ProxyHeaderReader();
    const chunks = chunksOf(octets, 1);
    for (const chunk of chunks.slice(0, needed - 1)) {
      expect(reader.push(chunk)).toBeUndefined();
    }
    expect(faultOf(() => reader.push(chunks[needed - 1] as Uint8Array)).fault).toBe(fault);
  });

  it.each(BAD)('does not begin as one, or is found to be wrong later: %s', (_, octets, fault) => {
    expect(beginsWithProxyHeader(octets)).toBe(fault !== 'proxy-missing');
  });

  it('includes a header with a checksum and any other octet changed', () => {
    const good = withChecksum(proxyV2({ tlvs: [tlv(2, Buffer.from('plc')), NO_CHECKSUM] }));
    expect(readProxyHeader(good)).toMatchObject(IPV4);
    const type = good.length - 7;
    const others = [...good.keys()].filter((at) => at >= 16 && at !== type);
    for (const at of others) {
      const changed = good.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      expect(() => readProxyHeader(changed), `octet ${at + 1}`).toThrow(ProtocolError);
    }
  });

  it('shows the first 64 octets in its error', () => {
    expect(faultOf(() => readProxyHeader(ENDLESS)).octets).toEqual(
      Uint8Array.from(ENDLESS.subarray(0, 64)),
    );
  });
});
