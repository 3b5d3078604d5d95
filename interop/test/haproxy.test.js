/**
 * A server behind HAProxy, which sends PROXY headers: both versions, TLS in front, Unix sockets, health checks.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, listen } from '../../dist/esm/index.js';
import { makeIdentities } from './openssl.js';
import { deferred, freePort, HOST, LIMIT } from './support.js';

/** The `server` line of HAProxy for each kind of header. */
const KINDS = {
  'version 1': 'send-proxy',
  'version 2': 'send-proxy-v2',
  'version 2 with a checksum': 'send-proxy-v2 proxy-v2-options crc32c',
  'version 2 with all fields':
    'send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority,crc32c,unique-id',
};

/** The address of a client, which is none of HAProxy's own. */
const CLIENT = '127.0.0.9';

const NO_HAPROXY =
  'this test needs HAProxy 2.6 or later as "haproxy": install it by "apt-get install haproxy" (Debian, Ubuntu) or "brew install haproxy" (macOS)';

let folder;
let identities;
let remove;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cotp-haproxy-'));
  const made = await makeIdentities('localhost', 'client');
  ({ identities, remove } = made);
  const pem = await Promise.all(
    [identities[0].certFile, identities[0].keyFile].map((file) => readFile(file)),
  );
  await writeFile(join(folder, 'server.pem'), Buffer.concat(pem));
});
after(async () => {
  await rm(folder, { recursive: true });
  await remove();
});

/** Our server, and what comes to it. */
async function serve(t, options = {}) {
  const reports = [];
  const connections = [];
  let arrived = deferred();
  const server = await listen(
    (conn) => {
      connections.push(conn);
      arrived.resolve();
      arrived = deferred();
      conn.read().then(
        (tsdu) => conn.write(tsdu),
        () => {},
      );
    },
    { host: HOST, port: 0 },
    {
      bindConnections: true,
      proxyProtocol: { from: [`${HOST}/32`] },
      onError: (error, { peer }) => reports.push(`${peer} ${error.message}`),
      ...options,
    },
  );
  t.after(() => server.asyncClose());
  return { server, port: server.addresses[0].port, reports, connections };
}

/** HAProxy before that server. Resolves once `where` accepts connections. */
async function haproxy(t, bind, to, where) {
  const file = join(folder, `${where.port ?? 'unix'}.cfg`);
  await writeFile(
    file,
    `global
  maxconn 50
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend before
  bind ${bind}
  unique-id-format id-%ci
  default_backend behind
backend behind
  source ${HOST}
  server cotp ${to}
`,
  );
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.once('error', () => {});
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  for (;;) {
    if (child.pid === undefined || child.exitCode !== null) {
      throw new Error(child.pid === undefined ? NO_HAPROXY : `HAProxy has ended: ${said}`);
    }
    const isUp = await new Promise((resolve) => {
      const probe = createConnection(where, () => {
        probe.destroy();
        resolve(true);
      });
      probe.once('error', () => resolve(false));
    });
    if (isUp) {
      return;
    }
    await wait(20);
  }
}

/** Resolves once so many connections have come to the servers of this process: checks, of which they say nothing. */
function accepted(t, count) {
  const { promise, resolve } = deferred();
  let left = count;
  const onSocket = () => {
    left -= 1;
    if (left === 0) {
      resolve();
    }
  };
  subscribe('net.server.socket', onSocket);
  t.after(() => unsubscribe('net.server.socket', onSocket));
  return promise;
}

/** A TSDU there and back. */
async function exchange(t, client) {
  t.after(() => client.destroy());
  client.write(Buffer.from('there'));
  assert.equal(String(await client.read()), 'there');
}

/** The connection of our client, among those with which this file looks whether HAProxy is up. */
const last = ({ connections }) => connections.at(-1).info;

