/** What the inspector of a proxy knows of its connections after it has forgotten their rows. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createIo } from '../../src/cli/io.js';
import { Ladder } from '../../src/cli/proxy/ladder.js';
import { ProxyInspector } from '../../src/cli/proxy/proxy-inspector.js';
import { DEFAULT_MAX_OCTETS } from '../../src/node/options/inspector.js';
import { connectionChannel, Entry } from '../../src/node/trace/entry.js';
import { Browser, DT_TPDU, tpdu } from '../support/inspector.js';
import { closeLater } from '../support/life.js';

const LARGE = Buffer.concat([Buffer.from([2, 0xf0, 0x80]), Buffer.alloc(65_000)]);

function entry(connection: number, octets: string | Buffer): Entry {
  const source = tpdu(octets, { connection, role: 'client' });
  return new Entry({ ...source, source, peer: '' });
}

test('a connection that closes long after its last TPDU still belongs to its client', async () => {
  const said = new PassThrough();
  const output = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: said, env: {} };
  const { io } = createIo(output);
  const ladder = new Ladder(io, { json: false, quiet: true, verbose: false, legs: false });
  const inspector = await ProxyInspector.open(0, '10.0.0.5:102', ladder);
  closeLater(async () => inspector?.close());
  await inspector?.announce('127.0.0.1:1102', io, false);
  const line = String(await new Promise((resolve) => said.once('data', resolve)));
  const [url = ''] = /http:\S+/.exec(line) ?? [];
  inspector?.record(entry(7, DT_TPDU), 3);
  let last = 3;
  for (let octets = 0; octets < DEFAULT_MAX_OCTETS; octets += LARGE.length) {
    inspector?.record(entry(8, LARGE), 4);
    last += 1;
  }
  const { connection, ...rest } = tpdu('', { connection: 7, role: 'client' });
  connectionChannel.publish({ ...rest, connection, event: 'close', how: 'fin', by: 'remote' });
  const events = await (await Browser.open(url)).watch({ 'last-event-id': String(last) });
  const rows = await events.rowsUntil((row) => row.kind === 'event');
  expect(rows.filter((row) => row.connection === 7)).toEqual([
    expect.objectContaining({ kind: 'connection', pair: 3 }),
    expect.objectContaining({ kind: 'event', event: 'close' }),
  ]);
});
