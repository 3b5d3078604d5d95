/**
 * From raw to ours in steps: adds the duties of the library to bare sockets one at a time, each in its
 * shortest form. The last step shows the cost of the duties themselves; the difference to ours is the
 * overhead of this library. `performance` and `process` are imported, as in the library, because each use
 * of the global goes through a getter of Node.
 */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { CASES, type Case, type OtherCase } from './cases.js';
import { type Contestant, openMany } from './contestant.js';
import { echo, type MessageSocket, openFraming, openLeast, roundTrips } from './least.js';
import { CC, CR, framed, onWire, payloads } from './messages.js';
import { negotiated, openOurs } from './ours.js';
import { median } from './rate.js';
import { openRaw } from './raw.js';
import { closeSocket, HOST, listening, openSocket } from './sockets.js';
import { inTurns, type Plan, ratios } from './turns.js';

/** The result of one step. */
export interface StepCost {
  readonly case: string;
  /** The duty that this step adds to those before it. */
  readonly step: string;
  readonly perSecond: number;
  /** Ratio to raw: the median of all turns. */
  readonly ratio: number;
}

/** The duties of round trips, in the order in which they are added. */
const MESSAGE_DUTIES = [
  ['promises', 'a promise of each message, a view of it'],
  ['copies', 'a header written, the payload copied behind it'],
  ['checks', 'the received header is read and checked'],
  ['batches', 'writes are sent in one batch at the end of the turn'],
  ['times', 'the clock is read for each chunk, a deadline compared'],
] as const;

/** The duties of connections. */
const CONNECTION_DUTIES = [
  ['exchanges', 'a prepared CR and CC'],
  ['names', 'both ends read their addresses'],
  ['keepsAlive', 'both ends use keep-alive'],
  ['times', 'a timer at each end'],
] as const;

type MessageDuty = (typeof MESSAGE_DUTIES)[number][0];
type ConnectionDuty = (typeof CONNECTION_DUTIES)[number][0];

/** The case of each sequence of steps. */
const STEPPED: readonly (readonly [OtherCase, string])[] = [
  ['steps-rt-64', 'rt-64-2048'],
  ['steps-rt-64K', 'rt-64K-2048'],
  ['steps-many-64', 'many-64'],
  ['steps-connect', 'connect'],
];

export async function stepCosts(
  steps: OtherCase,
  plan: Plan,
  form: (benchCase: Case) => Case,
): Promise<StepCost[]> {
  const name = new Map(STEPPED).get(steps);
  const benchCase = CASES.find((candidate) => candidate.name === name);
  assert(benchCase !== undefined);
  return costsOf(form(benchCase), plan);
}

async function costsOf(benchCase: Case, plan: Plan): Promise<StepCost[]> {
  const tpduSize = await negotiated(benchCase.maxTpduSize);
  const steps: readonly Step[] = [
    { step: 'raw', open: () => openRaw(benchCase, tpduSize) },
    ...stepsOf(benchCase, tpduSize),
    { step: 'ours', open: () => openOurs(benchCase, tpduSize) },
  ];
  const rates = await inTurns(
    steps.map(({ open }) => open),
    benchCase,
    plan,
  );
  const raw = rates[0] ?? [];
  return steps.map(({ step }, i) => ({
    case: benchCase.name,
    step,
    perSecond: median(rates[i] ?? []),
    ratio: median(ratios(rates[i] ?? [], raw)),
  }));
}

function stepsOf(benchCase: Case, tpduSize: number): readonly Step[] {
  if (benchCase.kind === 'connect') {
    return connectionSteps();
  }
  return benchCase.size < tpduSize ? messageSteps(benchCase) : largeSteps(benchCase, tpduSize);
}

/** Steps for messages in many DTs: they are joined by their known length, without parsing headers. */
function largeSteps(benchCase: Case, tpduSize: number): readonly Step[] {
  return [
    {
      step: 'a promise of each message, joined',
      open: () => openLeast(benchCase, tpduSize),
    },
    {
      step: 'headers written, the payload copied behind them',
      open: () => openFraming(benchCase, tpduSize),
    },
  ];
}

interface Step {
  readonly step: string;
  readonly open: () => Promise<Contestant>;
}

/** Contestants with the first duty, the first two duties, and so on. */
function eachMore<Duty>(
  duties: readonly (readonly [Duty, string])[],
  open: (duties: ReadonlySet<Duty>) => Promise<Contestant>,
): readonly Step[] {
  return duties.map(([, step], index) => {
    const taken = new Set(duties.slice(0, index + 1).map(([duty]) => duty));
    return { step, open: () => open(taken) };
  });
}

