/** HAProxy in front of servers of this library, with the settings of examples/haproxy. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../dist/esm/index.js';
import { Backend, Haproxy, until } from './haproxy.js';
import { makeIdentities } from './openssl.js';
import { HOST } from './support.js';

const LIMIT = { timeout: 60_000 };
const PLC = 0x0102;
const SUBSTATION = 0x0001;
const UNKNOWN = 0x0999;

let identity;
let remove;

before(async () => {
  const made = await makeIdentities('localhost');
  [identity] = made.identities;
  remove = made.remove;
});
after(() => remove());

/** HAProxy and four servers, which end with the test. */
async function start(t, change) {
  const [plcA, plcB, substation, refusing] = await Promise.all([
    Backend.start('a', '0x0102'),
    Backend.start('b', '0x0102'),
    Backend.start('s', '0x0001'),
    // The map has no such selector, so it refuses each CR that it gets.
    Backend.start('u', '0xffff', 'without PROXY header'),
  ]);
  const backends = { plcA, plcB, substation, refusing };
  t.after(() => Promise.all(Object.values(backends).map((backend) => backend.kill())));
  const haproxy = await Haproxy.start(backends, identity, change);
  t.after(() => haproxy.stop());
  return { ...backends, haproxy };
}

/** The same, once all servers have passed a check. */
async function startChecked(t) {
  const parts = await start(t);
  await parts.haproxy.checked('plc/a', 'plc/b', 'substation/a');
  return parts;
}

function call(haproxy, remoteTsel, options) {
  return connect({ host: HOST, port: haproxy.port }, { remoteTsel, ...options });
}

/** Which server answers on this connection. */
async function whoAnswers(conn) {
  conn.write(Buffer.from('?'));
  const answer = await conn.read();
  return String(answer).split(':')[0];
}

describe('behind HAProxy', () => {
  test('the called selector chooses the server', LIMIT, async (t) => {
    const { haproxy } = await startChecked(t);
    const plc = await call(haproxy, PLC);
    const substation = await call(haproxy, SUBSTATION);
    assert.match(await whoAnswers(plc), /^[ab]$/);
    assert.equal(await whoAnswers(substation), 's');
    await Promise.all([plc.asyncClose(), substation.asyncClose()]);
  });

  test('a CR that arrives octet by octet goes to its server too', LIMIT, async (t) => {
    const { haproxy, substation } = await startChecked(t);
    const socket = connectTcp({ host: HOST, port: haproxy.port, noDelay: true });
    t.after(() => socket.destroy());
    for (const octet of Buffer.from('0300000f0ae00000123400c2020001', 'hex')) {
      socket.write(Buffer.of(octet));
      await new Promise(setImmediate);
    }
    const [cc] = await once(socket, 'data');
    assert.equal(cc[5], 0xd0);
    assert.equal(substation.opened.length, 1);
  });

  test('an unknown selector is refused by a DR with reason 3', LIMIT, async (t) => {
    const { haproxy, refusing } = await startChecked(t);
    await assert.rejects(call(haproxy, UNKNOWN), { code: 'ERR_COTP_REFUSED', reason: 3 });
    assert.deepEqual(refusing.opened, []);
  });

  test('connections are spread by their number', LIMIT, async (t) => {
    const { haproxy } = await startChecked(t);
    const conns = [];
    for (let i = 0; i < 10; i += 1) {
      conns.push(await call(haproxy, PLC));
    }
    const answers = await Promise.all(conns.map(whoAnswers));
    assert.equal(answers.filter((name) => name === 'a').length, 5);
    await Promise.all(conns.map((conn) => conn.asyncClose()));
  });

  test('the server knows the real peer by PROXY v2', LIMIT, async (t) => {
    const { haproxy, substation } = await startChecked(t);
    const conn = await call(haproxy, SUBSTATION);
    await whoAnswers(conn);
    const { localAddress: host, localPort: port } = conn.socket;
    assert.deepEqual(substation.opened, [
      { event: 'open', remoteAddr: { host, port }, hasProxy: true },
    ]);
    await conn.asyncClose();
  });

  test('TLS ends there, and the server still knows the real peer', LIMIT, async (t) => {
    const { haproxy, substation } = await startChecked(t);
    const conn = await connect(
      { host: HOST, port: haproxy.tlsPort },
      { remoteTsel: SUBSTATION, tls: { ca: identity.cert, servername: 'localhost' } },
    );
    assert.equal(await whoAnswers(conn), 's');
    assert.equal(substation.opened[0].remoteAddr.port, conn.socket.localPort);
    await conn.asyncClose();
  });
});

