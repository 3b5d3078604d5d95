import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/core/proxy-protocol/crc32c.js';
import { formatIp, parseIpv6 } from '../../../src/core/proxy-protocol/ip-address.js';
import { remainder } from '../../support/proxy-header.js';
import { hex, pattern } from '../../support/splits.js';

describe('CRC32c', () => {
  // RFC 3720, appendix B.4, and the check value of the algorithm.
  it.each([
    ['nothing', new Uint8Array(0), 0],
    ['123456789', Buffer.from('123456789'), 0xe306_9283],
    ['32 octets of 0', new Uint8Array(32), 0x8a91_36aa],
    ['32 octets of 0xff', new Uint8Array(32).fill(0xff), 0x62a8_ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
  ])('of %s', (_, octets, expected) => {
    expect(crc32c(octets)).toBe(expected);
  });

  it.each([1, 2, 3, 250])('of %i octets is the remainder of the division', (length) => {
    expect(crc32c(pattern(length, 7))).toBe(remainder(pattern(length, 7)));
  });
});

describe('an IPv6 address in another form', () => {
  it.each([
    ['1:2:3:4:5:6:192.0.2.1', '000100020003000400050006c0000201'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['1:2:3::5:6:7:8', '00010002000300000005000600070008'],
    ['0001:0:0:0:0:0:0:000A', '0001000000000000000000000000000a'],
    ['::1:192.0.2.1', '000000000000000000000001c0000201'],
  ])('%s is read', (text, octets) => {
    expect(parseIpv6(text)).toEqual(hex(octets));
  });
});

describe('the text of an IPv6 address', () => {
  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['00010000000000000000000000000000', '1::'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['00000000000100000000000100000000', '::1:0:0:1:0:0'],
    ['00010000000000020000000000000000', '1:0:0:2::'],
    ['00010002000300040005000600000000', '1:2:3:4:5:6::'],
    ['0001000200030004000500060007abcd', '1:2:3:4:5:6:7:abcd'],
    ['00100000000000100000000000000010', '10:0:0:10::10'],
    ['00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
    ['00000000000000000000fffec0000201', '::fffe:c000:201'],
    ['000000000000000000000000c0000201', '::c000:201'],
    ['fe80000000000000000000000000000a', 'fe80::a'],
  ])('of %s is %s', (octets, text) => {
    expect(formatIp(hex(octets))).toBe(text);
    expect(parseIpv6(text)).toEqual(hex(octets));
  });
});
