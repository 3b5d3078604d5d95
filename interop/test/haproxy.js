/** HAProxy with the settings of examples/haproxy, and servers behind it. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, HOST } from './support.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/haproxy', import.meta.url));
const BACKEND = fileURLToPath(new URL('haproxy-backend.js', import.meta.url));

/** Polls until `isTrue` holds. */
export async function until(isTrue, what, milliseconds = 15_000) {
  const end = Date.now() + milliseconds;
  while (!(await isTrue())) {
    if (Date.now() > end) {
      throw new Error(`not within ${milliseconds} ms: ${what}`);
    }
    await sleep(20);
  }
}

/** A server in a process of its own, and what its program has noticed. */
export class Backend {
  events = [];
  port;
  #child;

  static async start(name, ...settings) {
    const backend = new Backend();
    backend.#child = fork(BACKEND, [name, ...settings]);
    backend.#child.on('message', (event) => backend.events.push(event));
    await until(() => backend.#take('listening') || backend.#hasEnded, `${name} listens`);
    if (backend.#hasEnded) {
      throw new Error(`the server ${name} has ended`);
    }
    return backend;
  }

  #take(event) {
    this.port ??= this.events.find((found) => found.event === event)?.port;
    return this.port !== undefined;
  }

  /** The connections that its program has been given. */
  get opened() {
    return this.events.filter(({ event }) => event === 'open');
  }

  get errors() {
    return this.events.filter(({ event }) => event === 'error');
  }

  get #hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ends the process as a crash does. */
  async kill() {
    if (!this.#hasEnded) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
  }
}

/** HAProxy in the foreground, with a master process that reloads it. */
export class Haproxy {
  port;
  tlsPort;
  log = '';
  #child;
  #folder;

  /**
   * @param backends `plcA`, `plcB`, `substation`, `refusing`
   * @param change changes the settings of the example
   */
  static async start(backends, identity, change = (settings) => settings) {
    const haproxy = new Haproxy();
    haproxy.#folder = await mkdtemp(join(tmpdir(), 'cotp-haproxy-'));
    haproxy.port = await freePort();
    haproxy.tlsPort = await freePort();
    const settings = change(await readFile(join(EXAMPLE, 'haproxy.cfg'), 'utf8'));
    const file = haproxy.#path('haproxy.cfg');
    await writeFile(file, settings);
    await writeFile(haproxy.#path('cotp.pem'), Buffer.concat([identity.cert, identity.key]));
    const server = ({ port }) => `${HOST}:${port}`;
    haproxy.#child = spawn('haproxy', ['-W', '-f', file], {
      env: {
        ...process.env,
        COTP_BIND: `${HOST}:${haproxy.port}`,
        COTP_TLS_BIND: `${HOST}:${haproxy.tlsPort}`,
        COTP_CERT: haproxy.#path('cotp.pem'),
        COTP_DIR: EXAMPLE,
        COTP_ADMIN: haproxy.#path('admin.sock'),
        PLC_A: server(backends.plcA),
        PLC_B: server(backends.plcB),
        SUBSTATION_A: server(backends.substation),
        REFUSING: server(backends.refusing),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [haproxy.#child.stdout, haproxy.#child.stderr]) {
      stream.on('data', (chunk) => {
        haproxy.log += chunk;
      });
    }
    await until(() => haproxy.#answers(), 'HAProxy answers on its admin socket');
    return haproxy;
  }

  #path(name) {
    return join(this.#folder, name);
  }

  async #answers() {
    if (this.#child.exitCode !== null) {
      throw new Error(`HAProxy ended: ${this.log}`);
    }
    return this.admin('show info').then(
      () => true,
      () => false,
    );
  }

  /** Sends one command to the worker that is in charge now; returns its answer. */
  async admin(command) {
    const socket = connectTcp(this.#path('admin.sock'));
    await once(socket, 'connect');
    socket.end(`${command}\n`);
    let answer = '';
    for await (const chunk of socket) {
      answer += chunk;
    }
    return answer;
  }

  /** The state of each server by its checks: `UP`, `DOWN`, `DRAIN` …; without the servers that have none. */
  async states() {
    const [head, ...rows] = (await this.admin('show stat')).trim().split('\n');
    const names = head.slice(2).split(',');
    const column = (row, name) => row.split(',')[names.indexOf(name)];
    return Object.fromEntries(
      rows
        .filter((row) => !['FRONTEND', 'BACKEND'].includes(column(row, 'svname')))
        .map((row) => [`${column(row, 'pxname')}/${column(row, 'svname')}`, row])
        .map(([name, row]) => [name, column(row, 'status')]),
    );
  }

  /** Waits until each of these servers has passed a check: before its first one a server counts as up. */
  async checked(...names) {
    await until(
      async () => {
        const rows = (await this.admin('show stat')).trim().split('\n');
        return names.every((name) => {
          const [backend, server] = name.split('/');
          return rows.some(
            (row) => row.startsWith(`${backend},${server},`) && row.includes(',L7OK,'),
          );
        });
      },
      `checks of ${names.join(', ')}`,
    );
  }

  /** Loads the settings again, as `systemctl reload` does: a new worker takes over, the old one keeps its connections. */
  async reload() {
    const before = await this.#pid();
    this.#child.kill('SIGUSR2');
    await until(async () => {
      const now = await this.#pid().catch(() => before);
      return now !== before;
    }, 'a new worker of HAProxy');
  }

  async #pid() {
    return /^Pid: (\d+)/m.exec(await this.admin('show info'))?.[1];
  }

  async stop() {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
