/**
 * The whole connection beside a model of it: commands in random order on both ends and on the
 * network between them. `COTP_MODEL_RUNS` sets the number of runs.
 */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, CotpError, connect, listen, type Server } from '../../src/index.js';
import { RelayedStream } from '../support/relay.js';
import { pattern } from '../support/splits.js';

const RUNS = Number(process.env.COTP_MODEL_RUNS ?? 150);

/** What the model knows: what has been asked for, and what follows from it. */
interface EndModel {
  /** `end`, `close` or `asyncClose` was called: writes are refused. */
  saysNoMore: boolean;
  /** It closed or was destroyed by its own user: what still arrives need not be read. */
  closes: boolean;
  /** It has dropped what was queued, by a disruptive disconnect. */
  drops: boolean;
}

interface Model {
  /** Of the connection, and whether it has expedited data. */
  readonly tpClass: 0 | 2;
  readonly expedited: boolean;
  readonly client: EndModel;
  readonly server: EndModel;
  /** TCP was reset by either end or by the network: anything on the way may be lost. */
  isReset: boolean;
}

type Side = 'client' | 'server';

const other = (side: Side): Side => (side === 'client' ? 'server' : 'client');

/** One end and everything that came of it. */
class End {
  readonly connection: Connection;
  readonly sent: Uint8Array[] = [];
  readonly received: Buffer[] = [];
  /** Expedited data with how many TSDUs were written before it, and what came of it with how many were read. */
  readonly sentExpedited: { readonly data: Uint8Array; readonly before: number }[] = [];
  readonly receivedExpedited: { readonly data: Buffer; readonly read: number }[] = [];
  readonly rejections: unknown[] = [];
  /** Promises handed out, and those of them that have settled. */
  readonly promises: Promise<void>[] = [];
  settled = 0;
  /** How often each moment of its life came. */
  readonly moments = { closing: 0, closed: 0, aborted: 0 };

  constructor(connection: Connection) {
    this.connection = connection;
    void connection.waitClosing().then(() => {
      this.moments.closing += 1;
    });
    void connection.waitClosed().then(() => {
      this.moments.closed += 1;
    });
    connection.signal.addEventListener('abort', () => {
      this.moments.aborted += 1;
    });
  }

  /** Keeps a promise in view until it settles. */
  watch<T>(promise: Promise<T>, onValue: (value: T) => void = () => {}): Promise<void> {
    const watched = promise.then(onValue, (error: unknown) => {
      this.rejections.push(error);
    });
    this.promises.push(
      watched.then(() => {
        this.settled += 1;
      }),
    );
    return watched;
  }

  /** Expedited data has come. */
  took(data: Buffer): void {
    this.receivedExpedited.push({ data, read: this.received.length });
  }

  read(): Promise<void> {
    return this.watch(this.connection.read(), (tsdu) => {
      this.received.push(tsdu);
    });
  }

  /** Reads until there is nothing more to come. */
  async readAll(): Promise<void> {
    for (let failures = this.rejections.length; this.rejections.length === failures; ) {
      await this.read();
    }
  }
}

/** Both ends, and the network between them. */
class World {
  readonly relay: RelayedStream;
  readonly client: End;
  readonly server: End;

  constructor(relay: RelayedStream, client: Connection, server: Connection) {
    this.relay = relay;
    this.client = new End(client);
    this.server = new End(server);
  }
}

type Command = fc.AsyncCommand<Model, World>;

/** A command that is always possible, with its name for the report. */
function command(name: string, run: (model: Model, world: World) => unknown): Command {
  return {
    check: () => true,
    run: async (model, world) => {
      await run(model, world);
    },
    toString: () => name,
  };
}

const sides = fc.constantFrom<Side>('client', 'server');
const lanes = fc.constantFrom<'up' | 'down'>('up', 'down');
const sizes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 10_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 300_000 }) },
);

