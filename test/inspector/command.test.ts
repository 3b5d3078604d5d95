/** The page as users get it: behind `cotp proxy --ui` and `cotp inspect`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.js';
import { listen } from '../../src/node/listen.js';
import { Browser as Watcher } from '../support/inspector.js';
import { launch } from './browser.js';

const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Looks for the events of a command on its stdout. */
class Command {
  readonly #process: ChildProcess;
  #said = '';

  constructor(args: readonly string[]) {
    this.#process = spawn(process.execPath, [COMMAND, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      this.#said += String(chunk);
    });
  }

  /** A field of the first event of this name. */
  async field(event: string, name: string): Promise<string> {
    const found = () => {
      const lines = this.#said.split('\n').slice(0, -1);
      const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      return events.find((each) => each.event === event);
    };
    await expect.poll(found).toBeDefined();
    return String(found()?.[name]);
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGINT');
    await ended;
  }
}

let browser: Browser;
let page: Page;
let folder: string;
let commands: Command[] = [];
let said: string[] = [];

function run(...args: readonly string[]): Command {
  const command = new Command(args);
  commands.push(command);
  return command;
}

beforeAll(async () => {
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), 'cotp-inspector-'));
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  said = [];
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
});

afterEach(async () => {
  await page.context().close();
  await Promise.all(commands.map((command) => command.stop()));
  commands = [];
  expect(said).toEqual([]);
});

const lines = () => page.locator('#tpdu [role=option]');
const connections = () => page.locator('#conn [role=option]');

/** A device that answers to one selector, and sends back what comes. */
function device() {
  return listen(
    async (conn) => {
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
    },
    { host: '127.0.0.1', port: 0 },
    { localTsel: 0x0102 },
  );
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** A proxy before a target, with its page open. */
async function openProxy(target: number, ...more: readonly string[]): Promise<number> {
  const command = run('proxy', '0', `127.0.0.1:${target}`, '--ui', ...more);
  await page.goto(await command.field('inspector', 'url'));
  await page.locator('.empty').waitFor();
  return portOf(await command.field('listening', 'address'));
}

test.each([[[]], [['--transparent']]])(
  'a proxy shows which selector was called and why it was refused %j',
  async (options) => {
    const server = await device();
    const port = await openProxy(server.addresses[0]?.port ?? 0, ...options);
    const calling = connect({ host: '127.0.0.1', port }, { remoteTsel: 0x0301 });
    await expect(calling).rejects.toThrow('address unknown');
    await connections().first().waitFor();
    await expect
      .poll(() => connections().first().innerText())
      .toMatch(/refused[\s\S]*0x0301 basic, rack 0, slot 1[\s\S]*DR 3: address unknown/);
    await server.asyncClose();
  },
);

test('a browser too many says that the inspector has refused it, and what to do', async () => {
  const url = await run('proxy', '0', '127.0.0.1:1', '--ui').field('inspector', 'url');
  const other = await Watcher.open(url);
  for (let i = 0; i < 8; i += 1) {
    await other.watch();
  }
  await page.goto(url);
  for (const place of ['.state', '.empty']) {
    await expect
      .poll(() => page.locator(place).first().innerText())
      .toMatch(
        /refused this page: [\s\S]*8 browsers watch already\. Open the printed address again/,
      );
  }
  await page.setViewportSize({ width: 800, height: 600 });
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0);
  // The browser says that its request failed.
  expect(said.splice(0)).toEqual([expect.stringContaining('503')]);
});

test('the browser gives the cookie to no other program of this machine', async () => {
  await openProxy(1);
  const cookies: (string | undefined)[] = [];
  const other = createHttpServer((request, response) => {
    cookies.push(request.headers.cookie);
    response.end('<!doctype html><link rel="icon" href="data:,">');
  });
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await page.goto(`http://127.0.0.1:${port}/events`);
  expect(cookies).toEqual([undefined]);
  other.closeAllConnections();
  other.close();
});

test('tshark reads the download', async () => {
  const server = await device();
  const port = await openProxy(server.addresses[0]?.port ?? 0, '--transparent');
  const conn = await connect(
    { host: '127.0.0.1', port },
    { remoteTsel: 0x0102, localTsel: 0x0100 },
  );
  conn.write(Buffer.from('over the proxy'));
  await conn.read();
  await expect.poll(() => lines().count()).toBe(4);
  const download = page.waitForEvent('download');
  await page.getByText('Download ▾').click();
  await page.getByRole('link', { name: 'pcapng' }).click();
  const path = join(folder, 'page.pcapng');
  await (await download).saveAs(path);
  const { stdout } = await promisify(execFile)('tshark', [
    '-r',
    path,
    '-Y',
    'cotp',
    '-T',
    'fields',
    '-e',
    'cotp.type',
  ]);
  // Both connections of the proxy: CR, CC and two DTs each.
  expect(stdout.trim().split('\n').sort()).toEqual([
    '0x0d',
    '0x0d',
    '0x0e',
    '0x0e',
    '0x0f',
    '0x0f',
    '0x0f',
    '0x0f',
  ]);
  await conn.asyncClose();
  await server.asyncClose();
});

test('the page shows that a device has reset TCP, and what to try', async () => {
  const target: Server = createServer((socket) =>
    socket.once('data', () => socket.resetAndDestroy()),
  );
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port: targetPort } = target.address() as { port: number };
  const port = await openProxy(targetPort, '--transparent');
  await expect(connect({ host: '127.0.0.1', port }, { remoteTsel: 1 })).rejects.toThrow();
  await expect
    .poll(() => connections().first().innerText())
    .toMatch(/TCP reset, no DR — many devices refuse a CR in this way/);
  target.close();
});

test('a capture is shown whole', async () => {
  const server = await device();
  const path = join(folder, 'plant.pcapng');
  const proxy = run('proxy', '0', `127.0.0.1:${server.addresses[0]?.port}`, '--pcap', path);
  const port = portOf(await proxy.field('listening', 'address'));
  const conn = await connect({ host: '127.0.0.1', port }, { remoteTsel: 0x0102 });
  conn.write(Buffer.from('in the capture'));
  await conn.read();
  await conn.asyncClose();
  await proxy.stop();
  commands = [];
  const inspect = run('inspect', path);
  await page.goto(await inspect.field('inspector', 'url'));
  await lines().first().waitFor();
  await expect.poll(() => page.locator('.state').first().innerText()).toBe('■ complete');
  // One TCP connection for the client, as if there were no proxy.
  expect(await connections().count()).toBe(1);
  await expect.poll(() => page.locator('#tpdu').evaluate((list) => list.scrollTop)).toBe(0);
  expect(await lines().filter({ hasText: 'in the captu' }).count()).toBeGreaterThan(0);
  await server.asyncClose();
});
