/**
 * Keeps a number of clients busy for some time, then ends all of them.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Server } from 'cotp';
import { live } from './clients.js';
import { openRelays } from './relays.js';
import { IDLE_TIMEOUT, openServers } from './server.js';
import type { Tally } from './tally.js';

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly intervalSeconds: number;
  readonly tally: Tally;
  /** Number of the first client, so that a phase does not repeat the clients of another. */
  readonly firstStream: number;
  /** Called at each interval with the connections that the servers count. */
  readonly onInterval: (connections: number) => void;
}

/**
 * Runs the load. `left` is the number of connections that the servers still count after every client has
 * ended.
 */
export async function run(load: Load): Promise<{ readonly left: number; readonly lives: number }> {
  const { connections, seconds, intervalSeconds, tally, onInterval } = load;
  const targets = await openServers(connections, tally);
  const relays = await openRelays(targets, connections, tally);
  const servers = [...relays, ...targets];
  const over = new AbortController();
  // Every client listens to this signal: no warning about a leak.
  setMaxListeners(0, over.signal);
  let stream = load.firstStream;
  const slot = async (index: number) => {
    // The clients do not start all at once: the backlog of a listening socket is limited.
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

/**
 * The event loop is blocked for longer than the handshakeTimeout of the servers, at these intervals. In
 * milliseconds.
 */
const BLOCKED = 3_500;
const BLOCK_EVERY = 15_000;
const FIRST_BLOCK = 2_000;

/**
 * Blocks the event loop now and then. A correct client that has sent in time must not get an error because of
 * that.
 */
async function blockNowAndThen(over: AbortSignal): Promise<void> {
  for (let pause = FIRST_BLOCK; !over.aborted; pause = BLOCK_EVERY) {
    await wait(pause, undefined, { signal: over }).catch(() => {});
    const until = performance.now() + BLOCKED;
    while (!over.aborted && performance.now() < until) {
      // Computes, like a busy application.
    }
  }
}

function count(servers: readonly Server[]): number {
  return servers.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
}

/** Waits until the timers of the servers have ended the connections of silent peers. */
async function settled(servers: readonly Server[]): Promise<number> {
  const deadline = performance.now() + 2 * IDLE_TIMEOUT;
  while (count(servers) > 0 && performance.now() < deadline) {
    await wait(50);
  }
  return count(servers);
}