const write = fc.tuple(sides, sizes).map(([side, size]) =>
  command(`${side} writes ${size}`, (model, world) => {
    const { connection, sent } = world[side];
    const tsdu = pattern(size, sent.length);
    try {
      connection.write(tsdu);
      sent.push(tsdu);
      expect(model[side].saysNoMore).toBe(false);
    } catch (error) {
      expect(error).toBeInstanceOf(CotpError);
      expect((error as CotpError).code).toBe('ERR_COTP_CLOSED');
      // Only the end of one side or of TCP is a reason.
      expect(model[side].saysNoMore || model[other(side)].saysNoMore || model.isReset).toBe(true);
    }
  }),
);

const writeExpedited = fc.tuple(sides, fc.integer({ min: 1, max: 16 })).map(([side, size]) =>
  command(`${side} writes ${size} expedited`, (model, world) => {
    const { connection, sent, sentExpedited } = world[side];
    const data = pattern(size, sentExpedited.length);
    try {
      connection.writeExpedited(data);
      sentExpedited.push({ data, before: sent.length });
      expect(model.expedited && !model[side].saysNoMore).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(CotpError);
      const isOver = model[side].saysNoMore || model[other(side)].saysNoMore || model.isReset;
      const { code } = error as CotpError;
      expect(
        code === 'ERR_COTP_NO_EXPEDITED' ? !model.expedited : code === 'ERR_COTP_CLOSED' && isOver,
      ).toBe(true);
    }
  }),
);

const disconnect = fc.tuple(sides, fc.boolean()).map(([side, disruptive]) =>
  command(`${side} disconnects${disruptive ? ', disruptively' : ''}`, (model, world) => {
    model[side].saysNoMore = true;
    model[side].closes = true;
    model[side].drops ||= disruptive;
    const { connection } = world[side];
    void world[side].watch(connection.disconnect({ disruptive }), (end) => {
      expect(end).toBe(connection.disconnection);
    });
    expect(connection.isClosing).toBe(true);
  }),
);

const read = sides.map((side) => command(`${side} reads`, (_, world) => void world[side].read()));

const drain = sides.map((side) =>
  command(`${side} drains`, (_, world) => {
    const end = world[side];
    void end.watch(end.connection.drain());
  }),
);

const end = sides.map((side) =>
  command(`${side} ends`, (model, world) => {
    const { connection } = world[side];
    if (model.tpClass === 2) {
      expect(() => connection.end()).toThrow(
        expect.objectContaining({ code: 'ERR_COTP_NO_HALF_CLOSE' }),
      );
    } else {
      model[side].saysNoMore = true;
      connection.end();
    }
  }),
);

const close = fc.tuple(sides, fc.boolean()).map(([side, isAsync]) =>
  command(`${side} closes${isAsync ? ', waiting' : ''}`, (model, world) => {
    model[side].saysNoMore = true;
    model[side].closes = true;
    const { connection } = world[side];
    if (isAsync) {
      void world[side].watch(connection.asyncClose());
    } else {
      connection.close();
    }
    expect(connection.isClosing).toBe(true);
  }),
);

const destroy = sides.map((side) =>
  command(`${side} is destroyed`, (model, world) => {
    model[side].saysNoMore = true;
    model[side].closes = true;
    model.isReset = true;
    world[side].connection.destroy();
  }),
);

const network = [
  fc.tuple(lanes, fc.integer({ min: 1, max: 3_000 })).map(([lane, size]) =>
    command(`${lane}: chunks of ${size}`, (_, { relay }) => {
      relay[lane].chunk = size;
    }),
  ),
  fc.tuple(lanes, fc.nat(3)).map(([lane, turns]) =>
    command(`${lane}: late by ${turns} turns`, (_, { relay }) => {
      relay[lane].delay = turns;
    }),
  ),
  lanes.map((lane) => command(`${lane} stands still`, (_, { relay }) => relay[lane].pause())),
  lanes.map((lane) => command(`${lane} goes on`, (_, { relay }) => relay[lane].resume())),
  fc.integer({ min: 1, max: 5 }).map((turns) =>
    command(`${turns} turns pass`, async () => {
      for (let i = 0; i < turns; i += 1) {
        await nextTurn();
      }
    }),
  ),
];

