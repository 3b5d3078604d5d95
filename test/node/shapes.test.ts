/**
 * What there is one of for every connection, options, CR or CC and info, is of one shape. An object with
 * a shape of its own, as one gets that is spread and then frozen, is right in all else; but each look at
 * it is a search.
 */
import { setFlagsFromString } from 'node:v8';
import { expect, it } from 'vitest';
import { decode } from '../../src/core/tpdu/decode.js';
import { connectionInfo } from '../../src/node/connection/connection.js';
import { CONNECT_OPTIONS } from '../../src/node/options/cotp.js';
import { resolveOptions } from '../../src/node/options/rows.js';
import { CONNECT_OPTIONS as TPKT_CONNECT_OPTIONS } from '../../src/node/options/tpkt.js';

/** The engine's own word on it: no property of an object tells. */
function haveOneShape(a: object, b: object): boolean {
  setFlagsFromString('--allow-natives-syntax');
  const ask = new Function('a', 'b', 'return %HaveSameMap(a, b)');
  setFlagsFromString('--no-allow-natives-syntax');
  return ask(a, b) === true;
}

/** Whether what is made again and again is of one shape, once the engine has made up its mind. */
function keepsItsShape(make: () => object): boolean {
  for (let i = 0; i < 500; i += 1) {
    make();
  }
  return haveOneShape(make(), make());
}

it('one shape is distinguished from two', () => {
  expect(haveOneShape({ a: 1 }, { a: 2 })).toBe(true);
  expect(haveOneShape({ a: 1 }, { b: 1 })).toBe(false);
});

it.each([
  ['connect', CONNECT_OPTIONS],
  ['connect of cotp/tpkt', TPKT_CONNECT_OPTIONS],
])('the options of all calls of %s have one shape', (_name, table) => {
  expect(keepsItsShape(() => resolveOptions(table, { timeout: 1_000 }))).toBe(true);
});

it.each([
  ['CRs', '11e00000000100c1020100c2020102c0010a'],
  ['CCs', '11d00001000200c1020100c2020102c0010a'],
])('all %s of one form have one shape, decoded', (_name, digits) => {
  const octets = Buffer.from(digits, 'hex');
  expect(keepsItsShape(() => decode(octets))).toBe(true);
});

it('what is known of a connection has one shape', () => {
  const address = { host: '127.0.0.1', port: 102 };
  const agreement = {
    tpClass: 0,
    maxTpduSize: 2048,
    localRef: 1,
    remoteRef: 2,
    expedited: false,
    expeditedAck: false,
  } as const;
  const none = undefined;
  const info = () =>
    connectionInfo(agreement, {
      localAddr: address,
      localTsel: 0x0100,
      remoteAddr: address,
      remoteTsel: 0x0102,
      respondingTsel: none,
      connectData: none,
      diagnostics: [],
      remoteDesktop: none,
      proxy: none,
      name: none,
    });
  expect(keepsItsShape(info)).toBe(true);
});
