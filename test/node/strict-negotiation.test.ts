/**
 * `strict` reaches the judgement of CR and CC: what the standard forbids in them is refused, and without
 * it is let pass (X.224 6.5.4, 13.4.4; table 3).
 */
import { describe, expect, test } from 'vitest';
import { type ConnectRequest, connect } from '../../src/index.js';
import { closeLater, rawClient, rawServer, rejection, serve } from '../support/life.js';
import { hex } from '../support/raw.js';
import { srcRefOf } from '../support/wire.js';

/** A TPKT around a TPDU. */
function tpkt(tpdu: string): Buffer {
  const octets = hex(tpdu);
  return Buffer.concat([Buffer.from([3, 0, 0, 4 + octets.length]), octets]);
}

/** A CC that breaks one rule of the negotiation, and is well-formed. */
const CONFIRMS: readonly (readonly [string, string, (ref: string) => string])[] = [
  ['a size above the one that was offered', 'cc-size', (ref) => `09d0${ref}0c0d00c0010b`],
  ['another selector than was called', 'cc-selector', (ref) => `0ad0${ref}0c0d00c2020999`],
];

/** `connect` against a bare server that answers by that CC. */
async function answeredBy(confirm: (ref: string) => string, strict: boolean) {
  const peer = await rawServer();
  const connecting = connect(peer.address, { strict, maxTpduSize: 512, remoteTsel: 0x0102 });
  const raw = await peer.accept();
  raw.send(tpkt(confirm(srcRefOf(await raw.packet()))));
  return connecting;
}

describe.each(CONFIRMS)('a CC with %s', (_what, fault, confirm) => {
  test('is refused when strict', async () => {
    expect(await rejection(answeredBy(confirm, true))).toMatchObject({
      code: 'ERR_COTP_PROTOCOL',
      fault,
    });
  });

  test('is accepted otherwise, and noted', async () => {
    const connection = await answeredBy(confirm, false);
    closeLater(() => connection.destroy());
    expect(connection.info.diagnostics).toEqual([fault]);
  });
});

describe('a CR of class 2 with the alternatives 1 and 0, of which table 3 allows one', () => {
  const CR = tpkt('0ae000000c0d21c7021000');

  test('is refused when strict, and nobody is asked to decide on it', async () => {
    const asked: ConnectRequest[] = [];
    const server = await serve({ strict: true, onConnectRequest: (it) => void asked.push(it) });
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    // DR, reason 133: protocol error (X.224 13.5.3).
    expect((await raw.packet()).toString('hex')).toMatch(/^..800c0d000085/);
    await raw.ending();
    expect(server.errors).toMatchObject([{ fault: 'class-combination' }]);
    expect(asked).toEqual([]);
  });

  test('is accepted in class 0 otherwise', async () => {
    const server = await serve();
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toMatch(/^..d00c0d....00/);
    await server.accept();
  });
});
