/** The `cotp` command as a person runs it: the built file, in a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/cli/command-line/command-line.js';
import { createIo } from '../../src/cli/io.js';
import { closeLater } from '../support/life.js';

/** The file that `npx cotp` runs. */
export const COTP: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What a run came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `cotp` that runs. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #stdout: Buffer[] = [];
  readonly #ended: Promise<unknown>;
  #stderr = '';
  #wake: () => void = () => {};

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    // Not the environment of the tests: vitest asks for colours there.
    const { PATH = '', NODE_V8_COVERAGE } = process.env;
    const coverage = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };
    this.child = spawn(process.execPath, [COTP, ...args], { env: { PATH, ...coverage, ...env } });
    this.child.stdin.on('error', () => {});
    this.child.stdout.on('data', (chunk) => {
      this.#stdout.push(chunk);
      this.#wake();
    });
    this.child.stderr.on('data', (chunk) => {
      this.#stderr += String(chunk);
      this.#wake();
    });
    this.#ended = once(this.child, 'close').then(() => this.#wake());
    // A process that is killed writes no coverage.
    closeLater(() => this.child.kill(NODE_V8_COVERAGE === undefined ? 'SIGKILL' : 'SIGTERM'));
  }

  get octets(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stdout(): string {
    return this.octets.toString();
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Waits for text on stderr (or stdout) and gives what matched. */
  async says(pattern: RegExp, where: 'stderr' | 'stdout' = 'stderr'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this[where]);
      if (match !== null) {
        return match;
      }
      if (this.child.exitCode !== null) {
        throw new Error(`it ended without ${pattern}: ${this.stdout}${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The lines of stdout as JSON. */
  get events(): Record<string, unknown>[] {
    const lines = this.stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async end(): Promise<Outcome> {
    await this.#ended;
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }
}

/**
 * The same without a process of its own, which takes a tenth of a second: for what opens no connection. Its output is not
 * a terminal.
 */
export async function typed(
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<Outcome> {
  const text: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  const output = (name: keyof typeof text) =>
    new PassThrough().on('data', (chunk) => {
      text[name] += String(chunk);
    });
  const stdin = new PassThrough().end(input);
  const { io } = createIo({ stdin, stdout: output('stdout'), stderr: output('stderr'), env: {} });
  const code = await run(args, '1.2.3', io);
  await Promise.all([io.stdout.flush(), io.stderr.flush()]);
  return { code, ...text };
}

/** Runs `cotp` to its end with this on its stdin. */
export async function cotp(
  args: readonly string[],
  input: string | Uint8Array = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const running = new Running(args, env);
  running.child.stdin.end(input);
  return running.end();
}

/** A `cotp listen` on any free port; gives it and its address. */
export async function cotpListen(
  ...args: readonly string[]
): Promise<{ running: Running; address: string }> {
  const running = new Running(['listen', '127.0.0.1:0', ...args]);
  const where = args.includes('--json') ? 'stdout' : 'stderr';
  const [, address = ''] = await running.says(/(127\.0\.0\.1:\d+)/, where);
  return { running, address };
}

/** A TCP server that is no COTP server; gives its address. */
export async function strangers(
  answer: (octets: Buffer) => string | Buffer | undefined,
): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      const said = answer(octets);
      if (said !== undefined) {
        socket.write(said);
      }
    });
    closeLater(() => socket.destroy());
  });
  return listening(server);
}

/** Lets any server listen on a free port; gives its address. */
export async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(() => server.close());
  return `127.0.0.1:${portOf(server)}`;
}

/**
 * An address where nothing listens. Of the loopback network it has a host of its own: on 127.0.0.1 another test could get
 * the port meanwhile.
 */
export async function closedPort(): Promise<string> {
  const server = createServer();
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  server.listen(0, host);
  await once(server, 'listening');
  const address = `${host}:${portOf(server)}`;
  server.close();
  await once(server, 'close');
  return address;
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
