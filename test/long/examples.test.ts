/** The examples that are processes of their own: the demonstration, a cluster, and a service of systemd. */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/index.js';
import { ROOT } from '../package/consumer.js';
import { closeLater } from '../support/life.js';

const run = promisify(execFile);
const ECHO = join(ROOT, 'build/examples/systemd/echo.js');

beforeAll(async () => {
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', 'examples'], {
    cwd: ROOT,
  });
}, 60_000);

describe('a new checkout', () => {
  test.each(['demo', 'bench', 'fuzz', 'soak'])(
    'npm run %s builds the library first',
    async (name) => {
      const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
      expect(scripts[name]).toMatch(/^npm run build && /);
    },
  );
});

describe('examples/demo.ts', () => {
  test('shows TPDUs of both sides, and a refusal', async () => {
    const { stdout } = await run(process.execPath, [join(ROOT, 'build/examples/demo.js')]);
    expect(stdout).toMatch(
      /client ────▶ server {2}CR class 0 [\s\S]+client ◀──── server {2}CC class 0/,
    );
    expect(stdout).toContain('reason    3: address unknown');
  });
});

describe('examples/cluster.ts', () => {
  // `npm run test:restart` does it with 5,000 connections.
  test.each([
    ['the primary hands out clients', 'rr'],
    ['the workers accept clients themselves', 'none'],
  ])(
    'loses no connection while its workers restart, if %s',
    async (_how, policy) => {
      const program = join(ROOT, 'test/rolling-restart/run.js');
      const args = [program, '--count', '300', '--policy', policy];
      const { stdout } = await run(process.execPath, args);
      expect(stdout).toMatch(/connections, [1-9]\d* restarts/);
      expect(stdout).not.toContain('lost');
    },
    60_000,
  );

  test('replaces a worker that was killed, and restarts after that', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'build/examples/cluster.js'), '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const gone = once(child, 'exit');
    closeLater(async () => {
      child.kill('SIGINT');
      await gone;
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const until = async (wanted: RegExp) => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done || wanted.test(value)) {
          return String(value);
        }
      }
    };
    const port = Number(/:(\d+)$/.exec(await until(/listens on/))?.[1]);
    await until(/^ready$/);
    const { stdout } = await run('pgrep', ['-P', String(child.pid)]);
    process.kill(Number(stdout.trim().split('\n')[0]), 'SIGKILL');
    expect(await until(/listens on/)).toMatch(/worker 3 listens on/);
    child.kill('SIGTERM');
    expect(await until(/^restarted$/)).toBe('restarted');
    const conn = await connect({ host: '127.0.0.1', port });
    conn.write(Buffer.from('still there'));
    expect(String(await conn.read())).toBe('still there');
    await conn.asyncClose();
  }, 60_000);
});

/**
 * Runs the service once for each line on its stdin, as systemd would: on a socket that stays open between the runs.
 * The process takes the number that the shell prints.
 */
const SYSTEMD = `while read -r _; do
  LISTEN_FDS=1 sh -c 'echo "started $$"; LISTEN_PID=$$ exec "$0" "$1"' "$NODE" "$ECHO"
done`;

async function activated() {
  const net = createServer().listen(0, '127.0.0.1');
  await once(net, 'listening');
  const { port } = net.address() as { port: number };
  const { fd } = (net as unknown as { _handle: { fd: number } })._handle;
  const { stdin, stdout } = spawn('sh', ['-c', SYSTEMD], {
    stdio: ['pipe', 'pipe', 'inherit', fd],
    env: { ...process.env, NODE: process.execPath, ECHO },
  }) as ChildProcessByStdio<Writable, Readable, null>;
  // From now on the shell alone holds the socket.
  net.close();
  closeLater(() => stdin.end());
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  return { port, start: () => stdin.write('\n'), next };
}

async function pidOf(line: Promise<string>): Promise<number> {
  return Number(/^started (\d+)$/.exec(await line)?.[1]);
}

describe.skipIf(process.platform === 'win32')('examples/systemd', () => {
  test('serves the client that has waited for it, and the one that comes during a restart', async () => {
    const { port, start, next } = await activated();
    const address = { host: '127.0.0.1', port };
    const first = connect(address);
    start();
    const pid = await pidOf(next());
    expect(await next()).toBe(`listening on { host: '127.0.0.1', port: ${port} }`);
    const conn = await first;
    conn.write(Buffer.from('first'));
    expect(String(await conn.read())).toBe('first');
    process.kill(pid, 'SIGTERM');
    await conn.asyncClose();
    expect(await next()).toBe('stopped');

    const second = connect(address);
    start();
    const secondPid = await pidOf(next());
    await next();
    await (await second).asyncClose();
    process.kill(secondPid, 'SIGTERM');
    expect(await next()).toBe('stopped');
  });

  test('says what it needs if it is not started by systemd', async () => {
    const failure = await run(process.execPath, [ECHO]).catch((error) => error);
    expect(failure).toMatchObject({ code: 1 });
    expect(failure.stderr).toBe(
      'expected one socket from systemd: start cotp.socket, not this program\n',
    );
  });
});
