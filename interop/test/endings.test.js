/** How a client may end: by `end()` behind its last TSDU, and by being killed in the middle of one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import IsoOnTcp from 'iso-on-tcp';
import { connect, listen } from '../../dist/esm/index.js';
import { makeIdentities } from './openssl.js';
import { S7, S7_TSELS } from './s7.js';
import { DB, initially, startSnap7 } from './snap7-server.js';
import { HOST, LIMIT } from './support.js';

const DIST = new URL('../../dist/esm/index.js', import.meta.url).href;
const octets = (length) => Buffer.from(Array.from({ length }, (_, index) => (index * 5) & 0xff));
/** Around the TPDU size and the octets that a socket gives at once. */
const FIVE = [1, 1021, 5000, 60_000, 2].map(octets);

let identity;
let remove;
before(async () => {
  const made = await makeIdentities('localhost');
  [identity] = made.identities;
  remove = made.remove;
});
after(() => remove());

/** A module that runs in a process of its own. */
function child(t, source) {
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => process_.kill('SIGKILL'));
  return process_;
}

/** Our server with an echo, in a process of its own. */
async function ownEcho(t, tls) {
  const source = `
    import { listen } from '${DIST}';
    const server = await listen(async (connection) => {
      for await (const tsdu of connection) connection.write(tsdu);
    }, { host: '${HOST}', port: 0 }, ${JSON.stringify(tls)});
    console.log(server.addresses[0].port);`;
  const echo = child(t, source);
  const [port] = await once(echo.stdout, 'data');
  return { host: HOST, port: Number(port) };
}

/** A server of iso-on-tcp with an echo. */
async function isoOnTcpEcho(t) {
  const tcp = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new IsoOnTcp.ISOOnTCPClient(socket, { tpduSize: 1024, srcTSAP: 1, dstTSAP: 1 });
    peer.on('error', () => {});
    peer.on('message', ({ payload }) => peer.write(payload));
    peer.resume();
    socket.on('end', () => setImmediate(() => socket.end()));
  }).listen(0, HOST);
  await once(tcp, 'listening');
  t.after(() => tcp.close());
  return { host: HOST, port: tcp.address().port };
}

describe('five TSDUs and end() come back whole, and the connection closes cleanly', () => {
  for (const [what, serve, options] of [
    ['our own', (t) => ownEcho(t, {}), () => ({})],
    [
      'our own over TLS',
      (t) => ownEcho(t, { tls: { key: String(identity.key), cert: String(identity.cert) } }),
      () => ({ tls: { ca: identity.cert, servername: 'localhost' } }),
    ],
    ['iso-on-tcp', isoOnTcpEcho, () => ({})],
  ]) {
    test(what, LIMIT, async (t) => {
      const errors = [];
      const connection = await connect(await serve(t), {
        ...options(),
        localTsel: 0x0100,
        remoteTsel: 0x0102,
        onError: (error) => errors.push(error),
      });
      t.after(() => connection.destroy());
      for (const tsdu of FIVE) {
        connection.write(tsdu);
      }
      connection.end();
      const echoes = [];
      for await (const tsdu of connection) {
        echoes.push(tsdu);
      }
      assert.deepEqual(
        echoes.map(({ length }) => length),
        FIVE.map(({ length }) => length),
      );
      assert.deepEqual(echoes, FIVE);
      await connection.waitClosed();
      assert.deepEqual(errors, []);
    });
  }

  test('snap7, which answers five requests', LIMIT, async (t) => {
    const server = await startSnap7();
    t.after(() => server.stop());
    const errors = [];
    const onError = (error) => errors.push(error);
    const connection = await connect(server.address, { ...S7_TSELS, onError });
    t.after(() => connection.destroy());
    const s7 = new S7(connection);
    await s7.setup();
    for (let i = 0; i < 5; i += 1) {
      assert.deepEqual([...(await s7.read(DB, i, 1))], [initially(i)]);
    }
    connection.end();
    for await (const tsdu of connection) {
      assert.fail(`nothing was asked for, but ${tsdu.length} octets came`);
    }
    await connection.waitClosed();
    assert.deepEqual(errors, []);
  });
});

describe('a client that is killed in the middle of a transfer', () => {
  const TSDU = 300_000;

  /** It writes large TSDUs for as long as it lives. */
  const writer = (address, options = {}) => `
    import { connect } from '${DIST}';
    const connection = await connect(${JSON.stringify(address)}, ${JSON.stringify(options)});
    for (let i = 0; ; i = (i + 1) % 256) {
      connection.write(Buffer.alloc(${TSDU}, i));
      await connection.drain();
    }`;

  for (const [what, serverTls, clientTls] of [
    ['our own', () => ({}), () => ({})],
    [
      'our own over TLS',
      () => ({ tls: { key: identity.key, cert: identity.cert } }),
      () => ({ tls: { ca: String(identity.cert), servername: 'localhost' } }),
    ],
  ]) {
    test(
      `ends its connection with listen(), which keeps whole TSDUs: ${what}`,
      LIMIT,
      async (t) => {
        const reports = [];
        const taken = [];
        const server = await listen(
          async (connection) => {
            for await (const tsdu of connection) {
              taken.push(
                tsdu.length === TSDU && tsdu.every((octet) => octet === taken.length % 256),
              );
            }
          },
          { host: HOST, port: 0 },
          { ...serverTls(), bindConnections: true, onError: (error) => reports.push(error) },
        );
        t.after(() => server.asyncClose());
        for (let round = 1; round <= 3; round += 1) {
          taken.length = 0;
          const client = child(t, writer(server.addresses[0], clientTls()));
          await until(() => taken.length >= 5);
          client.kill('SIGKILL');
          await until(() => server.connectionCount === 0);
          assert.ok(taken.every((isWhole) => isWhole));
          assert.ok(reports.length <= round, 'each is reported once at most');
        }
        for (const { code, phase } of reports) {
          assert.match(code, /^ERR_COTP_(CLOSED|PROTOCOL)$/);
          assert.equal(phase, 'open');
        }
      },
    );
  }

  test('leaves a snap7 server that serves the next', LIMIT, async (t) => {
    const server = await startSnap7();
    t.after(() => server.stop());
    const source = `
      import { connect } from '${DIST}';
      import { S7, S7_TSELS } from '${new URL('./s7.js', import.meta.url).href}';
      const s7 = new S7(await connect(${JSON.stringify(server.address)}, S7_TSELS));
      await s7.setup();
      for (let i = 0; ; i += 1) {
        await s7.write(${DB}, 0, Buffer.alloc(200, i));
        if (i === 50) console.log('writing');
      }`;
    const client = child(t, source);
    await once(client.stdout, 'data');
    client.kill('SIGKILL');
    const connection = await connect(server.address, S7_TSELS);
    t.after(() => connection.asyncClose());
    const s7 = new S7(connection);
    await s7.setup();
    const value = await s7.read(DB, 0, 200);
    assert.deepEqual(value, Buffer.alloc(200, value[0]), 'no write was taken by half');
  });
});

async function until(condition) {
  while (!condition()) {
    await sleep(10);
  }
}
