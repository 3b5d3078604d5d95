/** Our `connect` against the S7 server of snap7. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../dist/esm/index.js';
import { S7, S7_TSELS } from './s7.js';
import { DB, initially, startSnap7 } from './snap7-server.js';
import { LIMIT } from './support.js';

describe('connect() to a snap7 server', () => {
  let server;
  before(async () => {
    server = await startSnap7();
  });
  after(() => server.stop());

  for (const [what, options] of [
    ['by default', {}],
    ['with TPDUs of 1024 octets', { maxTpduSize: 1024 }],
    ['with TPDUs of 8192 octets, offered by the preferred size', { maxTpduSize: 8192 }],
    [
      'with TPDUs of 8192 octets, offered by code 0x0D',
      { maxTpduSize: 8192, sizeOffer: 'nonstandard' },
    ],
    ['without a size', { sizeOffer: 'absent' }],
  ]) {
    test(`sets up S7 communication, reads and writes a data block ${what}`, LIMIT, async (t) => {
      const errors = [];
      const connection = await connect(server.address, {
        ...S7_TSELS,
        ...options,
        onError: (error) => errors.push(error),
      });
      t.after(() => connection.asyncClose());
      assert.equal(connection.info.tpClass, 0);
      assert.equal(connection.info.respondingTsel, S7_TSELS.remoteTsel);

      const s7 = new S7(connection);
      assert.ok((await s7.setup()) >= 240);
      assert.deepEqual(
        [...(await s7.read(DB, 0, 8))],
        Array.from({ length: 8 }, (_, i) => initially(i)),
      );

      const value = Buffer.from(what.padEnd(200, '.'));
      await s7.write(DB, 512, value);
      assert.deepEqual(await s7.read(DB, 512, value.length), value);
      assert.deepEqual(server.peek(512, value.length), value);

      await connection.asyncClose();
      assert.deepEqual(errors, []);
    });
  }

  test('takes an answer longer than the negotiated size, as snap7 sends it', LIMIT, async (t) => {
    const sizes = [];
    const connection = await connect(server.address, {
      ...S7_TSELS,
      maxTpduSize: 128,
      trace: ({ direction, octets }) => direction === 'received' && sizes.push(octets.length),
    });
    t.after(() => connection.asyncClose());
    assert.equal(connection.info.maxTpduSize, 128);
    const s7 = new S7(connection);
    await s7.setup();
    const octets = await s7.read(DB, 1024, 400);
    assert.deepEqual(
      [...octets],
      Array.from({ length: 400 }, (_, i) => initially(1024 + i)),
    );
    assert.ok(Math.max(...sizes) > 400, 'it came in one TPDU');
  });

  test('writes a TSDU in two segments, the most that snap7 can join', LIMIT, async (t) => {
    const connection = await connect(server.address, { ...S7_TSELS, maxTpduSize: 128 });
    t.after(() => connection.asyncClose());
    const s7 = new S7(connection);
    await s7.setup();
    const value = Buffer.alloc(180, 'segment ');
    await s7.write(DB, 800, value);
    assert.deepEqual(server.peek(800, value.length), value);
  });

  test('serves many connections at once', LIMIT, async (t) => {
    const connections = await Promise.all(
      Array.from({ length: 20 }, () => connect(server.address, S7_TSELS)),
    );
    t.after(() => Promise.all(connections.map((connection) => connection.asyncClose())));
    await Promise.all(
      connections.map(async (connection, index) => {
        const s7 = new S7(connection);
        await s7.setup();
        const value = Buffer.alloc(16, index + 1);
        await s7.write(DB, index * 16, value);
        assert.deepEqual(await s7.read(DB, index * 16, 16), value);
      }),
    );
  });
});
