/**
 * Keeps a number of clients busy for a while, then lets all of it come to an end.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Server } from 'cotp';
import { live } from './clients.js';
import { IDLE_TIMEOUT, openServers } from './server.js';
import type { Tally } from './tally.js';

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly intervalSeconds: number;
  readonly tally: Tally;
  /** The first stream number: phases do not repeat each other. */
  readonly firstStream: number;
  /** Called at each interval with the connections that the servers count. */
  readonly onInterval: (connections: number) => void;
}

/** What a load leaves behind once every client has ended: connections that the servers still count. */
export async function run(load: Load): Promise<{ readonly left: number; readonly lives: number }> {
  const { connections, seconds, intervalSeconds, tally, onInterval } = load;
  const servers = await openServers(connections, tally);
  const over = new AbortController();
  // Every client listens to it, which is no leak.
  setMaxListeners(0, over.signal);
  let stream = load.firstStream;
  const slot = async (index: number) => {
    // Not all at once: a listening socket has a backlog.
    await wait(index % 1_000);
    while (!over.signal.aborted) {
      stream += 1;
      const port = servers[stream % servers.length]?.addresses[0]?.port ?? 0;
      await live({ port, stream, tally, over: over.signal });
    }
  };
  const blocking = blockNowAndThen(over.signal);
  const slots = Array.from({ length: connections }, (_, i) => slot(i));
  for (let left = seconds; left > 0; left -= intervalSeconds) {
    await wait(Math.min(left, intervalSeconds) * 1_000);
    onInterval(count(servers));
  }
  over.abort();
  await Promise.all([...slots, blocking]);
  const left = await settled(servers);
  await Promise.all(servers.map((server) => server.asyncClose()));
  return { left, lives: stream - load.firstStream };
}

/** The application keeps the loop for longer than the servers' handshakeTimeout, every so many milliseconds. */
const BLOCKED = 3_500;
const BLOCK_EVERY = 15_000;
const FIRST_BLOCK = 2_000;

/** Nobody who had sent in time may be ended for it: clients that keep to the rules must meet no error. */
async function blockNowAndThen(over: AbortSignal): Promise<void> {
  for (let pause = FIRST_BLOCK; !over.aborted; pause = BLOCK_EVERY) {
    await wait(pause, undefined, { signal: over }).catch(() => {});
    const until = performance.now() + BLOCKED;
    while (!over.aborted && performance.now() < until) {
      // As an application that computes.
    }
  }
}

function count(servers: readonly Server[]): number {
  return servers.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
}

/** Peers that are gone without a word are let go by the timers of the server, no later. */
async function settled(servers: readonly Server[]): Promise<number> {
  const deadline = performance.now() + 2 * IDLE_TIMEOUT;
  while (count(servers) > 0 && performance.now() < deadline) {
    await wait(50);
  }
  return count(servers);
}
