/** A command ends whatever the reader of its output or a program of --exec does. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type ExpectStatic, expect, test } from 'vitest';
import { connect } from '../../src/index.js';
import { closeOwn } from '../support/concurrent.js';
import { closeLater, rawServer, serve } from '../support/life.js';
import { cc, dt } from '../support/raw.js';
import { COTP, Running } from './support.js';

closeOwn();

/** A command whose stdout is read no further than the first event of `--json`. */
class Unread {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  #said = '';

  constructor(args: readonly string[]) {
    const { PATH = '' } = process.env;
    this.child = spawn(process.execPath, [COTP, ...args], { env: { PATH } });
    const collect = (chunk: Buffer) => {
      this.#said += String(chunk);
    };
    this.child.stderr?.on('data', collect);
    if (args.includes('--json')) {
      this.child.stdout?.once('data', (chunk) => {
        collect(chunk);
        this.child.stdout?.pause();
      });
    }
    this.ended = once(this.child, 'exit');
    closeLater(() => this.child.kill('SIGKILL'));
  }

  async port(expect: ExpectStatic): Promise<number> {
    await expect.poll(() => this.#said).toMatch(/127\.0\.0\.1:\d+/);
    return Number(/127\.0\.0\.1:(\d+)/.exec(this.#said)?.[1]);
  }
}

/** More octets than the pipe, the command and the connection can buffer together. */
const FLOOD = Buffer.alloc(1_000_000, 'flood ');

/** Longest time in milliseconds for a command to end: one second for its output, two for its connections. */
const SOON = 5_000;

// Each waits for the time that an output or a connection has after a signal.
describe.concurrent.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it while nobody reads its stdout:', (signal, exitCode) => {
  async function expectToEnd({ child, ended }: Unread): Promise<void> {
    const from = performance.now();
    child.kill(signal);
    expect(await ended).toEqual([exitCode, null]);
    expect(performance.now() - from).toBeLessThan(SOON);
  }

  test.for([[['--raw']], [['--hex']], [['--json']]])(
    'listen %j',
    async ([form = []], { expect }) => {
      const unread = new Unread(['listen', '127.0.0.1:0', ...form]);
      const conn = await connect({ host: '127.0.0.1', port: await unread.port(expect) });
      closeLater(() => conn.destroy());
      for (let count = 0; count < 20; count += 1) {
        conn.write(FLOOD);
      }
      // The backpressure reaches the peer, where most of the data waits.
      await expect.poll(() => conn.writeBuffered).toBeGreaterThan(FLOOD.length);
      await expectToEnd(unread);
    },
  );

  test('connect', async ({ expect }) => {
    const { address, accept } = await serve();
    const unread = new Unread(['connect', `${address.host}:${address.port}`, '--raw', '--hold']);
    const conn = await accept();
    for (let count = 0; count < 20; count += 1) {
      conn.write(FLOOD);
    }
    await expect.poll(() => conn.writeBuffered).toBeGreaterThan(FLOOD.length);
    await expectToEnd(unread);
  });

  test.for([[[]], [['--transparent']]])('proxy %j', async ([mode = []], { expect }) => {
    const { address, accept } = await serve();
    const unread = new Unread([
      ...['proxy', '127.0.0.1:0', `${address.host}:${address.port}`],
      ...mode,
    ]);
    const port = await unread.port(expect);
    const conn = await connect({ host: '127.0.0.1', port }, { maxTpduSize: 128 });
    closeLater(() => conn.destroy());
    const peer = await accept();
    let octets = 0;
    void (async () => {
      for await (const tsdu of peer) {
        octets += tsdu.length;
      }
    })().catch(() => {});
    for (let count = 0; count < 5; count += 1) {
      conn.write(FLOOD);
    }
    // Lines of the ladder are dropped: they do not delay relaying.
    await expect.poll(() => octets, { timeout: 15_000 }).toBe(5 * FLOOD.length);
    await expectToEnd(unread);
  });
});

test.each([[[]], [['--transparent']]])(
  'proxy --json leaves out no event, however late they are read: %j',
  async (mode) => {
    const server = await rawServer();
    const args = ['proxy', '127.0.0.1:0', `127.0.0.1:${server.address.port}`, '--json', ...mode];
    const running = new Running(args);
    const [, port] = await running.says(/127\.0\.0\.1:(\d+)/, 'stdout');
    running.child.stdout.pause();
    const connecting = connect({ host: '127.0.0.1', port: Number(port) });
    const peer = await server.accept();
    const cr = await peer.packet();
    peer.send(cc(cr.subarray(4, 6).toString('hex'), ''));
    running.child.stdout.resume();
    const conn = await connecting;
    closeLater(() => conn.destroy());
    running.child.stdout.pause();
    const sent = 20_000;
    for (let count = 0; count < sent; count += 1) {
      peer.send(dt('0102030405060708'));
    }
    await expect.poll(() => peer.socket.writableLength).toBe(0);
    running.child.stdout.resume();
    let received = 0;
    for (; received < sent; received += 1) {
      await conn.read();
    }
    const shown = () => running.stdout.split('\n').filter((line) => /"way":"target to/.test(line));
    await expect.poll(() => shown().length, { timeout: 15_000 }).toBe(sent + 1);
    expect(running.stdout).not.toContain('dropped');
  },
);

describe.runIf(process.platform !== 'win32')('a named pipe', { concurrent: true }, () => {
  async function namedPipe(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-pipe-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    return path;
  }

  /** Opens the pipe for writing as soon as it has a reader, and writes nothing. */
  async function opened(path: string, expect: ExpectStatic): Promise<void> {
    let fd = 0;
    const open = () => {
      fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return fd;
    };
    await expect.poll(open, { timeout: 10_000 }).toBeGreaterThan(0);
    closeLater(() => closeSync(fd));
  }

  /** Opens the pipe for reading, and reads nothing. */
  function idleReader(path: string): void {
    const reader = spawn('sh', ['-c', `exec sleep 60 < '${path}'`]);
    closeLater(() => reader.kill('SIGKILL'));
  }

  async function proxied(...args: readonly string[]) {
    const { address, accept } = await serve();
    const to = `${address.host}:${address.port}`;
    const running = new Running(['proxy', '127.0.0.1:0', to, '--quiet', ...args]);
    const [, port] = await running.says(/127\.0\.0\.1:(\d+)/);
    const conn = await connect({ host: '127.0.0.1', port: Number(port) }, { maxTpduSize: 128 });
    closeLater(() => conn.destroy());
    return { running, conn, peer: await accept() };
  }

  test.each([
    ['whose reader takes nothing', idleReader],
    ['that nobody reads', () => {}],
  ])('%s does not keep the proxy from ending', async (_what, read) => {
    const path = await namedPipe();
    read(path);
    const { running, conn, peer } = await proxied('--pcap', path);
    conn.write(FLOOD);
    expect(await peer.read()).toHaveLength(FLOOD.length);
    const from = performance.now();
    running.child.kill('SIGTERM');
    expect((await running.end()).code).toBe(143);
    expect(performance.now() - from).toBeLessThan(SOON);
  });

  test('that nobody reads is not in the summary', async () => {
    const path = await namedPipe();
    const { running, conn, peer } = await proxied('--jsonl', path);
    conn.write(Buffer.from('x'));
    await peer.read();
    running.child.kill('SIGINT');
    const { stdout, stderr } = await running.end();
    expect(stderr).toContain('the end of the files is not written');
    expect(stderr).toContain('1 connection');
    expect(`${stdout}\n${stderr}`).not.toMatch(/^written:/m);
  });

  test('whose reader comes late gets everything', async ({ expect }) => {
    const path = await namedPipe();
    const { running, conn, peer } = await proxied('--jsonl', path);
    conn.write(Buffer.from('x'));
    await peer.read();
    let read = '';
    const reader = spawn('cat', [path]);
    reader.stdout.on('data', (chunk) => {
      read += String(chunk);
    });
    await expect.poll(() => read.match(/"DT"/g)).toHaveLength(2);
    running.child.kill('SIGINT');
    await running.end();
    expect(read.match(/"(CR|CC|DT)"/g)).toEqual(
      ['CR', 'CR', 'CC', 'CC', 'DT', 'DT'].map((type) => `"${type}"`),
    );
  });

  test('that gives nothing does not keep decode from ending', async ({ expect }) => {
    const path = await namedPipe();
    const running = new Running(['decode', path]);
    await opened(path, expect);
    running.child.kill('SIGINT');
    expect(await running.end()).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  test('in which a thread of Node waits ends by the signal itself', async ({ expect }) => {
    const path = await namedPipe();
    const running = new Running(['connect', 'localhost', '--tls-ca', path]);
    await opened(path, expect);
    running.child.kill('SIGTERM');
    await running.end();
    expect(running.child.signalCode).toBe('SIGTERM');
  });

  test('is read by decode, however late it is written', async () => {
    const path = await namedPipe();
    const running = new Running(['decode', path]);
    execFileSync('sh', ['-c', `echo 0300000702f080 > '${path}'`]);
    expect(await running.end()).toMatchObject({ code: 0, stderr: '' });
    expect(running.stdout).toMatch(/^TPKT 1, 7 octets/);
  });
});