const reset = fc.constant(
  command('the network resets', (model, { relay }) => {
    model.isReset = true;
    relay.reset();
  }),
);

/** Common things often, ends seldom: a connection that ends at once shows little. */
const commands = fc.commands(
  [
    ...[write, write, write, write, write, read, read, read, drain],
    ...[writeExpedited, writeExpedited],
    ...network,
    ...network,
    ...[end, close],
    fc.oneof({ weight: 2, arbitrary: writeExpedited }, { weight: 1, arbitrary: disconnect }),
    fc.oneof({ weight: 3, arbitrary: read }, { weight: 1, arbitrary: destroy }),
    fc.oneof({ weight: 5, arbitrary: write }, { weight: 1, arbitrary: reset }),
  ],
  { maxCommands: 60 },
);

const marks = fc.record({
  maxTpduSize: fc.constantFrom(128, 512, 2_048, 65_531),
  readHighWaterMark: fc.constantFrom(1, 1_000, 1_048_576),
  writeHighWaterMark: fc.constantFrom(1, 5_000, 1_048_576),
});

/** What both sides offer and take; `expeditedAck` means something in class 2 only. */
const classes = fc.record({
  tpClass: fc.constantFrom<0 | 2>(0, 2, 2),
  expedited: fc.boolean(),
  expeditedAck: fc.boolean(),
});

type Classes = typeof classes extends fc.Arbitrary<infer T> ? T : never;

type Marks = typeof marks extends fc.Arbitrary<infer T> ? T : never;

/** Nothing here is to run into a timer. */
const NO_HURRY = { closeTimeout: 60_000, reassemblyTimeout: 60_000, writeTimeout: 60_000 };

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', onUnhandled);
});

afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
});

async function open(
  options: Marks,
  serverOptions: Marks,
  { tpClass, expedited, expeditedAck }: Classes,
): Promise<{ world: World; server: Server }> {
  let accepted: (connection: Connection) => void = () => {};
  const incoming = new Promise<Connection>((resolve) => {
    accepted = resolve;
  });
  const ends = new Map<Connection, End>();
  const onExpedited = (data: Buffer, connection: Connection) => ends.get(connection)?.took(data);
  const common = { ...NO_HURRY, tpClass, expedited, onExpedited };
  const server = await listen(
    accepted,
    { host: '127.0.0.1', port: 0 },
    { ...common, ...serverOptions },
  );
  const { port = 0 } = server.addresses[0] ?? {};
  const relay = await RelayedStream.connect(port);
  const client = await connect(
    { host: '127.0.0.1', port },
    {
      ...common,
      ...options,
      socket: relay,
      expeditedAck: expedited && expeditedAck && tpClass === 2,
    },
  );
  const world = new World(relay, client, await incoming);
  for (const one of [world.client, world.server]) {
    ends.set(one.connection, one);
  }
  return { world, server };
}

/** Lets everything come to its end: the network behaves, both ends say no more and read the rest. */
async function finish(model: Model, world: World): Promise<void> {
  world.relay.behave();
  const both = [world.client, world.server];
  if (model.tpClass === 0) {
    for (const { connection } of both) {
      connection.end();
    }
  }
  const reading = both.map((it) => it.readAll());
  if (model.tpClass === 2 && !model.isReset && !model.client.closes && !model.server.closes) {
    // The end of class 2 is one for both directions, so everything must have come before it.
    await until(() => hasAll(world.client, world.server) && hasAll(world.server, world.client));
    world.client.connection.close();
  }
  await Promise.all(reading);
  await Promise.all(both.map(({ connection }) => connection.waitClosed()));
  await Promise.all(both.flatMap(({ promises }) => promises));
  judge(model, world);
}

