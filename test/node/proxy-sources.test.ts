import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listen } from '../../src/index.js';
import type { FullAddress } from '../../src/node/address.js';
import { ProxySources } from '../../src/node/options/proxy-sources.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { rejection } from '../support/life.js';

function sources(...texts: readonly string[]): ProxySources {
  const set = new ProxySources();
  for (const text of texts) {
    expect(set.add(text), text).toBe(true);
  }
  return set;
}

/** A peer with this address. */
function at(host: string): FullAddress {
  return { host, port: 1 };
}

describe('addresses and networks of proxies', () => {
  test.each([
    ['192.0.2.10', '192.0.2.10', true],
    ['192.0.2.10', '192.0.2.11', false],
    ['192.0.2.10', '::ffff:192.0.2.10', true],
    ['192.0.2.10', '::ffff:c000:20a', true],
    ['192.0.2.10', '::192.0.2.10', false],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['192.0.2.10/32', '192.0.2.10', true],
    ['192.0.2.10/32', '192.0.2.11', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::ffff:203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.9', false],
    ['::/0', '::ffff:203.0.113.9', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:DB8::/32', '2001:db9::1', false],
    ['2001:db8::5/32', '2001:db8:1::', true],
    ['2001:db8::1', '2001:db8:0:0::1', true],
    ['2001:db8::1', '2001:db8::2', false],
    ['2001:db8::/127', '2001:db8::1', true],
    ['2001:db8::/127', '2001:db8::2', false],
    ['2001:db8:0:8000::/49', '2001:db8:0:7fff::', false],
    ['::1', '127.0.0.1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '11.1.2.3', false],
    ['::ffff:a00:1', '10.0.0.1', true],
    ['::ffff:0:0/96', '203.0.113.9', true],
    ['0.0.0.0/0', 'unknown', false],
    ['::/0', '', false],
  ])('%s has %s: %s', (text, host, expected) => {
    expect(sources(text).has(at(host))).toBe(expected);
  });

  test('unix has the clients of a Unix socket, and only those', () => {
    const set = sources('unix');
    const ofSocket = { host: '/run/cotp.sock', port: 0, path: '/run/cotp.sock' };
    expect([set.has(ofSocket), set.has(at('127.0.0.1'))]).toEqual([true, false]);
    expect(sources('0.0.0.0/0', '::/0').has(ofSocket)).toBe(false);
  });

  test('several are one set', () => {
    const set = sources('192.0.2.1', '10.0.0.0/8', '::1');
    expect(['192.0.2.1', '10.0.0.1', '::1', '192.0.2.2'].map((host) => set.has(at(host)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  const address = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const text = (octets: Uint8Array) =>
    octets.length === 4
      ? octets.join('.')
      : (Buffer.from(octets).toString('hex').match(/.{4}/g) ?? []).join(':');
  const bits = (octets: Uint8Array) =>
    [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const mapped = /^0{80}1{16}/;

  test.each([4, 16])('a network of %i octets has what has its first bits', (length) => {
    fc.assert(
      fc.property(
        address(length),
        address(length),
        fc.nat(8 * length),
        fc.nat(8 * length),
        (network, other, prefix, same) => {
          // Two addresses that begin alike are what a wrong mask would confuse.
          const peer = other.map((octet, i) => {
            const kept = Math.min(8, Math.max(0, same - 8 * i));
            const mask = (0xff << (8 - kept)) & 0xff;
            return ((network[i] ?? 0) & mask) | (octet & ~mask & 0xff);
          });
          fc.pre(!mapped.test(bits(network)) && !mapped.test(bits(peer)));
          const expected = bits(peer).startsWith(bits(network).slice(0, prefix));
          expect(isIP(text(peer))).not.toBe(0);
          expect(sources(`${text(network)}/${prefix}`).has(at(text(peer)))).toBe(expected);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

const BAD: readonly (readonly [unknown, ErrorConstructor, RegExp])[] = [
  [true, TypeError, /proxyProtocol must be an object such as \{ from: .* not true/],
  [null, TypeError, /proxyProtocol must be an object/],
  [['10.0.0.0/8'], TypeError, /proxyProtocol\.0 is not known; there is from/],
  [{ from: ['::1'], form: [] }, TypeError, /proxyProtocol\.form is not known; there is from/],
  [{}, TypeError, /proxyProtocol\.from must be an array of addresses and networks, not undefined/],
  [{ from: '10.0.0.0/8' }, TypeError, /proxyProtocol\.from must be an array/],
  [{ from: [] }, RangeError, /proxyProtocol\.from must have at least one address/],
  [{ from: ['::1', 7] }, TypeError, /proxyProtocol\.from\[1\] must be an IP address, .* not 7/],
  ...['', 'localhost', '10.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/1e1']
    .concat(['10.0.0.0/-1', '10.0.0.0/8/8', '/8', ' 10.0.0.1', '010.0.0.1', '10.0.0.0/255.0.0.0'])
    .concat(['::/129', 'fe80::1%eth0', '[::1]', '2001:db8', '127.0.0.1:102', '*'])
    .map((text): readonly [unknown, ErrorConstructor, RegExp] => [
      { from: [text] },
      RangeError,
      /proxyProtocol\.from\[0\] must be an IP address, a network such as '10\.0\.0\.0\/8'/,
    ]),
];

describe.each([
  ['cotp', listen],
  ['cotp/tpkt', tpkt.listen],
] as const)('%s: a bad option proxyProtocol is refused before anything is opened', (_, open) => {
  test.each(BAD)('%j', async (proxyProtocol, type, message) => {
    const options = { proxyProtocol } as object;
    const error = await rejection(open(() => {}, { host: '127.0.0.1', port: 0 }, options));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });
});
