/** Wireshark opens the capture that the inspector of a proxy gives, and finds in it what was relayed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, listen } from '../../dist/esm/index.js';
import { HOST, LIMIT } from './support.js';
import { faultsOf, fieldsOf } from './tshark.js';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** TPDU codes as Wireshark shows them. */
const CODES = { CR: '0x0e', CC: '0x0d', DT: '0x0f' };

/** A proxy with an inspector; gives its port, and what asks the inspector. */
async function proxied(t, target, mode) {
  const args = ['proxy', `${HOST}:0`, target, '--ui', '--json', '--quiet', ...mode];
  const child = spawn(process.execPath, [COTP, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGINT');
    await once(child, 'exit');
  });
  let text = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.includes('"url"') && text.endsWith('\n')) {
      break;
    }
  }
  child.stdout.resume();
  const [{ address }, { url }] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { headers } = await fetch(url, { redirect: 'manual' });
  const [cookie] = headers.get('set-cookie').split(';');
  return {
    port: Number(address.split(':')[1]),
    async download(query) {
      const page = new URL(headers.get('location'), url);
      const answer = await fetch(new URL(`download?${query}`, page), { headers: { cookie } });
      assert.equal(answer.status, 200);
      return Buffer.from(await answer.arrayBuffer());
    },
  };
}

describe('the capture of an inspector in Wireshark', () => {
  let folder;
  let server;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cotp-inspector-'));
    server = await listen(
      async (conn) => {
        for await (const tsdu of conn) {
          conn.write(tsdu);
        }
      },
      { host: HOST, port: 0 },
    );
  });
  after(async () => {
    await server.asyncClose();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [what, mode] of [
    ['TSDUs', []],
    ['TPDUs', ['--transparent']],
  ]) {
    test(`of a proxy that relays ${what} has both connections of each client`, LIMIT, async (t) => {
      const { port, download } = await proxied(t, `${HOST}:${server.addresses[0].port}`, mode);
      const ports = [];
      for (let i = 0; i < 3; i += 1) {
        const conn = await connect({ host: HOST, port }, { remoteTsel: 0x0102 });
        ports.push(conn.info.localAddr.port);
        conn.write(Buffer.alloc(5000, 'data'));
        await conn.read();
        await conn.asyncClose();
      }
      // The proxy reports the end of its connection with the server a moment after ours.
      let file;
      for (let ends = 0; ends < 6; ) {
        file = join(folder, `${what}.pcapng`);
        await writeFile(file, await download('format=pcapng'));
        const filter = 'tcp.flags.fin == 1 || tcp.flags.reset == 1';
        const frames = await fieldsOf(file, ['tcp.stream'], { filter });
        ends = new Set(frames.map((frame) => frame['tcp.stream'][0])).size;
      }
      assert.deepEqual(await faultsOf(file), []);
      const fields = ['tcp.stream', 'tcp.srcport', 'tcp.dstport', 'cotp.type'];
      const frames = await fieldsOf(file, fields, { filter: 'cotp' });
      const clients = new Set(
        frames.flatMap((frame) => [frame['tcp.srcport'][0], frame['tcp.dstport'][0]]),
      );
      assert.ok(ports.every((each) => clients.has(String(each))));
      assert.ok(clients.has('102'));
      assert.equal(clients.size, 7);
      for (let stream = 0; stream < 6; stream += 1) {
        const types = frames
          .filter((frame) => frame['tcp.stream'][0] === String(stream))
          .map((frame) => frame['cotp.type'][0]);
        assert.deepEqual(types.slice(0, 2), [CODES.CR, CODES.CC]);
        // 5000 octets in TPDUs of at most 2048, there and back.
        assert.deepEqual(types.slice(2), Array(6).fill(CODES.DT));
      }
    });
  }

  test('has no user data if it is redacted', LIMIT, async (t) => {
    const { port, download } = await proxied(t, `${HOST}:${server.addresses[0].port}`, []);
    const conn = await connect({ host: HOST, port });
    conn.write(Buffer.from('a secret'));
    await conn.read();
    const file = join(folder, 'redacted.pcapng');
    const octets = await download('format=pcapng&redact=1');
    await writeFile(file, octets);
    await conn.asyncClose();
    assert.ok(!octets.includes('a secret'));
    assert.deepEqual(await faultsOf(file), []);
    const frames = await fieldsOf(file, ['cotp.type', 'tcp.len'], { filter: 'cotp.type == 0x0f' });
    assert.deepEqual(
      frames.map((frame) => frame['tcp.len'][0]),
      Array(4).fill('15'),
    );
  });
});