/** Steps for messages so small that each arrives in one chunk. */
function messageSteps({ size, connections }: Case): readonly Step[] {
  const messages = payloads(size);
  const frames = onWire(messages, size + HEADERS);
  return eachMore<MessageDuty>(MESSAGE_DUTIES, async (duties) => {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      void echo(new StepConnection(socket, duties), messages, frames);
    });
    const port = await listening(server);
    const open = async () => new StepConnection(await openSocket(port), duties);
    const clients = await openMany(connections, open);
    return {
      async run(count) {
        const each = count / connections;
        await Promise.all(clients.map((client) => roundTrips(client, messages, frames, each)));
      },
      async close() {
        await Promise.all(clients.map(({ socket }) => closeSocket(socket)));
        await new Promise((resolve) => server.close(resolve));
      },
    };
  });
}

/** TPKT header, and the header of a DT with EOT. */
const HEADERS = 7;
const VERSION = 3;
const DT = [2, 0xf0, 0x80] as const;

/** Complete messages, one at a time, none of which is longer than a chunk. */
class StepConnection implements MessageSocket {
  readonly socket: Socket;
  readonly #copies: boolean;
  readonly #checks: boolean;
  readonly #batches: boolean;
  readonly #times: boolean;
  #resolve: ((message: Buffer) => void) | undefined;
  #waiting: Buffer | undefined;
  #lastActivity = 0;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(socket: Socket, duties: ReadonlySet<MessageDuty>) {
    this.socket = socket;
    this.#copies = duties.has('copies');
    this.#checks = duties.has('checks');
    this.#batches = duties.has('batches');
    this.#times = duties.has('times');
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
  }

  read(): Promise<Buffer> {
    return new Promise(this.#awaitMessage);
  }

  write(message: Buffer, frame: Buffer): void {
    const octets = this.#copies ? framed(message, message.length + HEADERS) : frame;
    if (this.#batches) {
      this.#waiting = octets;
      process.nextTick(this.#onTurnEnd);
    } else {
      this.socket.write(octets);
    }
  }

  readonly #onTurnEnd = (): void => {
    const octets = this.#waiting;
    this.#waiting = undefined;
    if (octets !== undefined) {
      this.socket.write(octets);
    }
  };

  readonly #awaitMessage = (resolve: (message: Buffer) => void): void => {
    this.#resolve = resolve;
  };

  #onData(chunk: Buffer): void {
    if (this.#times) {
      this.#lastActivity = Math.floor(performance.now());
      assert(this.#lastActivity < this.#deadline);
    }
    if (this.#checks) {
      check(chunk);
    }
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(chunk.subarray(HEADERS));
  }
}

function check(chunk: Buffer): void {
  const length = ((chunk[2] ?? 0) << 8) | (chunk[3] ?? 0);
  const isDt = chunk[4] === DT[0] && chunk[5] === DT[1] && chunk[6] === DT[2];
  if (chunk[0] !== VERSION || length !== chunk.length || !isDt) {
    assert.fail('a whole DT in one chunk was expected');
  }
}

/** Long enough that no timer expires. */
const NO_TIME = 5_000;
const KEEP_ALIVE_DELAY = 10_000;

function connectionSteps(): readonly Step[] {
  return eachMore<ConnectionDuty>(CONNECTION_DUTIES, async (duties) => {
    const takeOver = (socket: Socket) => {
      if (duties.has('names')) {
        const { localAddress, localPort, remoteAddress, remotePort } = socket;
        assert(localAddress === HOST && localPort && remoteAddress === HOST && remotePort);
      }
      if (duties.has('keepsAlive')) {
        socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
      }
      if (duties.has('times')) {
        const timer = setTimeout(() => socket.destroy(), NO_TIME);
        socket.once('close', () => clearTimeout(timer));
      }
    };
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      takeOver(socket);
      socket.once('data', () => socket.write(CC));
    });
    const port = await listening(server);
    return {
      async run(count) {
        for (let i = 0; i < count; i += 1) {
          const socket = await openSocket(port);
          takeOver(socket);
          socket.write(CR);
          await new Promise((resolve) => socket.once('data', resolve));
          await closeSocket(socket);
        }
      },
      async close() {
        await new Promise((resolve) => server.close(resolve));
      },
    };
  });
}

export function stepLines(costs: readonly StepCost[]): string[] {
  return costs.flatMap(({ case: name, step, perSecond, ratio }) => [
    ...(step === 'raw' ? [`${name}, from raw to ours by added duties:`] : []),
    `  ${Math.round(perSecond).toLocaleString('en').padStart(8)}/s  ${ratio.toFixed(2)}  ${step}`,
  ]);
}
