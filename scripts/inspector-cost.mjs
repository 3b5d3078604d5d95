/**
 * What an inspector costs a proxy: how many TSDUs `cotp proxy` relays there and back in a second, and its processor time
 * for each, in four forms:
 *
 * - without --ui
 * - with it, and no browser
 * - while a browser on another machine takes all it can: its part has the lowest priority, so that it gets only time
 *   which the proxy leaves
 * - the same on this machine: it shares a core with the proxy
 *
 * Client and server have core 0, the proxy and the browser's part core 1, so that no form is faster because the system
 * has placed its processes better. `node scripts/inspector-cost.mjs [ROUNDS [TSDUS [OCTETS [WINDOW]]]]`, by default 9
 * rounds of 50,000 TSDUs of 64 octets, 64 of them on the way at the same time. The forms take turns; the ratios are
 * medians of those within each round. It needs Linux, for /proc and taskset, and 2 cores. Build first.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { constants, setPriority } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { connect } from '../dist/esm/index.js';

const COTP = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const [rounds = 9, tsdus = 50_000, octets = 64, window = 64] = process.argv.slice(2).map(Number);

/** Ticks a second in /proc. */
const TICKS = 100;

/** The cores of the load, and of what is measured. */
const LOAD = '0';
const MEASURED = '1';

/** Starts a Node program that may use one core only. */
function startOn(core, args, stdin) {
  const stdio = [stdin, 'pipe', 'inherit'];
  return spawn('taskset', ['--cpu-list', core, process.execPath, ...args], { stdio });
}

/** Starts a command with --json; gives it and its first events. */
async function start(core, args, events) {
  const child = startOn(core, [COTP, ...args, '--json'], 'ignore');
  let text = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.split('\n').length > events) {
      break;
    }
  }
  child.stdout.resume();
  return {
    child,
    events: text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  };
}

async function stop({ child }) {
  child.kill('SIGINT');
  await once(child, 'exit');
}

/** A browser that reads all, in a process of its own; gives the number of TPDUs that it got. */
async function watch(url, priority) {
  const reader = startOn(MEASURED, [fileURLToPath(import.meta.url), 'read', url], 'pipe');
  setPriority(reader.pid, priority);
  await once(reader.stdout, 'data');
  return {
    async stop() {
      reader.stdin.end();
      const [text] = await once(reader.stdout, 'data');
      return JSON.parse(text);
    },
  };
}

/** The process of the browser. It says when it reads, and at the end of stdin what it got. */
async function read(url) {
  const { headers } = await fetch(url, { redirect: 'manual' });
  const [cookie] = headers.get('set-cookie').split(';');
  const asked = request(new URL('events', new URL(headers.get('location'), url)), {
    headers: { cookie },
  }).end();
  const [response] = await once(asked, 'response');
  const counts = { tpdus: 0, lost: 0 };
  response.setEncoding('latin1').on('data', (text) => {
    counts.tpdus += text.split('"kind":"tpdu"').length - 1;
    counts.lost += text.split('"kind":"lost"').length - 1;
  });
  process.stdout.write('ready');
  await once(process.stdin.resume(), 'end');
  process.stdout.write(JSON.stringify(counts));
  asked.on('error', () => {}).destroy();
}

if (process.argv[2] === 'read') {
  await read(process.argv[3]);
  process.exit();
}

/** Seconds of the processor that a process has used. */
function processorTime({ child }) {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Sends so many TSDUs and reads them back. */
async function exchange(conn, count) {
  const tsdu = Buffer.alloc(octets, 1);
  for (let sent = 0; sent < Math.min(window, count); sent += 1) {
    conn.write(tsdu);
  }
  for (let read = 1; read <= count; read += 1) {
    await conn.read();
    if (read + window <= count) {
      conn.write(tsdu);
    }
  }
}

async function measured(target, form) {
  const { ui, priority } = FORMS[form];
  const args = ['proxy', '127.0.0.1:0', target, '--quiet', ...(ui ? ['--ui'] : [])];
  const proxy = await start(MEASURED, args, ui ? 2 : 1);
  const [{ address }, { url } = {}] = proxy.events;
  const browser = priority === undefined ? undefined : await watch(url, priority);
  const [host, port] = address.split(':');
  const conn = await connect({ host, port: Number(port) });
  // To warm up: until then much of the time goes into compiling.
  await exchange(conn, tsdus);
  const before = processorTime(proxy);
  const begun = performance.now();
  await exchange(conn, tsdus);
  const seconds = (performance.now() - begun) / 1000;
  const microseconds = ((processorTime(proxy) - before) * 1e6) / tsdus;
  await conn.asyncClose();
  const counts = await browser?.stop();
  await stop(proxy);
  return { microseconds, perSecond: tsdus / seconds, ...counts };
}

const { PRIORITY_LOW, PRIORITY_NORMAL } = constants.priority;

const FORMS = {
  'without --ui': { ui: false },
  'with --ui': { ui: true },
  'browser elsewhere': { ui: true, priority: PRIORITY_LOW },
  'browser here': { ui: true, priority: PRIORITY_NORMAL },
};
const names = Object.keys(FORMS);

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

spawnSync('taskset', ['--cpu-list', '--pid', LOAD, String(process.pid)]);
const echo = await start(LOAD, ['listen', '127.0.0.1:0', '--echo'], 1);
const [{ address: target }] = echo.events;
const results = [];
for (let round = 0; round < rounds; round += 1) {
  const result = {};
  // Another form comes first in each round.
  for (let turn = 0; turn < names.length; turn += 1) {
    const form = names[(round + turn) % names.length];
    result[form] = await measured(target, form);
  }
  results.push(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
await stop(echo);
for (const form of names) {
  const of = (key) => median(results.map((result) => result[form][key]));
  const ratio = (key) => median(results.map((result) => result[form][key] / result[names[0]][key]));
  process.stdout.write(
    `${form.padEnd(17)} ${of('microseconds').toFixed(1)} us of the processor a TSDU (${ratio('microseconds').toFixed(2)}), ${of('perSecond').toFixed(0)} TSDUs a second (${ratio('perSecond').toFixed(3)})\n`,
  );
}
