/**
 * A server with 5,000 connections: the last one that comes costs what the first ones did. They are
 * opened once; each test looks at one thing of it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, connect, listen, type Server } from '../../src/index.js';
import { memoryHeld, processorTime } from '../support/growth.js';
import { countVisits } from '../support/visits.js';
import { until } from '../support/wire.js';

const TOTAL = 5_000;
const STEP = 500;
/** Connections that are opened at the same time. */
const LANES = 50;
/** Both ends are in this process; what Node and the runner have open comes on top. */
const FILES = 2 * TOTAL + 500;
const MESSAGE = Buffer.alloc(64, 'm');

/** What the opening of so many connections, each with a round trip, came to. */
interface Step {
  /** Microseconds. */
  readonly time: number;
  /** Items gone through in collections as large as the server. */
  readonly visits: number;
  readonly timers: number;
  /** Octets that the process holds afterwards. */
  readonly held: number;
}

const steps: Step[] = [];
const clients: Connection[] = [];
const answers: Buffer[] = [];
const errors: unknown[] = [];
let server: Server | undefined;
let heldBefore = 0;

/** Fails where the system does not let this process have as many sockets, and says so. */
function requireFiles(): void {
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | string } };
  };
  const limit = Number(report.userLimits?.open_files?.soft ?? Number.POSITIVE_INFINITY);
  if (limit < FILES) {
    throw new Error(
      `${TOTAL} connections with both ends in one process take ${FILES} open files, ` +
        `the limit is ${limit}: raise it, for instance by "ulimit -n ${FILES}"`,
    );
  }
}

async function inLanes(count: number, act: () => Promise<void>): Promise<void> {
  const lane = async () => {
    for (let i = 0; i < count / LANES; i += 1) {
      await act();
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function openOne(): Promise<void> {
  const client = await connect(server?.addresses[0] as { host: string; port: number });
  clients.push(client);
  client.write(MESSAGE);
  answers.push(await client.read());
}

/** How often a timer is made while something runs. */
async function countTimers(act: () => Promise<unknown>): Promise<number> {
  const before = globalThis.setTimeout;
  let timers = 0;
  globalThis.setTimeout = new Proxy(before, {
    apply: (target, self, args) => {
      timers += 1;
      return Reflect.apply(target, self, args);
    },
  });
  try {
    await act();
    return timers;
  } finally {
    globalThis.setTimeout = before;
  }
}

async function openStep(): Promise<Step> {
  let time = 0;
  let visits = 0;
  const timers = await countTimers(async () => {
    ({ result: time, visits } = await countVisits(() =>
      processorTime(() => inLanes(STEP, openOne)),
    ));
  });
  return { time, visits, timers, held: await memoryHeld() };
}

describe('the count of visits', () => {
  const items = Array.from({ length: 300 }, (_, i) => i);
  const set = new Set(items);

  it.each<[string, () => unknown]>([
    ['a spread', () => [...set]],
    ['a loop over its values', () => Math.max(...set.values())],
    ['forEach', () => set.forEach(() => {})],
    ['filter', () => items.filter((item) => item > 1)],
    ['indexOf', () => items.indexOf(299)],
  ])('sees %s', async (_name, act) => {
    expect((await countVisits(async () => act())).visits).toBeGreaterThanOrEqual(300);
  });
});

describe('5,000 connections in one server', () => {
  beforeAll(async () => {
    requireFiles();
    const echo = async (connection: Connection) => {
      for await (const message of connection) {
        connection.write(message);
      }
    };
    const options = { maxConnections: TOTAL, onError: (error: Error) => errors.push(error) };
    server = await listen(echo, { host: '127.0.0.1', port: 0 }, options);
    heldBefore = await memoryHeld();
    while (clients.length < TOTAL) {
      steps.push(await openStep());
    }
  }, 60_000);

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.asyncClose()));
    await server?.asyncClose();
  }, 60_000);

  it('are open at the same time', () => {
    expect([server?.connectionCount, errors]).toEqual([TOTAL, []]);
  });

  it('have each done a round trip', () => {
    expect(answers.filter((answer) => answer.equals(MESSAGE))).toHaveLength(TOTAL);
  });

  it('take no more time each than the first ones', () => {
    const least = (some: readonly Step[]) => Math.min(...some.map(({ time }) => time));
    expect(least(steps.slice(-4)) / least(steps.slice(0, 4))).toBeLessThan(3);
  });

  it('are opened without a look at those that are open', () => {
    // Fewer than one item a connection: somebody else in this process may have had a list in hand.
    expect(Math.max(...steps.map(({ visits }) => visits))).toBeLessThan(STEP);
  });

  it('make as many timers each as the first ones', () => {
    const [first, last] = [steps[0]?.timers ?? 0, steps.at(-1)?.timers ?? 0];
    expect(last).toBeLessThanOrEqual(first);
  });

  it('hold as much memory each as the first ones', () => {
    const half = steps[steps.length / 2 - 1]?.held ?? 0;
    const first = half - heldBefore;
    const second = (steps.at(-1)?.held ?? 0) - half;
    expect(second / first).toBeLessThan(1.5);
  });

  it('are closed without a look at those that are open', async () => {
    const { visits } = await countVisits(async () => {
      for (let i = 0; i < TOTAL; i += 1) {
        clients[i]?.close();
      }
      await until(() => server?.connectionCount === 0, 15_000);
    });
    expect(visits).toBeLessThan(TOTAL);
  });

  it('leave nothing behind', async () => {
    await Promise.all(clients.splice(0).map((client) => client.asyncClose()));
    answers.length = 0;
    // What the first connections of a process make for good is far less than one step of them holds.
    expect((await memoryHeld()) - heldBefore).toBeLessThan(
      ((steps[0]?.held ?? 0) - heldBefore) / 2,
    );
  });
});
