/**
 * What peers can make a server keep in memory. The figures of SECURITY.md are those that are measured here, in
 * a process whose application reads nothing.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { ListenOptions } from '../../src/index.js';
import { open } from '../support/ends.js';
import { closeLater, rawClient } from '../support/life.js';
import { CR, dt, type RawPeer, tpkt } from '../support/raw.js';
import { until } from '../support/wire.js';

const KIBIBYTE = 1_024;
const MEBIBYTE = 1_048_576;
/** The most that one read of a socket brings. */
const CHUNK = 65_536;
const FLOOR = 65_536;
/** Objects, code and what the collector has not got at yet, in the whole process. */
const NOISE = MEBIBYTE;

interface Measured {
  readonly memory: number;
  readonly open: number;
  readonly paused: number;
  readonly read: number;
}

class HoldingServer {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start(options: ListenOptions): Promise<HoldingServer> {
    const file = fileURLToPath(new URL('../support/holding-server.mjs', import.meta.url));
    const child = fork(file, [JSON.stringify(options)], { execArgv: ['--expose-gc'] });
    closeLater(() => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      return gone;
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new HoldingServer(child, port);
  }

  /** Peers with open connections. */
  peers(count: number): Promise<RawPeer[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const raw = await rawClient(this.#port);
        raw.send(CR);
        await raw.packet();
        return raw;
      }),
    );
  }

  async measure(): Promise<Measured> {
    this.#child.send('measure');
    const [measured] = (await once(this.#child, 'message')) as [Measured];
    return measured;
  }

  /** Measures again and again until that is so, and nothing more has come. */
  async until(condition: (measured: Measured) => boolean): Promise<Measured> {
    for (let before = await this.measure(); ; ) {
      const measured = await this.measure();
      if (condition(before) && condition(measured) && measured.read === before.read) {
        return measured;
      }
      before = measured;
    }
  }
}

/** So many of the same packet as go into one chunk. */
function chunkOf(packet: Buffer, octets = CHUNK): Buffer {
  const count = Math.floor(octets / packet.length);
  return Buffer.alloc(count * packet.length, packet);
}

/** Sends the same octets so many times, each once the system has taken the last; ends early with the connection. */
async function send({ socket }: RawPeer, octets: Buffer, times: number): Promise<void> {
  const over = once(socket, 'close').catch(() => {});
  for (let i = 0; i < times && socket.writable; i += 1) {
    const taken = new Promise<void>((resolve) => {
      socket.write(octets, () => resolve());
    });
    await Promise.race([taken, over]);
  }
}

test.each([1, 64, 1_000, 30_000])(
  'unread TSDUs of %i octets keep no more memory than readHighWaterMark and one chunk',
  async (length) => {
    const readHighWaterMark = 4 * MEBIBYTE;
    const server = await HoldingServer.start({ readHighWaterMark });
    const peers = await server.peers(4);
    const before = await server.measure();
    for (const peer of peers) {
      void send(peer, chunkOf(dt('aa'.repeat(length))), 1_000);
    }
    const after = await server.until(({ paused }) => paused === peers.length);
    const most = peers.length * (readHighWaterMark + 2 * CHUNK);
    expect(after.memory - before.memory).toBeLessThan(1.1 * most + NOISE);
    // And not much less: a mark that is met too early costs speed.
    expect(after.memory - before.memory).toBeGreaterThan(0.5 * most);
  },
);

test('small pieces of large chunks keep little more memory than twice their octets', async () => {
  const server = await HoldingServer.start({});
  const peers = await server.peers(20);
  const before = await server.measure();
  // A piece that is just long enough for a view, in a chunk that otherwise carries nothing.
  const piece = dt('aa'.repeat(512), false);
  const chunk = Buffer.concat([piece, chunkOf(tpkt('02 f0 00'), CHUNK - piece.length)]);
  const chunks = 27;
  await Promise.all(peers.map((peer) => send(peer, chunk, chunks)));
  const sent = peers.length * chunks * chunk.length;
  const after = await server.until(({ read }) => read - before.read === sent);
  expect(after.open).toBe(peers.length);
  const perPeer = 2 * chunks * 512 + 2 * CHUNK + CHUNK;
  expect(after.memory - before.memory).toBeLessThan(peers.length * perPeer + NOISE);
});

const LIMIT = 16 * MEBIBYTE;
const COUNT = 64;
const MOST_AT_LIMIT = LIMIT + COUNT * (FLOOR + CHUNK);

test('unread TSDUs of many connections keep no more than maxReceiveBuffer, a floor and a chunk for each', async () => {
  const server = await HoldingServer.start({ maxReceiveBuffer: LIMIT });
  const peers = await server.peers(COUNT);
  const before = await server.measure();
  for (const peer of peers) {
    void send(peer, chunkOf(dt('aa'.repeat(4_000))), 1_000);
  }
  const after = await server.until(({ paused }) => paused === COUNT);
  expect(after.memory - before.memory).toBeLessThan(1.1 * MOST_AT_LIMIT + NOISE);
  expect(after.open).toBe(COUNT);
});

test('unfinished TSDUs of many connections keep no more than maxReceiveBuffer, a floor and a chunk for each', async () => {
  const server = await HoldingServer.start({ maxReceiveBuffer: LIMIT });
  const peers = await server.peers(COUNT);
  const before = await server.measure();
  await Promise.all(peers.map((peer) => send(peer, dt('aa'.repeat(32 * KIBIBYTE), false), 48)));
  const after = await server.until(({ open: left }) => left < COUNT);
  expect(after.memory - before.memory).toBeLessThan(1.1 * MOST_AT_LIMIT + NOISE);
});

test('a paused socket reads no more than a chunk ahead, however small the packets of the peer are', async () => {
  const ends = await open(
    { role: 'server', service: 'cotp', tls: false },
    { readHighWaterMark: 1 },
  );
  const { connection, raw } = ends;
  raw.send(dt('00'));
  await until(() => connection.socket.isPaused());
  let chunks = 0;
  connection.socket.on('data', () => {
    chunks += 1;
  });
  connection.socket.pause();
  const tsdus = 500;
  for (let i = 0; i < tsdus; i += 1) {
    raw.send(dt('01'));
    // Two turns: one to send it, one to receive it.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  for (let i = 0; i <= tsdus; i += 1) {
    await connection.read();
  }
  expect(chunks).toBeLessThan(tsdus / 10);
});