describe('a check of HAProxy by CR and DR', () => {
  test('is not noticed by the program', LIMIT, async (t) => {
    const { plcA, plcB, substation } = await startChecked(t);
    for (const { opened, errors } of [plcA, plcB, substation]) {
      assert.deepEqual([opened, errors], [[], []]);
    }
  });

  test('fails on every server if it sends no PROXY header', LIMIT, async (t) => {
    // A check that says how it connects takes nothing from the settings of the server.
    const withoutHeader = (settings) =>
      settings.replaceAll('option tcp-check\n', 'option tcp-check\n    tcp-check connect\n');
    const { haproxy, plcA } = await start(t, withoutHeader);
    await until(async () => {
      const states = await haproxy.states();
      return ['plc/a', 'plc/b', 'substation/a'].every((name) => states[name] === 'DOWN');
    }, 'all servers are down');
    assert.ok(plcA.errors.length > 0);
    await assert.rejects(call(haproxy, PLC), { code: 'ERR_COTP_CLOSED' });
  });

  test('finds a server whose process was killed, and the others serve all', LIMIT, async (t) => {
    const { haproxy, plcA } = await startChecked(t);
    await plcA.kill();
    await until(async () => (await haproxy.states())['plc/a'] === 'DOWN', 'a is down');
    const answers = [];
    for (let i = 0; i < 4; i += 1) {
      const conn = await call(haproxy, PLC);
      answers.push(await whoAnswers(conn));
      await conn.asyncClose();
    }
    assert.deepEqual(answers, ['b', 'b', 'b', 'b']);
  });
});

test('a client of a killed server sees an orderly end', LIMIT, async (t) => {
  const { haproxy, substation } = await startChecked(t);
  const conn = await call(haproxy, SUBSTATION);
  assert.equal(await whoAnswers(conn), 's');
  await substation.kill();
  const left = [];
  for await (const tsdu of conn) {
    left.push(tsdu);
  }
  assert.deepEqual(left, []);
  await conn.waitClosed();
  assert.equal(conn.disconnection.ending, 'fin');
});

describe('without an interruption', () => {
  test('a server is drained: its connections stay, new ones go elsewhere', LIMIT, async (t) => {
    const { haproxy } = await startChecked(t);
    const before = [await call(haproxy, PLC), await call(haproxy, PLC)];
    assert.deepEqual((await Promise.all(before.map(whoAnswers))).sort(), ['a', 'b']);
    await haproxy.admin('set server plc/a state drain');
    const later = [];
    for (let i = 0; i < 4; i += 1) {
      later.push(await call(haproxy, PLC));
    }
    assert.deepEqual(await Promise.all(later.map(whoAnswers)), ['b', 'b', 'b', 'b']);
    assert.deepEqual((await Promise.all(before.map(whoAnswers))).sort(), ['a', 'b']);
    await Promise.all([...before, ...later].map((conn) => conn.asyncClose()));
  });

  test('the settings are loaded again: connections stay, and none is refused', LIMIT, async (t) => {
    const { haproxy } = await startChecked(t);
    const before = await call(haproxy, SUBSTATION);
    let isReloading = true;
    let opened = 0;
    const opening = (async () => {
      while (isReloading) {
        const conn = await call(haproxy, SUBSTATION);
        assert.equal(await whoAnswers(conn), 's');
        await conn.asyncClose();
        opened += 1;
      }
    })();
    await haproxy.reload();
    isReloading = false;
    await opening;
    assert.ok(opened > 0);
    assert.equal(await whoAnswers(before), 's');
    await before.asyncClose();
  });
});
