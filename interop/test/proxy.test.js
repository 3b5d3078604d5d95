/** `cotp proxy` between an S7 client and the S7 server of snap7; Wireshark reads what it recorded. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '../../dist/esm/index.js';
import { S7, S7_TSELS } from './s7.js';
import { DB, startSnap7 } from './snap7-server.js';
import { LIMIT } from './support.js';
import { faultsOf, fieldsOf } from './tshark.js';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

describe('cotp proxy before a snap7 server', () => {
  let folder;
  let server;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    server = await startSnap7();
  });
  after(async () => {
    server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const mode of [[], ['--transparent']]) {
    test(`${mode.join('') || 'by TSDUs'}: S7 works, and is in the file`, LIMIT, async (t) => {
      const file = join(folder, `snap7${mode.join('')}.pcapng`);
      const target = `127.0.0.1:${server.address.port}`;
      const proxy = spawn(process.execPath, [
        ...[COTP, 'proxy', '127.0.0.1:0', target, '--pcap', file],
        ...mode,
      ]);
      t.after(() => proxy.kill('SIGKILL'));
      let said = '';
      let shown = '';
      proxy.stderr.on('data', (chunk) => {
        said += chunk;
      });
      proxy.stdout.on('data', (chunk) => {
        shown += chunk;
      });
      while (!/ is relayed to /.test(said)) {
        await once(proxy.stderr, 'data');
      }
      const port = Number(/127\.0\.0\.1:(\d+) is relayed/.exec(said)[1]);
      const connection = await connect({ host: '127.0.0.1', port }, S7_TSELS);
      const s7 = new S7(connection);
      await s7.setup();
      const value = Buffer.from('through the proxy');
      await s7.write(DB, 100, value);
      assert.deepEqual(await s7.read(DB, 100, value.length), value);
      assert.deepEqual(server.peek(100, value.length), value);
      await connection.asyncClose();
      while (!/ close /.test(shown)) {
        await once(proxy.stdout, 'data');
      }
      const exited = once(proxy, 'exit');
      proxy.kill('SIGINT');
      assert.deepEqual(await exited, [130, null]);
      // CR, CC and six DTs. By TSDUs each of them is on both connections.
      const tpdus = mode.length === 0 ? 16 : 8;
      assert.match(
        said,
        new RegExp(`1 connection, ${tpdus} TPDUs of \\d+ octets, 0 refusals, 0 errors\\n`),
      );
      // A handshake of three packets, a packet for each TPDU, and three for the end.
      assert.ok(said.endsWith(`written: ${file} (14 packets)\n`), said);

      assert.deepEqual(await faultsOf(file), []);
      const frames = await fieldsOf(file, ['tcp.stream', 's7comm.param.func'], {
        filter: 's7comm',
      });
      const functions = frames.map((frame) => Object.values(frame).flat().join(' ')).sort();
      const codes = ['0x04', '0x04', '0x05', '0x05', '0xf0', '0xf0'];
      assert.deepEqual(
        functions,
        codes.map((code) => `0 ${code}`),
      );
    });
  }
});
