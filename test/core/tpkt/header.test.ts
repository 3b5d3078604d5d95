import { describe, expect, it } from 'vitest';
import {
  MAX_TPKT_PAYLOAD,
  MIN_TPKT_PAYLOAD,
  payloads,
  writeTpktHeader,
} from '../../../src/core/tpkt/header.js';
import { hex } from '../../support/splits.js';

describe('the payloads of packets', () => {
  it('are views, in order', () => {
    const packets = hex('03000007 a1a2a3 03000008 b1b2b3b4');
    const found = [...payloads(packets)];
    expect(found).toEqual([hex('a1a2a3'), hex('b1b2b3b4')]);
    expect(found.every(({ buffer }) => buffer === packets.buffer)).toBe(true);
  });

  it('are none where there is no packet', () => {
    expect([...payloads(new Uint8Array())]).toEqual([]);
  });
});

describe('a packet header', () => {
  //= RFC 1006 6 TPKT test
  it.each([
    [MIN_TPKT_PAYLOAD, '03 00 00 07'],
    [251, '03 00 00 ff'],
    [252, '03 00 01 00'],
    [MAX_TPKT_PAYLOAD, '03 00 ff ff'],
  ])('of a payload of %i octets is %s', (payloadLength, octets) => {
    const header = new Uint8Array(4).fill(0xaa);
    writeTpktHeader(header, 0, payloadLength);
    expect(header).toEqual(hex(octets));
  });

  it('is written at the offset and returns the one behind it', () => {
    const octets = new Uint8Array(8).fill(0xaa);
    expect(writeTpktHeader(octets, 2, 3)).toBe(6);
    expect(octets).toEqual(hex('aaaa 03000007 aaaa'));
  });

  //= RFC 1006 6 TPKT test
  it('leaves 3 to 65531 octets for the payload', () => {
    expect([MIN_TPKT_PAYLOAD, MAX_TPKT_PAYLOAD]).toEqual([3, 65_531]);
  });
});
