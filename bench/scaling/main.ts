/**
 * Measures what many connections cost: `npm run bench:scaling -- [--connections N] [--haproxy]`. Prints the tables of
 * docs/scaling.md. Everything runs on the loopback interface, each side in processes of its own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  answerOf,
  ask,
  type Exchange,
  type ExchangeResult,
  type Kind,
  type OpenResult,
  start,
  stop,
  type Usage,
} from './messages.js';

const HOST = '127.0.0.1';
/** One address has some 28,000 ephemeral ports on Linux. */
const LOCAL_ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
const KIB = 1_024;
/** Milliseconds until the timers of the handshakes have expired, as for a connection that stays open. */
const UNTIL_IDLE = 12_000;

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function startServer(kind: Kind, workers: number): Promise<Server> {
  const child = start('server-process', { kind, workers });
  const { port } = await answerOf<{ port: number }>(child);
  return { child, port };
}

async function openClients(kind: Kind, port: number, connections: number) {
  const localAddresses = LOCAL_ADDRESSES;
  const child = start('client-process', { kind, host: HOST, port, connections, localAddresses });
  const { seconds } = await answerOf<OpenResult>(child);
  return { child, seconds };
}

const usageOf = (server: Server) => ask<Usage>(server.child, 'usage');
const exchange = (child: ChildProcess, task: Exchange) => ask<ExchangeResult>(child, task);

function row(...cells: readonly (string | number)[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function table(...head: readonly string[]): void {
  process.stdout.write('\n');
  row(...head);
  row(...head.map(() => '---'));
}

/** Memory of each connection, and what a round trip on all of them takes. */
async function measureMany(kind: Kind, connections: number): Promise<void> {
  const server = await startServer(kind, 0);
  const before = await usageOf(server);
  const clients = await openClients(kind, server.port, connections);
  await new Promise((resolve) => setTimeout(resolve, UNTIL_IDLE));
  const open = await usageOf(server);
  const each = (key: 'rss' | 'heapUsed') =>
    ((open[key] - before[key]) / connections / KIB).toFixed(1);
  const all = { count: 2 * connections, size: 64, depth: 100 };
  await exchange(clients.child, all);
  const { seconds, p50, p99 } = await exchange(clients.child, all);
  row(
    kind,
    open.connections,
    Math.round(connections / clients.seconds),
    each('rss'),
    each('heapUsed'),
    Math.round(all.count / seconds),
    p50.toFixed(1),
    p99.toFixed(1),
  );
  await Promise.all([stop(clients.child), stop(server.child)]);
}

/** Processor time of a TSDU with one and with two workers. */
async function measureWorkers(kind: Kind, runs: number): Promise<void> {
  const results = new Map<number, { cpu: number; rate: number }[]>([
    [1, []],
    [2, []],
  ]);
  for (let run = 0; run < runs; run += 1) {
    for (const [workers, list] of results) {
      list.push(await measureWorker(kind, workers));
    }
  }
  const cpu1 = median(results.get(1)?.map(({ cpu }) => cpu) ?? []);
  for (const [workers, list] of results) {
    const cpu = median(list.map((result) => result.cpu));
    const rate = median(list.map((result) => result.rate));
    row(kind, workers, Math.round(rate), cpu.toFixed(2), (cpu / cpu1).toFixed(2));
  }
}

async function measureWorker(kind: Kind, workers: number): Promise<{ cpu: number; rate: number }> {
  const server = await startServer(kind, workers);
  const clients = await openClients(kind, server.port, 200);
  const task = { count: 200_000, size: 64, depth: 200 };
  await exchange(clients.child, { ...task, count: 50_000 });
  const before = await usageOf(server);
  const { seconds } = await exchange(clients.child, task);
  const after = await usageOf(server);
  await Promise.all([stop(clients.child), stop(server.child)]);
  return { cpu: (after.cpu - before.cpu) / task.count, rate: task.count / seconds };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** A port that is free now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, HOST, () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Round trips, directly and through HAProxy. */
async function measureHaproxy(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cotp-scaling-'));
  const server = await startServer('cotp', 0);
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen cotp
  bind ${HOST}:${port}
  server a ${HOST}:${server.port}
`,
  );
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  try {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const [way, at] of [
      ['directly', server.port],
      ['through HAProxy', port],
    ] as const) {
      const clients = await openClients('cotp', at, 1_000);
      await exchange(clients.child, { count: 20_000, size: 64, depth: 1 });
      const one = await exchange(clients.child, { count: 20_000, size: 64, depth: 1 });
      const many = await exchange(clients.child, { count: 100_000, size: 64, depth: 100 });
      row(
        way,
        Math.round(one.p50 * 1_000),
        Math.round(one.p99 * 1_000),
        Math.round(100_000 / many.seconds),
      );
      await stop(clients.child);
    }
  } finally {
    await Promise.all([stop(haproxy), stop(server.child)]);
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '9000' },
    runs: { type: 'string', default: '5' },
  },
});
const connections = Number(values.connections);
if (!Number.isInteger(connections) || connections < 1 || connections > 60_000) {
  throw new RangeError(`--connections must be 1 to 60000, not ${values.connections}`);
}

process.stdout.write(`Node ${process.version}, ${cpus().length} cores\n`);
table(
  'server',
  'connections',
  'opened/s',
  'RSS KiB',
  'heap KiB',
  'round trips/s',
  'p50 ms',
  'p99 ms',
);
await measureMany('raw', connections);
await measureMany('cotp', connections);
table('server', 'workers', 'round trips/s', 'CPU µs', 'ratio');
await measureWorkers('raw', Number(values.runs));
await measureWorkers('cotp', Number(values.runs));
if (spawnSync('haproxy', ['-v']).status === 0) {
  table('way', 'p50 µs', 'p99 µs', 'round trips/s');
  await measureHaproxy();
} else {
  process.stdout.write('\nHAProxy is not installed: nothing is measured through it\n');
}
process.exit();
