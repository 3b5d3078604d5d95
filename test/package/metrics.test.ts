/** The example of a page for Prometheus, compiled against the package and run, and the page that describes it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/index.js';
import { closeLater, rawClient } from '../support/life.js';
import { hex, tpkt } from '../support/raw.js';
import { Consumer, ROOT } from './consumer.js';

const text = await readFile(join(ROOT, 'examples/metrics.ts'), 'utf8');
const description = await readFile(join(ROOT, 'docs/metrics.md'), 'utf8');

/** The values of a page, by metric and labels. */
type Values = Readonly<Record<string, number>>;

describe('examples/metrics.ts', () => {
  let consumer: Consumer;
  let child: ChildProcess;
  let port = 0;
  let metricsPort = 0;

  beforeAll(async () => {
    consumer = await Consumer.copy();
    const installed = join(consumer.folder, 'node_modules/prom-client');
    await symlink(join(ROOT, 'node_modules/prom-client'), installed, 'junction');
    await consumer.write('metrics.mts', text);
    const compiled = await consumer.compile(['metrics.mts'], '.');
    expect(compiled).toMatchObject({ code: 0, stdout: '' });
    child = spawn(process.execPath, ['metrics.mjs', '0', '0'], { cwd: consumer.folder });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    [port = 0, metricsPort = 0] = [...String(line).matchAll(/port: (\d+)/g)].map(([, n]) =>
      Number(n),
    );
  }, 60_000);

  afterAll(async () => {
    child?.kill();
    await consumer?.remove();
  });

  async function page(): Promise<Values> {
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    const lines = (await response.text()).split('\n');
    const values = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(
      values.map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  }

  test('has under 60 lines, and needs no cotp:tpdu', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThan(60);
    expect(text).not.toContain('cotp:tpdu');
  });

  test('shows what clients have done', async () => {
    const called = (selector: string) => tpkt(`11 e0 0000 1234 00 c1020100 c202${selector} c0010a`);
    const address = { host: '127.0.0.1', port };
    const open = await connect(address, { remoteTsel: 0x0102 });
    closeLater(() => open.destroy());
    const closing = await connect(address, { remoteTsel: 0x0102 });
    for (const length of [64, 10_000]) {
      closing.write(Buffer.alloc(length));
      await closing.read();
    }
    await closing.asyncClose();
    const refused = await rawClient(port);
    refused.send(called('0103'));
    const invalid = await rawClient(port);
    invalid.send(tpkt('0a e0 0000 0001 00'));
    const broken = await rawClient(port);
    broken.send(called('0102'));
    await broken.packet();
    broken.send(hex('04000000'));
    const raw = [refused, invalid, broken];
    for (const each of raw) {
      await each.ending();
      each.socket.end();
    }
    const written = raw.reduce((sum, { socket }) => sum + socket.bytesWritten, 0);
    const read = raw.reduce((sum, { socket }) => sum + socket.bytesRead, 0);
    await expect.poll(page).toEqual({
      cotp_connections_accepted_total: 5,
      cotp_connections_handshaking: 0,
      cotp_connections_open: 1,
      cotp_received_octets_total: open.bytesWritten + closing.bytesWritten + written,
      cotp_sent_octets_total: open.bytesRead + closing.bytesRead + read,
      cotp_received_messages_total: 2,
      cotp_sent_messages_total: 2,
      cotp_read_buffered_octets: 0,
      cotp_write_buffered_octets: 0,
      'cotp_refused_total{cause="selector",reason="3"}': 1,
      'cotp_refused_total{cause="invalid",reason="none"}': 1,
      cotp_failed_total: 1,
    });
  });
});

describe('docs/metrics.md', () => {
  const metrics = [...text.matchAll(/named\('(\w+)'\)/g)].map(([, name]) => `cotp_${name}`);

  test('has every metric of the example', () => {
    expect(metrics.length).toBeGreaterThan(10);
    expect(metrics.filter((name) => !description.includes(`| \`${name}\``))).toEqual([]);
  });

  test('asks in its queries for metrics of the example only', () => {
    const asked = [...description.matchAll(/\bcotp_\w+/g)].map(([name]) => name);
    expect(asked.length).toBeGreaterThan(metrics.length);
    expect(asked.filter((name) => !metrics.includes(name))).toEqual([]);
  });

  test.each(['request', 'open', 'refused', 'drop', 'error', 'close'])(
    'has the event %s',
    (event) => {
      expect(description).toContain(`| \`'${event}'\` |`);
    },
  );
});
