import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Connection, connect, listen, type ListenOptions } from '../../src/index.js';
import { closeLater, rawClient, rawServer, rejection } from '../support/life.js';
import { hex, tpkt } from '../support/raw.js';
import { closedPort, cotp, Running } from './support.js';

/** A server that sends every TSDU back. */
async function echo(options: ListenOptions = {}): Promise<string> {
  const server = await listen(
    async (conn) => {
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
    },
    { host: '127.0.0.1', port: 0 },
    options,
  );
  closeLater(() => server.asyncClose());
  return `127.0.0.1:${server.addresses[0]?.port}`;
}

interface Proxied {
  readonly running: Running;
  readonly address: { readonly host: string; readonly port: number };
}

async function proxy(target: string, ...args: readonly string[]): Promise<Proxied> {
  const running = new Running(['proxy', '127.0.0.1:0', target, ...args]);
  const where = args.includes('--json') ? 'stdout' : 'stderr';
  const [, port] = await running.says(/127\.0\.0\.1:(\d+)/, where);
  return { running, address: { host: '127.0.0.1', port: Number(port) } };
}

async function open(...args: Parameters<typeof connect>): Promise<Connection> {
  const conn = await connect(...args);
  closeLater(() => conn.destroy());
  return conn;
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGINT');
  await once(child, 'close');
}

const MODES = [
  ['TSDUs', []],
  ['TPDUs', ['--transparent']],
] as const;

