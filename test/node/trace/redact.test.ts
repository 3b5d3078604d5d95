import { describe, expect, test } from 'vitest';
import { decode } from '../../../src/core/tpdu/index.js';
import { redactTpdu } from '../../../src/node/trace/sink.js';

/** A CR of remote desktop with this line and a request behind it. */
function cr(line: string): Buffer {
  const request = Buffer.from('0100080003000000', 'hex');
  const variable = Buffer.concat([Buffer.from(`${line}\r\n`), request]);
  return Buffer.concat([Buffer.of(6 + variable.length, 0xe0, 0, 0, 0, 0, 0), variable]);
}

describe('a CR of remote desktop without names', () => {
  test.each([
    ['Cookie: mstshash=alice', { cookie: 'Cookie: mstshash=xxxxx' }],
    ['Cookie: alice', { cookie: 'Cookie: xxxxx' }],
    ['Cookie: msts=12.34', { routingToken: 'Cookie: msts=xxxxx' }],
    ['tsv://farm', { routingToken: 'xxxxxxxxxx' }],
  ])('has letters in place of what "%s" says', (line, parts) => {
    const octets = cr(line);
    const redacted = redactTpdu(octets, decode(octets));
    expect(redacted).toHaveLength(octets.length);
    expect(decode(redacted)).toMatchObject({
      remoteDesktop: { ...parts, negotiation: { type: 'request', requestedProtocols: 3 } },
    });
  });

  test('is no other where it carries no text', () => {
    const octets = Buffer.from('0ee000000000000100080003000000', 'hex');
    expect(redactTpdu(octets, decode(octets))).toEqual(octets);
  });
});
