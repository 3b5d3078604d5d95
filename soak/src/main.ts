/**
 * `npm run soak`: runs many connections for a long time, then checks for leaks. See ../README.md.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { integer, optionsOf, print, runTool, whole } from '../../tools/command-line.mjs';
import {
  formatHandles,
  handleGrowth,
  mebibytes,
  openFilesLimit,
  type Reading,
  read,
} from './gauge.js';
import { run } from './load.js';
import { Tally } from './tally.js';

const HELP = `usage: npm run soak -- [options]

  --seconds N      duration after the warm-up (default 60)
  --connections N  connections at the same time (default 1000)
  --short          10 seconds with 200 connections
  --help           print this help
`;

/** Both ends of each connection are in this process, some with a relay; closed sockets take some time to disappear. */
const FILES_PER_CONNECTION = 3;
const SPARE_FILES = 500;

/**
 * Largest allowed growth of the heap between two moments at which everything is closed, in octets. The README
 * explains the value.
 */
const HEAP_GROWTH = 2 * 1_048_576;
/** The same for array buffers, which include the pool of small Buffers. */
const BUFFER_GROWTH = 1_048_576;

function options() {
  const values = optionsOf({
    seconds: { type: 'string' },
    connections: { type: 'string' },
    short: { type: 'boolean', default: false },
  });
  const { short, help } = values;
  return {
    help,
    seconds: integer('seconds', values.seconds ?? (short ? '10' : '60'), 1, 604_800),
    connections: integer('connections', values.connections ?? (short ? '200' : '1000'), 1, 30_000),
  };
}

async function main({ seconds, connections }: ReturnType<typeof options>): Promise<boolean> {
  const files = openFilesLimit();
  const needed = connections * FILES_PER_CONNECTION + SPARE_FILES;
  if (files !== undefined && files < needed) {
    print(
      `${connections} connections require ${needed} open files, but ulimit -n is ${files}: ` +
        'raise it, or use fewer --connections',
    );
    return false;
  }
  if (globalThis.gc === undefined) {
    print('run node with --expose-gc: without a garbage collection a leak cannot be measured');
    return false;
  }
  const tally = new Tally();
  const onUnhandled = (reason: unknown) => tally.fault(`unhandled: ${String(reason)}`);
  process.on('unhandledRejection', onUnhandled);
  process.on('uncaughtException', onUnhandled);

  print(`${connections} connections, ${seconds} s after warming up`);
  // If stderr is a pipe, Node creates its stream at the first use.
  process.stderr.write('');
  const start = await atRest();
  print(restLine('start', start));

  // After the warm-up, compiled code, pools and caches exist.
  const warmUpSeconds = Math.max(3, Math.ceil(seconds / 6));
  const warmUp = await run({
    connections,
    seconds: warmUpSeconds,
    intervalSeconds: warmUpSeconds,
    tally,
    firstStream: 0,
    onInterval: () => {},
  });
  const warm = await atRest();
  print(restLine('warm', warm));

  const interval = Math.max(1, Math.round(seconds / 12));
  let [octets, begun, at] = [tally.octets, tally.begun, performance.now()];
  const [octetsBefore, tsdusBefore, began] = [octets, tally.tsdus, at];
  const load = await run({
    connections,
    seconds,
    intervalSeconds: interval,
    tally,
    firstStream: warmUp.lives,
    onInterval: (open) => {
      const now = performance.now();
      const elapsed = (now - at) / 1_000;
      print(
        intervalLine(now - began, open, {
          rate: (tally.octets - octets) / elapsed,
          churn: (tally.begun - begun) / elapsed,
          reading: read(false),
        }),
      );
      [octets, begun, at] = [tally.octets, tally.begun, now];
    },
  });
  const took = (performance.now() - began) / 1_000;
  const end = await atRest();
  print(restLine('end', end));

  const moved = tally.octets - octetsBefore;
  print(
    `checked  ${mebibytes(moved)} MiB in ${whole(tally.tsdus - tsdusBefore)} TSDUs, ` +
      `${mebibytes(moved / took)} MiB/s; ${whole(load.lives)} connections`,
  );
  print(`clients  ${[...tally.lives].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);

  process.off('unhandledRejection', onUnhandled);
  process.off('uncaughtException', onUnhandled);
  const failures = [
    ...verdict(start, warm, end),
    ...(warmUp.left + load.left > 0 ? [`${load.left} connections are still counted`] : []),
    ...(tally.faultCount > 0 ? [`${tally.faultCount} faults, the first ones:`] : []),
    ...tally.faults,
  ];
  print(failures.length === 0 ? 'ok' : ['FAILED', ...failures].join('\n  '));
  return failures.length === 0;
}

/** Measures after the sockets that were just closed have disappeared. */
async function atRest(): Promise<Reading> {
  await wait(200);
  read(true);
  await wait(50);
  return read(true);
}

function verdict(start: Reading, warm: Reading, end: Reading): string[] {
  const heap = end.heap - warm.heap;
  const buffers = end.buffers - warm.buffers;
  const handles = handleGrowth(start, end);
  return [
    ...(heap > HEAP_GROWTH ? [`the heap has grown by ${mebibytes(heap)} MiB`] : []),
    ...(buffers > BUFFER_GROWTH ? [`array buffers have grown by ${mebibytes(buffers)} MiB`] : []),
    ...(handles.length > 0 ? [`handles are left: ${handles.join(', ')}`] : []),
  ];
}

function restLine(name: string, reading: Reading): string {
  const { heap, buffers, rss } = reading;
  return (
    `${name.padEnd(8)} heap ${mebibytes(heap)} MiB, array buffers ${mebibytes(buffers)} MiB, ` +
    `rss ${mebibytes(rss)} MiB, handles: ${formatHandles(reading)}`
  );
}

function intervalLine(
  elapsed: number,
  open: number,
  now: { readonly rate: number; readonly churn: number; readonly reading: Reading },
): string {
  const { rate, churn, reading } = now;
  return (
    `${`${Math.round(elapsed / 1_000)} s`.padEnd(8)} ${open} open, ` +
    `${mebibytes(rate)} MiB/s checked, ${Math.round(churn)} new/s, ` +
    `heap ${mebibytes(reading.heap)} MiB, rss ${mebibytes(reading.rss)} MiB, ` +
    `handles: ${formatHandles(reading)}`
  );
}

await runTool(HELP, options, main);
