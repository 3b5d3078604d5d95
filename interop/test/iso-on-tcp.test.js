/** iso-on-tcp on the other side: as client of our `listen`, and as server of our `connect`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { describe, test } from 'node:test';
import IsoOnTcp from 'iso-on-tcp';
import { connect, listen } from '../../dist/esm/index.js';
import { deferred, HOST, LIMIT } from './support.js';

/** Lengths around the TPDU size; iso-on-tcp puts as many user octets into a DT as its TPDU size. */
const LENGTHS = [1, 125, 1020, 1021, 1022, 1024, 1025, 5000, 60_000];
const octets = (length) => Buffer.from(Array.from({ length }, (_, index) => (index * 5) & 0xff));

for (const tpduSize of [128, 1024, 8192]) {
  describe(`iso-on-tcp with TPDUs of ${tpduSize} octets`, () => {
    test('as client of listen()', LIMIT, async (t) => {
      const errors = [];
      const peer = deferred();
      const server = await listen(
        peer.resolve,
        { host: HOST, port: 0 },
        {
          bindConnections: true,
          onError: (error) => errors.push(error),
        },
      );
      t.after(() => server.asyncClose());

      const client = new IsoOnTcp.ISOOnTCPClient(connectTcp(server.addresses[0].port, HOST), {
        tpduSize,
        srcTSAP: 0x0100,
        dstTSAP: 0x0102,
      });
      t.after(() => client.destroy());
      client.connect();
      await once(client, 'connect');
      const connection = await peer.promise;
      assert.equal(connection.info.localTsel, 0x0102);
      assert.equal(connection.info.remoteTsel, 0x0100);
      assert.equal(connection.info.maxTpduSize, Math.min(tpduSize, 2048));
      assert.equal(client.negotiatedTpduSize, connection.info.maxTpduSize);

      for (const length of LENGTHS) {
        client.write(octets(length));
        const tsdu = await connection.read();
        assert.deepEqual(tsdu, octets(length));
        const echo = once(client, 'message');
        connection.write(tsdu);
        assert.deepEqual((await echo)[0].payload, octets(length));
      }

      // Its way to close: a DR with both references 0, which class 0 does not know on an open connection.
      client.close();
      await connection.waitClosed();
      assert.deepEqual(
        errors.map(({ ending }) => ending).filter((ending) => ending !== 'dr'),
        [],
      );
    });

    test('as server of connect()', LIMIT, async (t) => {
      const tcp = createServer((socket) => {
        const peer = new IsoOnTcp.ISOOnTCPClient(socket, { tpduSize, srcTSAP: 1, dstTSAP: 1 });
        peer.on('error', () => {});
        peer.on('message', ({ payload }) => peer.write(payload));
        peer.resume();
      }).listen(0, HOST);
      await once(tcp, 'listening');
      t.after(() => tcp.close());

      const connection = await connect(
        { host: HOST, port: tcp.address().port },
        { localTsel: 0x0100, remoteTsel: 0x0102 },
      );
      t.after(() => connection.asyncClose());
      // It answers with selectors of its own.
      assert.equal(connection.info.respondingTsel, 1);
      assert.equal(connection.info.maxTpduSize, Math.min(tpduSize, 2048));
      for (const length of LENGTHS) {
        connection.write(octets(length));
        assert.deepEqual(await connection.read(), octets(length));
      }
      await connection.asyncClose();
    });
  });
}