describe('HAProxy before listen()', LIMIT, () => {
  for (const [name, words] of Object.entries(KINDS)) {
    test(`names the client: ${name}`, async (t) => {
      const serving = await serve(t);
      const port = await freePort();
      const where = { host: HOST, port };
      await haproxy(t, `${HOST}:${port}`, `${HOST}:${serving.port} ${words}`, where);
      const client = await connect(where, { localAddress: CLIENT });
      await exchange(t, client);
      const { remoteAddr, localAddr, proxy } = last(serving);
      assert.deepEqual(remoteAddr, client.info.localAddr);
      assert.deepEqual(localAddr, where);
      assert.deepEqual(proxy.source, client.info.localAddr);
      const types = proxy.tlvs.map(({ type }) => type);
      assert.equal(types.includes(3), words.includes('crc32c'));
    });
  }

  test('has ended TLS, and says so in fields', async (t) => {
    const serving = await serve(t);
    const port = await freePort();
    const where = { host: HOST, port };
    const bind = `${HOST}:${port} ssl crt ${join(folder, 'server.pem')}`;
    await haproxy(t, bind, `${HOST}:${serving.port} ${KINDS['version 2 with all fields']}`, where);
    const tls = { ca: identities[0].cert, servername: 'localhost' };
    const client = await connect(where, { localAddress: CLIENT, tls });
    await exchange(t, client);
    const { remoteAddr, proxy } = last(serving);
    assert.equal(remoteAddr.host, CLIENT);
    const fields = Object.fromEntries(proxy.tlvs.map(({ type, value }) => [type, value]));
    assert.equal(String(fields[2]), 'localhost');
    assert.equal(String(fields[5]), `id-${CLIENT}`);
    assert.match(fields[0x20].toString('latin1'), /TLSv1\.3/);
  });

  test('passes TLS on, which begins behind the header', async (t) => {
    const { key, cert } = identities[0];
    const serving = await serve(t, { tls: { key, cert } });
    const port = await freePort();
    const where = { host: HOST, port };
    await haproxy(t, `${HOST}:${port}`, `${HOST}:${serving.port} send-proxy-v2`, where);
    const tls = { ca: cert, servername: 'localhost' };
    const client = await connect(where, { localAddress: CLIENT, tls });
    await exchange(t, client);
    assert.deepEqual(last(serving).remoteAddr, client.info.localAddr);
  });

  for (const version of ['send-proxy', 'send-proxy-v2']) {
    test(`has a client of a Unix socket: ${version}`, async (t) => {
      const serving = await serve(t);
      const path = join(folder, `${version}.sock`);
      await haproxy(t, `unix@${path}`, `${HOST}:${serving.port} ${version}`, { path });
      const client = await connect({ host: 'unix' }, { socket: createConnection(path) });
      await exchange(t, client);
      const { remoteAddr, proxy } = last(serving);
      assert.equal(remoteAddr.host, HOST);
      assert.equal(proxy.source, undefined);
    });
  }

  test('checks whether the server lives, without a report', async (t) => {
    const seen = [];
    const serving = await serve(t, { trace: (entry) => seen.push(entry) });
    const port = await freePort();
    const where = { host: HOST, port };
    const checks = 'send-proxy-v2 check inter 50ms';
    const checked = accepted(t, 8);
    await haproxy(t, `${HOST}:${port}`, `${HOST}:${serving.port} ${checks}`, where);
    await checked;
    const client = await connect(where, { localAddress: CLIENT });
    await exchange(t, client);
    assert.deepEqual(serving.reports, []);
  });

  test('is not trusted where it is not listed', async (t) => {
    const serving = await serve(t, { proxyProtocol: { from: ['192.0.2.1'] } });
    const port = await freePort();
    const where = { host: HOST, port };
    await haproxy(t, `${HOST}:${port}`, `${HOST}:${serving.port} send-proxy`, where);
    await assert.rejects(connect(where), { code: 'ERR_COTP_CLOSED' });
    assert.match(serving.reports.join('\n'), /proxyProtocol\.from does not list the address/);
  });
});
