/**
 * What an inspector costs a proxy: the processor time of `cotp proxy` for a TSDU there and back, and how many it relays a
 * second, without --ui, with it, and while a browser takes every row.
 * `node scripts/inspector-cost.mjs [ROUNDS [TSDUS [OCTETS [WINDOW]]]]`, by default 5 rounds of 50,000 TSDUs of 64 octets,
 * 64 of them on the way at the same time; of each form the best round counts. It reads the processor time from /proc, so
 * it needs Linux. Build first.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { connect } from '../dist/esm/index.js';

const COTP = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const [rounds = 5, tsdus = 50_000, octets = 64, window = 64] = process.argv.slice(2).map(Number);

/** Ticks a second in /proc. */
const TICKS = 100;

/** Starts a command with --json; gives it and its first events. */
async function start(args, events) {
  const child = spawn(process.execPath, [COTP, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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

/** A browser that reads all; gives the number of TPDUs that it got. */
async function watch(url) {
  const { headers } = await fetch(url, { redirect: 'manual' });
  const [cookie] = headers.get('set-cookie').split(';');
  const asked = request(new URL('events', new URL(headers.get('location'), url)), {
    headers: { cookie },
  }).end();
  asked.on('error', () => {});
  const [response] = await once(asked, 'response');
  let tpdus = 0;
  let lost = 0;
  response.setEncoding('latin1').on('data', (text) => {
    tpdus += text.split('"kind":"tpdu"').length - 1;
    lost += text.split('"kind":"lost"').length - 1;
  });
  response.on('error', () => {});
  return { stop: () => asked.destroy(), counts: () => ({ tpdus, lost }) };
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
  const args = ['proxy', '127.0.0.1:0', target, '--quiet', ...(form === 'without' ? [] : ['--ui'])];
  const proxy = await start(args, form === 'without' ? 1 : 2);
  const [{ address }, { url } = {}] = proxy.events;
  const browser = form === 'browser' ? await watch(url) : undefined;
  const [host, port] = address.split(':');
  const conn = await connect({ host, port: Number(port) });
  await exchange(conn, tsdus / 5);
  const before = processorTime(proxy);
  const begun = performance.now();
  await exchange(conn, tsdus);
  const seconds = (performance.now() - begun) / 1000;
  const microseconds = ((processorTime(proxy) - before) * 1e6) / tsdus;
  await conn.asyncClose();
  const counts = browser?.counts();
  browser?.stop();
  await stop(proxy);
  return { microseconds, perSecond: tsdus / seconds, ...counts };
}

const echo = await start(['listen', '127.0.0.1:0', '--echo'], 1);
const [{ address: target }] = echo.events;
const best = {};
for (let round = 0; round < rounds; round += 1) {
  for (const form of ['without', 'idle', 'browser']) {
    const result = await measured(target, form);
    process.stdout.write(`${form.padEnd(8)} ${JSON.stringify(result)}\n`);
    const { microseconds = Number.POSITIVE_INFINITY, perSecond = 0 } = best[form] ?? {};
    best[form] = {
      microseconds: Math.min(microseconds, result.microseconds),
      perSecond: Math.max(perSecond, result.perSecond),
    };
  }
}
await stop(echo);
for (const [form, { microseconds, perSecond }] of Object.entries(best)) {
  const time = `${microseconds.toFixed(1)} us of the processor a TSDU`;
  const more = `${((microseconds / best.without.microseconds) * 100).toFixed(0)} %`;
  process.stdout.write(
    `best ${form.padEnd(8)} ${time} (${more}), ${perSecond.toFixed(0)} TSDUs a second\n`,
  );
}