describe.each(MODES)('handing on %s', (_name, mode) => {
  test('many connections talk at once, each with its number', async () => {
    const { running, address } = await proxy(await echo(), ...mode);
    const conns = await Promise.all(
      Array.from({ length: 10 }, (_, i) => open(address, { maxTpduSize: i < 5 ? 128 : 2048 })),
    );
    const tsdu = Buffer.alloc(100_000, 'many');
    await Promise.all(
      conns.map(async (conn) => {
        conn.write(tsdu);
        expect((await conn.read()).equals(tsdu)).toBe(true);
        await conn.asyncClose();
      }),
    );
    await running.says(/(?:#\d+ +close[\s\S]*){10}/, 'stdout');
    await stop(running);
    expect(running.child.exitCode).toBe(130);
    expect(running.stderr).toMatch(
      /\n10 connections, \d+ TPDUs of \d+ octets, 0 refusals, 0 errors\n$/,
    );
    for (const number of Array.from({ length: 10 }, (_, i) => i + 1)) {
      expect(running.stdout).toMatch(new RegExp(`#${number} .* CR TPDU`));
    }
  });

  test('a refusal and its reason come through', async () => {
    const target = await echo({ localTsel: 0x0102 });
    const { running, address } = await proxy(target, ...mode);
    expect(await rejection(connect(address, { remoteTsel: 0x0103 }))).toMatchObject({
      code: 'ERR_COTP_REFUSED',
      reason: 3,
    });
    await running.says(/DR TPDU/, 'stdout');
    await stop(running);
    expect(running.stderr).toMatch(/1 connection, 2 TPDUs of \d+ octets, 1 refusal, 0 errors\n$/);
  });

  test('--rewrite-remote-tsel calls another selector', async () => {
    const target = await echo({ localTsel: 0x0102 });
    const { running, address } = await proxy(target, ...mode, '--rewrite-remote-tsel', '01.02');
    const conn = await open(address, { localTsel: 0x0100, remoteTsel: Buffer.from('other') });
    conn.write(hex('01'));
    expect(await conn.read()).toEqual(hex('01'));
    await conn.asyncClose();
    expect(running.stdout).toMatch(/client ──▶ · .+ called: "other"/);
    expect(running.stdout).toMatch(/· ──────▶ target CR .+ calling: 0x0100 called: 0x0102/);
  });

  test('a target that is not there', async () => {
    const { running, address } = await proxy(await closedPort(), ...mode);
    expect(await rejection(connect(address))).toMatchObject({ code: expect.any(String) });
    await running.says(/#1 +error +.*ECONNREFUSED/, 'stdout');
    await stop(running);
    expect(running.stderr).toMatch(/1 error\n$/);
  });

  test('--json and --jsonl tell of every TPDU', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'trace.jsonl');
    const args = ['--json', '--jsonl', file, '--redact'];
    const { running, address } = await proxy(await echo(), ...mode, ...args);
    const conn = await open(address);
    conn.write(hex('beefbeef'));
    await conn.read();
    await conn.asyncClose();
    await running.says(/"close"/, 'stdout');
    await stop(running);
    const events = running.events.map(({ event }) => event);
    expect(new Set(events)).toEqual(new Set(['listening', 'open', 'tpdu', 'close', 'summary']));
    expect(running.events.at(-1)).toMatchObject({ connections: 1, tpdus: 4, errors: 0 });
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    // Two legs, each of which has a CR, a CC and two DT.
    expect(lines.length).toBe(8);
    expect(lines.join('')).not.toContain('beef');
  });

  test('Ctrl-C closes what is open', async () => {
    const { running, address } = await proxy(await echo(), ...mode);
    const conn = await open(address);
    await stop(running);
    await conn.waitClosed();
    expect(running.child.exitCode).toBe(130);
  });
});

describe('--transparent', () => {
  test('changes no octet, not even of what breaks the standard', async () => {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(address.port);
    // An order of its own, an unknown parameter twice, a reserved octet that is not zero.
    const cr = hex('0307001a 15e00000000100 c1020100 9900 9900 c2020102 c0010a');
    client.send(cr);
    const peer = await server.accept();
    await expect.poll(() => peer.received).toEqual(cr);
    const odd = tpkt('02 f5 81 aa');
    peer.send(odd);
    await expect.poll(() => client.received).toEqual(odd);
    await running.says(/client ◀──────── target DT TPDU .*code-nibble/, 'stdout');
  });

  test('what is no TPKT ends both sides and is told', async () => {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(address.port);
    client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await running.says(/#1 +error +what the client sends is no TPKT: .*HTTP/, 'stdout');
    await expect.poll(() => client.isOver).toBe(true);
  });
});

test('the README shows what it says', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown = ''] = /<!-- proxy -->\n```console\n\$ .+\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const { running, address } = await proxy(await echo({ maxTpduSize: 1024 }), '--transparent');
  const conn = await open(address, { remoteTsel: 0x0102 });
  conn.write(hex('32010000000000080000f0000001000101e0'));
  await conn.read();
  await conn.asyncClose();
  await running.says(/ close /, 'stdout');
  await stop(running);
  const [where = '', ...rest] = running.stderr.split('\n');
  const said = [where, ...running.stdout.trimEnd().split('\n'), ...rest].join('\n');
  /** Addresses, times and references differ. */
  const steady = (text: string) =>
    text
      .replace(/[\d.]+:\d+(?= goes|$)/gm, 'ADDRESS')
      .replace(/^[\d:.]{12}/gm, 'TIME')
      .replace(/0x(?!0000|0102)\w{4}/g, 'REF');
  expect(steady(said)).toBe(steady(shown));
});

test('a listening port that is taken', async () => {
  const taken = await echo();
  const { code, stderr } = await cotp(['proxy', taken, '127.0.0.1:102']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^cotp proxy: listen EADDRINUSE/);
});

describe('files', () => {
  test.each([
    ['--pcap', '/no/such/folder/x.pcapng', 'ENOENT'],
    ['--jsonl', tmpdir(), 'EISDIR'],
  ])('%s %s cannot be written: it does not begin', async (flag, path, code) => {
    const outcome = await cotp(['proxy', '127.0.0.1:0', '127.0.0.1:102', flag, path]);
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: `cotp proxy: ${flag} ${path} cannot be written (${code})\n`,
    });
  });

  test('that are there stay as they are when it cannot listen', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'kept.jsonl');
    await writeFile(file, 'kept');
    const { code } = await cotp(['proxy', await echo(), '127.0.0.1:102', '--jsonl', file]);
    expect(code).toBe(1);
    expect(await readFile(file, 'utf8')).toBe('kept');
  });

  test('are there, and new, as soon as it listens', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'new.jsonl');
    await writeFile(file, 'old');
    const { running } = await proxy(await echo(), '--jsonl', file);
    await stop(running);
    expect(await readFile(file, 'utf8')).toBe('');
  });

  test.runIf(process.platform === 'linux')('that take no more do not stop it', async () => {
    const { running, address } = await proxy(await echo(), '--pcap', '/dev/full');
    await running.says(/^cotp proxy: \/dev\/full: ENOSPC: .*\n/m);
    const conn = await open(address);
    conn.write(hex('01'));
    expect(await conn.read()).toEqual(hex('01'));
    await conn.asyncClose();
    await stop(running);
    expect(running.stderr).toMatch(/1 connection, 4 TPDUs/);
  });
});
