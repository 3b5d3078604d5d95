import { expect, test } from 'vitest';
import { percentiles } from '../../src/cli/output/percentiles.js';
import { cotp, cotpListen, Running, strangers } from './support.js';

test('a table with percentiles for each size', async () => {
  const { address } = await cotpListen('--echo');
  const { code, stdout, stderr } = await cotp([
    'bench',
    address,
    ...['--duration', '100ms', '--tsdu', '16,5000', '--concurrency', '3'],
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
  expect(lines[0]).toEqual(['octets', 'trips/s', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'MB/s']);
  expect(lines.slice(1, 3).map(([octets]) => octets)).toEqual(['16', '5000']);
});

test('--json, over S7 selectors', async () => {
  const { address } = await cotpListen('--echo', '--accept', '0x0102');
  const args = [
    'bench',
    address,
    '--s7',
    'pg,0,2',
    '--tsdu',
    '100',
    '--duration',
    '100ms',
    '--json',
  ];
  const running = new Running(args);
  expect((await running.end()).code).toBe(0);
  expect(running.events).toMatchObject([{ event: 'bench', octets: 100, connections: 1 }]);
  const [{ milliseconds, roundTrips } = {}] = running.events;
  const { p50, p90, p99, max } = milliseconds as Record<string, number>;
  expect(Number(roundTrips)).toBeGreaterThan(0);
  expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].sort((a, b) => Number(a) - Number(b)));
  expect(String(p50)).toMatch(/^\d+(\.\d{1,6})?$/);
});

test('a peer that does not echo', async () => {
  const { address } = await cotpListen();
  const { code, stderr } = await cotp(['bench', address, '--timeout', '2s']);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^cotp bench: nothing was sent or received within 2000 ms\n$/);
});

test('a peer that sends no CC', async () => {
  const address = await strangers(() => undefined);
  const { code, stderr } = await cotp(['bench', address, '--timeout', '300ms']);
  expect(code).toBe(4);
  expect(stderr).toBe(
    `cotp bench: no CC within 300 ms: is a COTP server listening on ${address}?\n`,
  );
});

test('a peer that answers something else', async () => {
  const { address } = await cotpListen('--exec', 'echo no', '--raw');
  const { code, stderr } = await cotp(['bench', address]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^cotp bench: the peer does not echo: 16 octets were sent, but other 3 came back/,
  );
});

test('percentiles by the nearest rank', () => {
  const times = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentiles(times)).toEqual({ p50: 50, p90: 90, p99: 99, max: 100 });
  expect(percentiles([7])).toEqual({ p50: 7, p90: 7, p99: 7, max: 7 });
  expect(percentiles([])).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
});
