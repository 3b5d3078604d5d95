/** `cotp inspect`, and `cotp proxy --ui`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type CaptureEvent, CaptureReader } from '../../src/cli/capture/capture-reader.js';
import { connect, jsonLinesSink, listen, pcapngSink, type TraceListener } from '../../src/index.js';
import type { Row } from '../../src/node/inspector/rows.js';
import { Connection, pcap } from '../support/capture-file.js';
import { Browser } from '../support/inspector.js';
import { closeLater, rawClient, rawServer, rejection } from '../support/life.js';
import { CR, cc, dt } from '../support/raw.js';
import { closedPort, cotp, Running, strangers } from './support.js';

/** The address that a command prints, in the form of `--json` or of a person. */
async function addressOf(running: Running, where: 'stderr' | 'stdout' = 'stderr'): Promise<string> {
  const [url] = await running.says(/http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{32}/, where);
  return url;
}

async function watch(running: Running, where?: 'stdout') {
  const events = await (await Browser.open(await addressOf(running, where))).watch();
  return { events, hello: await events.hello() };
}

const types = (rows: readonly Row[]) =>
  rows.flatMap((row) => {
    if (row.kind !== 'tpdu') {
      return [];
    }
    const octets = Buffer.from(row.octets, 'base64');
    const name = { 14: 'CR', 13: 'CC', 15: 'DT', 8: 'DR', 7: 'ER' }[(octets[1] ?? 0) >> 4];
    return [`${row.connection} ${row.direction} ${name}`];
  });

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cotp-inspect-'));
  closeLater(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** What two connections of an echo server send and receive, seen by the clients or by the server. */
async function traced(side: 'client' | 'server', trace: TraceListener): Promise<void> {
  const server = await listen(
    async (conn) => {
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
    },
    { host: '127.0.0.1', port: 0 },
    side === 'server' ? { trace } : {},
  );
  for (let i = 0; i < 2; i += 1) {
    const conn = await connect(
      server.addresses[0] ?? { host: '' },
      side === 'client' ? { trace } : {},
    );
    conn.write(Buffer.from('hello'));
    await conn.read();
    await conn.asyncClose();
  }
  await server.asyncClose();
}

/** The rows of a file, up to the end, and the browser that has them. */
async function rowsOf(file: string): Promise<{ rows: Row[]; hello: unknown; browser: Browser }> {
  const browser = await Browser.open(await addressOf(new Running(['inspect', file])));
  const events = await browser.watch();
  const hello = await events.hello();
  const rows: Row[] = [];
  for (let each = await events.next(); each.event !== 'end'; each = await events.next()) {
    rows.push(...(JSON.parse(each.data) as Row[]));
  }
  return { rows, hello, browser };
}

/** What is in the capture that a browser gets as a download. */
async function downloadOf(browser: Browser): Promise<readonly CaptureEvent[]> {
  const { body } = await browser.get('/download?format=pcapng');
  const reader = new CaptureReader(body);
  return [...reader.push(body), ...reader.end()];
}

const EXPECTED = ['received CR', 'sent CC', 'received DT', 'sent DT'];
const TWO_CONNECTIONS = [
  ...EXPECTED.map((each) => `1 ${each}`),
  ...EXPECTED.map((each) => `2 ${each}`),
];

describe('cotp inspect', () => {
  test.each([
    ['pcapng', 'client'],
    ['pcapng', 'server'],
    ['jsonl', 'client'],
    ['jsonl', 'server'],
  ] as const)(
    'shows a file of %s that a %s wrote: the server is the inspected side',
    async (kind, side) => {
      const file = join(await folder(), `trace.${kind}`);
      const sink = kind === 'pcapng' ? pcapngSink(file) : jsonLinesSink(file);
      await traced(side, sink.trace);
      await sink.close();
      const { rows, hello } = await rowsOf(file);
      expect(hello).toMatchObject({ source: 'file', title: `trace.${kind}`, isRedacted: false });
      expect(types(rows)).toEqual(TWO_CONNECTIONS);
      const connections = rows.filter((row) => row.kind === 'connection');
      expect(connections.map(({ role, connection }) => [role, connection])).toEqual([
        ['server', 1],
        ['server', 2],
      ]);
      expect(rows.every(({ time }) => time > 1_600_000_000_000)).toBe(true);
      const frames = rows.flatMap((row) => (row.kind === 'tpdu' ? [row.frame ?? 0] : []));
      expect(frames).toEqual([...new Set(frames)].sort((a, b) => a - b));
      expect(frames[0]).toBe(kind === 'jsonl' ? 1 : 4);
    },
  );

  test('shows a file that is compressed', async () => {
    const file = join(await folder(), 'trace.jsonl.gz');
    const line = { connection: 4, role: 'client', direction: 'sent', octets: '02f080' };
    const ends = { local: '[::1]:5000', remote: '[::1]:1102', time: '2026-01-01T00:00:00.000Z' };
    await writeFile(file, gzipSync(`${JSON.stringify({ ...line, ...ends })}\n`));
    const { rows } = await rowsOf(file);
    expect(rows).toMatchObject([
      { kind: 'connection', local: '[::1]:1102', remote: '[::1]:5000' },
      { kind: 'tpdu', direction: 'received', frame: 1 },
    ]);
  });

  test('shows the connections of two processes, although both count from 1', async () => {
    const file = join(await folder(), 'both.jsonl');
    const line = (role: string, direction: string, local: string, remote: string) => ({
      ...{ connection: 1, role, direction, local, remote, octets: '02f080' },
    });
    const lines = [
      line('client', 'sent', '10.0.0.1:5000', '10.0.0.5:102'),
      line('client', 'received', '10.0.0.1:5000', '10.0.0.5:102'),
      line('client', 'sent', '10.0.0.1:6000', '10.0.0.6:102'),
      line('server', 'sent', '10.0.0.1:102', '10.0.0.9:7000'),
    ];
    await writeFile(file, lines.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const { rows } = await rowsOf(file);
    expect(rows).toMatchObject([
      { kind: 'connection', connection: 1, local: '10.0.0.5:102', remote: '10.0.0.1:5000' },
      { kind: 'tpdu', connection: 1, direction: 'received' },
      { kind: 'tpdu', connection: 1, direction: 'sent' },
      { kind: 'connection', connection: 2, local: '10.0.0.6:102', remote: '10.0.0.1:6000' },
      { kind: 'tpdu', connection: 2, direction: 'received' },
      { kind: 'connection', connection: 3, local: '10.0.0.1:102', remote: '10.0.0.9:7000' },
      { kind: 'tpdu', connection: 3, direction: 'sent' },
    ]);
  });

  test('says what is missing in a file', async () => {
    const file = join(await folder(), 'trace.jsonl');
    const line = { connection: 4, direction: 'sent', octets: '02f080' };
    const ends = { local: '10.0.0.5:102', remote: '10.0.0.1:5000' };
    await writeFile(file, `${JSON.stringify({ ...line, ...ends })}\n{"no":"entry"}\n`);
    const { rows } = await rowsOf(file);
    expect(rows).toMatchObject([
      { kind: 'connection', local: '10.0.0.5:102', remote: '10.0.0.1:5000' },
      { kind: 'tpdu', direction: 'sent' },
      { kind: 'note', connection: 0, frame: 2, text: 'the line is no entry of a trace' },
    ]);
  });

  test('shows how TCP ended, which side ended it first, and when, and gives it as a capture', async () => {
    const file = join(await folder(), 'ends.pcap');
    const cr = '0300001611e00000000200c0010ac1020100c2020102';
    const refused = new Connection().client(cr).reset('server');
    const closed = new Connection({ client: { address: [10, 0, 0, 9], port: 1 } });
    await writeFile(file, pcap([...refused.packets, ...closed.client(cr).end().packets]));
    const { rows, browser } = await rowsOf(file);
    expect(rows.filter(({ kind }) => kind === 'event')).toEqual([
      expect.objectContaining({
        ...{ connection: 1, event: 'close', how: 'reset', by: 'local' },
        ...{ frame: 5, time: 1_700_000_000_004 },
      }),
      expect.objectContaining({
        ...{ connection: 2, event: 'close', how: 'fin', by: 'remote' },
        ...{ frame: 11, time: 1_700_000_000_010 },
      }),
    ]);
    const ends = (await downloadOf(browser)).filter((event) => 'ended' in event);
    expect(ends.map(({ ended, flow, frame }) => [ended, flow?.from, frame?.time])).toEqual([
      ['reset', '10.0.0.5:102', 1_700_000_000_004],
      ['fin', '10.0.0.9:1', 1_700_000_000_010],
    ]);
  });

  test('shows a connection as over when another one has its number and addresses', async () => {
    const file = join(await folder(), 'twice.jsonl');
    const ends = { role: 'client', local: '10.0.0.1:5000', remote: '10.0.0.5:102' };
    const lines = ['06e00000123400', '02f080', '06e00000567800', '02f080'].map((octets) =>
      JSON.stringify({ connection: 1, direction: 'sent', ...ends, octets }),
    );
    await writeFile(file, lines.join('\n'));
    const { rows, browser } = await rowsOf(file);
    expect(rows.map(({ kind, connection }) => [kind, connection])).toEqual([
      ...[['connection', 1], ...[1, 1].map((number) => ['tpdu', number])],
      ...[['event', 1], ['connection', 2], ...[2, 2].map((number) => ['tpdu', number])],
    ]);
    const event = rows.find(({ kind }) => kind === 'event');
    expect(event).not.toHaveProperty('how');
    expect(event).toMatchObject({ event: 'close', frame: 3 });
    // Without an end, the second one would be taken for the other end of the first.
    const tpkts = (await downloadOf(browser)).filter((each) => 'tpkt' in each);
    expect(tpkts).toHaveLength(4);
  });

  test('shows what comes behind a reset as another connection of the same client', async () => {
    const file = join(await folder(), 'behind.pcap');
    const [cr, dt] = ['0300000b06e00000000100', '0300000802f08001'];
    // The CR shows the client. Its port alone would make it the server.
    const client = { address: [10, 0, 0, 1], port: 1000 };
    const server = { address: [10, 0, 0, 5], port: 5000 };
    const { packets } = new Connection({ client, server }).client(cr).reset('server').client(dt);
    await writeFile(file, pcap(packets));
    const { rows } = await rowsOf(file);
    expect(rows.map(({ kind, connection }) => `${kind} ${connection}`)).toEqual([
      'connection 1',
      'tpdu 1',
      'event 1',
      'connection 2',
      'tpdu 2',
    ]);
    expect(rows[3]).toMatchObject({ local: '10.0.0.5:5000', remote: '10.0.0.1:1000' });
  });

  test('says on stderr and on the page why a file has nothing to show', async () => {
    const file = join(await folder(), 'cut.pcap');
    const { packets } = new Connection().client('0300001611e00000000200c0010ac1020100c2020102');
    const frames = packets.map((octets) => ({ octets, captured: 40 }));
    await writeFile(file, pcap(frames));
    const running = new Running(['inspect', file]);
    const { events } = await watch(running);
    const text =
      'there is no whole TPKT in the capture: 1 packet is cut off by its snap length; capture with -s 0';
    const note = await events.next();
    expect(JSON.parse(note.data)).toMatchObject([{ kind: 'note', connection: 0, text }]);
    await running.says(new RegExp(`^cotp inspect: ${text}$`, 'm'), 'stderr');
  });

  test('says of a capture without TPKTs that it has none', async () => {
    const file = join(await folder(), 'web.pcap');
    await writeFile(file, pcap(new Connection().client('474554').packets));
    const running = new Running(['inspect', file]);
    await running.says(/^cotp inspect: there is no TPKT or TPDU in the input$/m, 'stderr');
  });

  test('reads stdin on while it shows it', async () => {
    const running = new Running(['inspect', '-']);
    const { events, hello } = await watch(running);
    expect(hello).toMatchObject({ title: 'stdin', isLive: true });
    const sink = jsonLinesSink(running.child.stdin);
    await traced('server', sink.trace);
    expect(types(await events.rowsUntil((row) => types([row])[0] === '2 sent DT'))).toEqual(
      TWO_CONNECTIONS,
    );
    await sink.close();
    running.child.stdin.end();
    expect(await events.next()).toMatchObject({ event: 'end' });
  });

  test('prints its address as an event with --json, and stays until it is interrupted', async () => {
    const running = new Running(['inspect', '-', '--json']);
    const url = await addressOf(running, 'stdout');
    running.child.kill('SIGINT');
    const { code } = await running.end();
    expect([code, running.events]).toEqual([130, [{ event: 'inspector', url }]]);
    expect(running.stderr).toBe('');
  });

  test('ends at once although a browser watches', async () => {
    const running = new Running(['inspect', '-']);
    const { events } = await watch(running);
    running.child.kill('SIGINT');
    expect(await events.next()).toMatchObject({ event: 'end' });
    expect((await running.end()).code).toBe(130);
  });

  test('refuses a file that is not there', async () => {
    const { code, stderr, stdout } = await cotp(['inspect', '0300']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('0300 cannot be read: there is no such file or folder (ENOENT)');
  });

  test('refuses a file of text', async () => {
    const file = join(await folder(), 'text.txt');
    await writeFile(file, '02 f0 80');
    const { code, stderr, stdout } = await cotp(['inspect', file]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('must be a capture (pcap, pcapng) or a trace of proxy --jsonl');
  });

  test('refuses stdin that is something else', async () => {
    const { code, stderr } = await cotp(['inspect', '-'], 'hello');
    expect(code).toBe(2);
    expect(stderr).toContain('stdin must be a capture');
  });

  test('says which port is taken', async () => {
    const first = new Running(['inspect', '-']);
    const port = new URL(await addressOf(first)).port;
    const { code, stderr } = await cotp(['inspect', '-', '--port', port]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`EADDRINUSE.*${port}|${port}.*(?:use|taken)`));
  });
});

/** A proxy with an inspector: the port on which it listens, and a browser. */
async function proxied(target: string, ...args: readonly string[]) {
  const running = new Running(['proxy', '127.0.0.1:0', target, '--ui', ...args]);
  const json = args.includes('--json');
  const where = json ? 'stdout' : 'stderr';
  const [, port] = await running.says(/127\.0\.0\.1:(\d+)/, where);
  return { running, port: Number(port), ...(await watch(running, json ? 'stdout' : undefined)) };
}

describe.each([
  ['TSDUs', []],
  ['TSDUs and showing none', ['--quiet']],
  ['TPDUs', ['--transparent']],
] as const)('cotp proxy --ui, relaying %s', (_what, mode) => {
  test('shows both connections of each client, and how they ended', async () => {
    const server = await listen(
      async (conn) => {
        conn.write(await conn.read());
      },
      { host: '127.0.0.1', port: 0 },
    );
    closeLater(() => server.asyncClose());
    const target = `127.0.0.1:${server.addresses[0]?.port}`;
    const { port, events, hello } = await proxied(target, ...mode);
    expect(hello).toMatchObject({
      source: 'proxy',
      title: `127.0.0.1:${port}`,
      target,
      isLive: true,
    });
    const conn = await connect({ host: '127.0.0.1', port }, { remoteTsel: 0x0102 });
    conn.write(Buffer.from('hello'));
    await conn.read();
    await conn.asyncClose();
    const rows: Row[] = [];
    const closes = () => rows.filter((row) => row.kind === 'event' && row.event === 'close');
    while (closes().length < 2) {
      rows.push(
        ...(await events.rowsUntil((row) => row.kind === 'event' && row.event === 'close')),
      );
    }
    const connections = rows.filter((row) => row.kind === 'connection');
    expect(connections.map(({ role, pair }) => [role, pair])).toEqual([
      ['server', 1],
      ['client', 1],
    ]);
    expect(connections[0]?.local).toBe(`127.0.0.1:${port}`);
    expect(connections[1]?.remote).toBe(target);
    const [client, other] = connections.map(({ connection }) => connection);
    expect(types(rows).sort()).toEqual(
      [
        ...['received CR', 'sent CC', 'received DT', 'sent DT'].map((each) => `${client} ${each}`),
        ...['sent CR', 'received CC', 'sent DT', 'received DT'].map((each) => `${other} ${each}`),
      ].sort(),
    );
  });

  test('says once why the target cannot be reached', async () => {
    const { port, events } = await proxied(await closedPort(), ...mode);
    const client = await rawClient(port);
    client.send(CR);
    const isClose = (row: Row) => row.kind === 'event' && row.event === 'close';
    const rows = await events.rowsUntil(isClose);
    const told = rows.filter((row) => JSON.stringify(row).includes('connect ECONNREFUSED'));
    expect(told.length).toBe(1);
    const [connection] = rows.filter((row) => row.kind === 'connection');
    expect(connection).toMatchObject({ role: 'server', pair: 1, local: `127.0.0.1:${port}` });
    expect(told[0]?.connection).toBe(connection?.connection);
  });

  test('prints its address as an event with --json, after that of the proxy', async () => {
    const { running } = await proxied(await closedPort(), '--json', ...mode);
    expect(running.events.map(({ event }) => event)).toEqual(['listening', 'inspector']);
    running.child.kill('SIGINT');
    expect((await running.end()).code).toBe(130);
  });
});

describe('cotp proxy --ui', () => {
  test('takes a port', async () => {
    const port = Number((await closedPort()).split(':')[1]);
    const running = new Running(['proxy', '0', '127.0.0.1:1', '--ui', String(port)]);
    expect(new URL(await addressOf(running)).port).toBe(String(port));
  });

  test('says that a port is none', async () => {
    const { code, stderr } = await cotp(['proxy', '0', '127.0.0.1', '--ui', '70000']);
    expect(code).toBe(2);
    expect(stderr).toContain('--ui must be an integer 0 to 65535, not "70000"');
  });

  test('shows a refusal by the target in both connections', async () => {
    const target = await strangers((octets) => (octets[5] === 0xe0 ? DR(octets) : undefined));
    const { port, events } = await proxied(target);
    await rejection(connect({ host: '127.0.0.1', port }, { remoteTsel: 0x0200 }));
    const rows = await events.rowsUntil((row) => row.kind === 'event' && row.event === 'refused');
    expect(types(rows)).toEqual(['1 received CR', '2 sent CR', '2 received DR', '1 sent DR']);
  });

  test('says which connection has failed, with --transparent', async () => {
    const { port, events } = await proxied(await closedPort(), '--transparent');
    await rawClient(port);
    const rows = await events.rowsUntil((row) => row.kind === 'event' && row.event === 'close');
    expect(rows).toContainEqual(
      expect.objectContaining({
        ...{ kind: 'event', event: 'error', connection: 1 },
        error: { code: 'ECONNREFUSED', message: expect.stringContaining('ECONNREFUSED') },
      }),
    );
  });

  test('says first which end of TCP caused the other, with --transparent', async () => {
    const server = await rawServer();
    const { port, events } = await proxied(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(port);
    client.send(CR);
    const target = await server.accept();
    await target.packet();
    target.socket.end();
    client.socket.once('end', () => client.socket.end());
    client.socket.resume();
    const rows = await events.rowsUntil(
      (row) => row.kind === 'event' && row.event === 'close' && row.connection === 1,
    );
    const ends = rows.filter((row) => row.kind === 'event' && row.event === 'close');
    expect(ends.map((row) => 'by' in row && row.by)).toEqual(['remote', 'local']);
  });

  test('says which side has reset its connection, with --transparent', async () => {
    const server = await rawServer();
    const { port, events } = await proxied(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(port);
    client.send(CR);
    const target = await server.accept();
    await target.packet();
    target.reset();
    const rows = await events.rowsUntil((row) => row.kind === 'event' && row.event === 'error');
    const failed = rows.find((row) => row.kind === 'event' && row.event === 'error');
    const connections = rows.filter((row) => row.kind === 'connection');
    expect(failed).toMatchObject({ error: { code: 'ECONNRESET' } });
    expect(connections.find(({ connection }) => connection === failed?.connection)).toMatchObject({
      role: 'client',
      pair: 1,
    });
  });

  test('says that octets are no TPKTs any more', async () => {
    const target = await strangers((octets) =>
      octets[5] === 0xe0 ? cc('1234') : Buffer.from('no TPKT at all'),
    );
    const { port, events } = await proxied(target, '--transparent');
    const client = await rawClient(port);
    client.send(CR);
    await client.packet();
    client.send(dt('01'));
    const rows = await events.rowsUntil(({ kind }) => kind === 'note');
    expect(rows.at(-1)).toMatchObject({ connection: 1, text: expect.stringContaining('no TPKT') });
  });
});

/** A DR with reason 3 for the sender of that CR. */
function DR(cr: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([3, 0, 0, 11, 6, 0x80]),
    cr.subarray(8, 10),
    Buffer.from([0, 0, 3]),
  ]);
}