/** One end has received everything that the other one has written. */
function hasAll(one: End, from: End): boolean {
  return (
    one.received.length === from.sent.length &&
    one.receivedExpedited.length === from.sentExpedited.length
  );
}

/** What must hold of every life, whatever happened in it. */
function judge(model: Model, world: World): void {
  for (const side of ['client', 'server'] as const) {
    const { received, promises, settled, rejections, moments, connection } = world[side];
    const { sent } = world[other(side)];
    received.forEach((tsdu, i) => {
      expect(tsdu.equals(sent[i] ?? new Uint8Array(0)), `${side}: TSDU ${i}`).toBe(true);
    });
    if (isUndisturbed(model, side)) {
      expect(received.length, `${side} has read everything`).toBe(sent.length);
    }
    judgeExpedited(model, world, side);
    if (model.tpClass === 2 && !model.isReset && model[side].closes && !model[other(side)].closes) {
      expect(connection.disconnection, `${side} is confirmed`).toMatchObject({ confirmed: true });
    }
    expect(settled).toBe(promises.length);
    expect(moments).toEqual({ closing: 1, closed: 1, aborted: 1 });
    expect(connection.isClosed).toBe(true);
    for (const error of rejections) {
      expect(error).toBeInstanceOf(CotpError);
    }
  }
}

/** Nothing may be lost on the way to this side. */
function isUndisturbed(model: Model, side: Side): boolean {
  return !model.isReset && !model[side].closes && !model[other(side)].drops;
}

/** Expedited data comes in order, as it was written, and behind no TSDU that was written after it. */
function judgeExpedited(model: Model, world: World, side: Side): void {
  const { receivedExpedited } = world[side];
  const { sentExpedited } = world[other(side)];
  receivedExpedited.forEach(({ data, read }, i) => {
    const { data: expected = new Uint8Array(0), before = -1 } = sentExpedited[i] ?? {};
    expect(data.equals(expected), `${side}: expedited data ${i}`).toBe(true);
    expect(read, `${side}: TSDUs read before expedited data ${i}`).toBeLessThanOrEqual(before);
  });
  if (isUndisturbed(model, side)) {
    expect(receivedExpedited.length, `${side} got all expedited data`).toBe(sentExpedited.length);
  }
}

/** Fails when it takes so long that it never comes. */
async function inTime(work: Promise<void>): Promise<void> {
  const abort = new AbortController();
  const late = wait(8_000, 'late', { signal: abort.signal }).catch(() => 'in time');
  const outcome = await Promise.race([work, late]);
  abort.abort();
  expect(outcome, 'both ends come to their end').toBeUndefined();
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !condition(); tries += 1) {
    await wait(2);
  }
  expect(condition()).toBe(true);
}

/** Open sockets and servers of this process. */
function handles(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCP|Pipe|TLS)/.test(kind));
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

describe('a connection', () => {
  it(
    'keeps every promise whatever its ends and the network do',
    async () => {
      const atStart = handles();
      const timersAtStart = timers();
      await fc.assert(
        fc.asyncProperty(commands, marks, marks, classes, async (all, options, ofServer, of) => {
          const { world, server } = await open(options, ofServer, of);
          const model: Model = {
            tpClass: of.tpClass,
            expedited: of.expedited,
            client: { saysNoMore: false, closes: false, drops: false },
            server: { saysNoMore: false, closes: false, drops: false },
            isReset: false,
          };
          try {
            await fc.asyncModelRun(() => ({ model, real: world }), all);
            await inTime(finish(model, world));
            await until(() => server.connectionCount === 0);
          } finally {
            world.client.connection.destroy();
            world.server.connection.destroy();
            world.relay.destroy();
            await server.asyncClose();
          }
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: RUNS * 1_000 },
      );
      await until(() => handles().length === atStart.length);
      await until(() => timers() <= timersAtStart);
      await nextTurn();
      expect(unhandled).toEqual([]);
    },
    RUNS * 2_000,
  );
});
