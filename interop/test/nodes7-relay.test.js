/** The S7 client of nodes7 reads and writes a snap7 server through our relay example. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import NodeS7 from 'nodes7';
import { relay } from '../../build/examples/relay.js';
import { connect, listen } from '../../dist/esm/index.js';
import { DB, startSnap7 } from './snap7-server.js';
import { deferred, freePort, HOST, LIMIT } from './support.js';

const unhandled = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

describe('nodes7 through the relay to snap7', () => {
  let snap7;
  let server;
  const errors = [];
  before(async () => {
    snap7 = await startSnap7();
    server = await relay({ host: HOST, port: 0 }, snap7.address, (error) => errors.push(error));
  });
  after(async () => {
    await server.asyncClose();
    snap7.stop();
    assert.deepEqual(unhandled, []);
  });

  const client = async (t) => {
    const plc = new NodeS7({ silent: true });
    const initiate = promisify(plc.initiateConnection.bind(plc));
    await initiate({ ...server.addresses[0], rack: 0, slot: 1, timeout: 5000 });
    t.after(() => new Promise((resolve) => plc.dropConnection(resolve)));
    return {
      addItems: (items) => plc.addItems(items),
      readAll: promisify(plc.readAllItems.bind(plc)),
      write: (names, values) =>
        new Promise((resolve, reject) => {
          const isBusy = plc.writeItems(names, values, (bad) =>
            bad ? reject(new Error('nodes7 could not write')) : resolve(),
          );
          assert.equal(isBusy, 0);
        }),
    };
  };

  test('reads what was written, many items of many types at a time', LIMIT, async (t) => {
    const plc = await client(t);
    const values = {
      [`DB${DB},REAL0`]: 1.5,
      [`DB${DB},INT4`]: -1234,
      [`DB${DB},DINT8`]: 305_419_896,
      [`DB${DB},X12.3`]: true,
      [`DB${DB},WORD14`]: 0xbeef,
      [`DB${DB},S20.10`]: 'transport',
      [`DB${DB},BYTE100.32`]: Array.from({ length: 32 }, (_, index) => index),
    };
    await plc.write(Object.keys(values), Object.values(values));
    assert.equal(snap7.peek(0, 4).readFloatBE(), 1.5);
    assert.equal(snap7.peek(4, 2).readInt16BE(), -1234);

    plc.addItems(Object.keys(values));
    for (let round = 0; round < 5; round += 1) {
      assert.deepEqual({ ...(await plc.readAll()) }, values);
    }
  });

  test('reads more than one answer holds', LIMIT, async (t) => {
    const plc = await client(t);
    const octets = Buffer.from(Array.from({ length: 1500 }, (_, index) => (index * 3) & 0xff));
    const name = `DB${DB},BYTE200.${octets.length}`;
    await plc.write([name], [[...octets]]);
    assert.deepEqual(snap7.peek(200, octets.length), octets);
    plc.addItems([name]);
    assert.deepEqual((await plc.readAll())[name], [...octets]);
  });

  test('serves two clients at once', LIMIT, async (t) => {
    const plcs = await Promise.all([client(t), client(t)]);
    await Promise.all(
      plcs.map(async (plc, index) => {
        const name = `DB${DB},INT${1800 + index * 2}`;
        plc.addItems([name]);
        for (let round = 1; round <= 10; round += 1) {
          await plc.write([name], [round * (index + 1)]);
          assert.equal((await plc.readAll())[name], round * (index + 1));
        }
      }),
    );
    assert.deepEqual(errors, []);
  });
});

describe('the relay', () => {
  const target = async (t, onConnection) => {
    const server = await listen(onConnection, { host: HOST, port: 0 }, { bindConnections: true });
    t.after(() => server.asyncClose());
    return server.addresses[0];
  };
  const start = async (t, address) => {
    const errors = [];
    const failed = deferred();
    const server = await relay({ host: HOST, port: 0 }, address, (error) => {
      errors.push(error);
      failed.resolve();
    });
    t.after(() => server.asyncClose());
    return { address: server.addresses[0], errors, failed: failed.promise };
  };

  test('passes the selectors on', LIMIT, async (t) => {
    const peer = deferred();
    const { address } = await start(t, await target(t, peer.resolve));
    const localTsel = Buffer.from('caller');
    const connection = await connect(address, { localTsel, remoteTsel: 0x0102 });
    t.after(() => connection.asyncClose());
    const { info } = await peer.promise;
    assert.equal(info.localTsel, 0x0102);
    assert.deepEqual(info.remoteTsel, localTsel);
  });

  test(
    'loses no TSDU that comes before the target has answered, nor the last',
    LIMIT,
    async (t) => {
      const received = [];
      const ended = deferred();
      const address = await target(t, async (connection) => {
        for await (const tsdu of connection) {
          received.push(tsdu.toString());
        }
        ended.resolve();
      });
      const connection = await connect((await start(t, address)).address);
      const sent = Array.from({ length: 500 }, (_, index) => `${index} ${'.'.repeat(index * 8)}`);
      for (const tsdu of sent) {
        connection.write(Buffer.from(tsdu));
      }
      await connection.asyncClose();
      await ended.promise;
      assert.deepEqual(received, sent);
    },
  );

  test('passes a flow on that is faster than its reader', LIMIT, async (t) => {
    const total = 64;
    const size = 1 << 20;
    const address = await target(t, async (connection) => {
      for (let index = 0; index < total; index += 1) {
        if (!connection.write(Buffer.alloc(size, index))) {
          await connection.drain();
        }
      }
      await connection.asyncClose();
    });
    const connection = await connect((await start(t, address)).address);
    let count = 0;
    for await (const tsdu of connection) {
      assert.equal(tsdu.length, size);
      assert.equal(tsdu[size - 1], count);
      count += 1;
    }
    assert.equal(count, total);
  });

  test('closes the client when the target ends in an error, and tells', LIMIT, async (t) => {
    const peer = deferred();
    const { address, errors, failed } = await start(t, await target(t, peer.resolve));
    const connection = await connect(address);
    connection.write(Buffer.from('here'));
    const outgoing = await peer.promise;
    // A reset on the heels of data, the CC here, looks like FIN to Node: let it be taken first.
    await outgoing.read();
    outgoing.destroy();
    await connection.waitClosed();
    await failed;
    assert.deepEqual(
      errors.map(({ ending }) => ending),
      ['reset'],
    );
  });

  test('closes the target when the client ends in an error, and tells', LIMIT, async (t) => {
    const peer = deferred();
    const { address, errors, failed } = await start(t, await target(t, peer.resolve));
    const connection = await connect(address);
    const outgoing = await peer.promise;
    connection.write(Buffer.from('here'));
    await outgoing.read();
    connection.destroy();
    await outgoing.waitClosed();
    await failed;
    assert.ok(errors.length > 0);
    assert.ok(errors.every(({ ending }) => ending === 'reset'));
  });

  test('closes the client when the target cannot be reached or refuses', LIMIT, async (t) => {
    const nobody = await start(t, { host: HOST, port: await freePort() });
    const connection = await connect(nobody.address);
    await connection.waitClosed();
    await nobody.failed;
    assert.deepEqual(
      nobody.errors.map(({ code }) => code),
      ['ECONNREFUSED'],
    );

    const server = await listen(() => {}, { host: HOST, port: 0 }, { localTsel: 1 });
    t.after(() => server.asyncClose());
    const refused = await start(t, server.addresses[0]);
    await (await connect(refused.address, { remoteTsel: 2 })).waitClosed();
    await refused.failed;
    assert.deepEqual(
      refused.errors.map(({ code }) => code),
      ['ERR_COTP_REFUSED'],
    );
  });

  test(
    'gives up the call when the client goes while the target has not answered',
    LIMIT,
    async (t) => {
      const called = deferred();
      const silent = createServer((socket) => called.resolve(socket)).listen(0, HOST);
      await once(silent, 'listening');
      t.after(() => silent.close());
      const { address } = await start(t, { host: HOST, port: silent.address().port });
      const connection = await connect(address);
      const socket = await called.promise;
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {});
      socket.resume();
      connection.destroy();
      await closed;
    },
  );

  test('leaves no rejection unhandled', LIMIT, async (t) => {
    const { address } = await start(t, await target(t, (connection) => connection.destroy()));
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connectTcp(address.port, HOST);
        socket.on('error', () => {});
        socket.write(Buffer.from('0300000b06e0000000010003000007', 'hex'));
        await new Promise((resolve) => setTimeout(resolve, 20));
        socket.resetAndDestroy();
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(unhandled, []);
  });
});
