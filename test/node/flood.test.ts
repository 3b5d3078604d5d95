/** One peer that sends much does not keep the others waiting. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connect } from '../../src/index.js';
import { closeLater } from '../support/life.js';
import { OwnStream } from '../support/own-stream.js';
import { cc, dt, tpkt } from '../support/raw.js';

/** A stream that has its chunks ready, as a socket has whose peer is fast: one comes as soon as the last is taken. */
class ReadyStream extends OwnStream {
  readonly chunks: Buffer[] = [];

  override _read(): void {
    const next = this.chunks.shift();
    if (next !== undefined) {
      this.push(next);
    }
  }
}

async function overReadyStream() {
  const stream = new ReadyStream();
  const connecting = connect({ host: 'own', port: 1 }, { socket: stream });
  const [cr] = stream.written.splice(0) as [Buffer];
  stream.push(cc(cr.subarray(8, 10).toString('hex')));
  const connection = await connecting;
  closeLater(() => connection.destroy());
  return { connection, stream };
}

const EMPTY_DT = tpkt('02 f0 00');
const CHUNKS = 256;

/** The most that may come of one connection before the others are served, in chunks of 64 KiB: 4 MiB and some. */
const MOST_CHUNKS = 72;

test.each([
  ['empty DTs', EMPTY_DT],
  ['DTs of a TSDU that does not end', dt('aa', false)],
  ['TSDUs of 1000 octets', dt('aa'.repeat(1_000))],
])('after its share of %s a connection lets another one be served', async (_what, packet) => {
  const busy = await overReadyStream();
  const other = await overReadyStream();
  void (async () => {
    for await (const _tsdu of busy.connection) {
      // Read at once: reading is not what it waits for.
    }
  })().catch(() => {});
  const count = Math.floor(65_536 / packet.length);
  const chunk = Buffer.alloc(count * packet.length, packet);
  busy.stream.chunks.push(...Array.from({ length: CHUNKS }, () => chunk));
  const reading = other.connection.read();
  // Both have octets at the same time, and the busy one is first.
  setImmediate(() => other.stream.push(dt('01')));
  busy.stream.push(chunk);
  await reading;
  expect(CHUNKS - busy.stream.chunks.length).toBeLessThanOrEqual(MOST_CHUNKS);
});

test('what a connection receives in its share is all processed, however many there are', async () => {
  const { connection, stream } = await overReadyStream();
  const chunk = Buffer.alloc(7 * 9_000, EMPTY_DT);
  stream.chunks.push(...Array.from({ length: 20 }, () => chunk), dt('0a0b'));
  stream.push(chunk);
  expect((await connection.read()).toString('hex')).toBe('0a0b');
});

function start(file: string, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(`../support/${file}`, import.meta.url)), args);
  closeLater(() => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    return gone;
  });
  return child;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Calls and round trips of an honest client while so many peers flood the same server. */
async function served(peers: number) {
  const server = start('flooded-server.mjs');
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  await once(start('flooding-peers.mjs', String(port), String(peers)), 'message');
  const connects: number[] = [];
  const trips: number[] = [];
  for (let call = 0; call < 5; call += 1) {
    const began = performance.now();
    const connection = await connect({ host: '127.0.0.1', port });
    closeLater(() => connection.destroy());
    connects.push(performance.now() - began);
    for (let trip = 0; trip < 5; trip += 1) {
      const sent = performance.now();
      connection.write(Buffer.from('question'));
      await connection.read();
      trips.push(performance.now() - sent);
    }
  }
  return { connect: median(connects), trip: median(trips) };
}

test('with 8 peers that flood, another client connects within 0.5 s and has answers within 100 ms', async () => {
  const { connect: call, trip } = await served(8);
  expect(call).toBeLessThan(500);
  expect(trip).toBeLessThan(100);
});

test('with 32 peers that flood, every call of another client succeeds', async () => {
  expect((await served(32)).connect).toBeLessThan(5_000);
});
