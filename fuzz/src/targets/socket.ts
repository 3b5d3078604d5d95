/**
 * Target `socket`: a listening server over TCP, with peers that send any octets and correct clients in
 * between.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
// Not from 'cotp': the package has a copy of the module of references in it.
import { type Connection, connect, listen, type Server } from '../../../dist/index.js';
import { References } from '../../../dist/node/references.js';
import { closeInTurn, echo } from '../../../tools/applications.mjs';
import { OURS } from '../class2-streams.js';
import { join } from '../octets.js';
import { must, type Target } from '../target.js';

const HOST = '127.0.0.1';

/** Number of peers at the same time. */
const PEERS = 16;

/** There is one correct client for this many peers. */
const GOOD_CLIENT_EVERY = 200;

/** A peer whose connection is not closed within this time, in milliseconds, is a finding. */
const PATIENCE = 5_000;

/** The applications of the server. The called selector chooses one: `fuzz` and one octet with its index. */
const APPLICATIONS = {
  echo: (connection: Connection) => echo(connection),
  unread: () => {},
  closing: closeWhenFull,
  blocking,
} as const;
type Application = keyof typeof APPLICATIONS;
const NAMES = Object.keys(APPLICATIONS) as Application[];

/**
 * The selector of an application. It is longer than any selector of the corpus, so a mutated CR always calls
 * `echo`.
 */
function selectorOf(application: Application): string {
  return `66757a7a${NAMES.indexOf(application).toString(16).padStart(2, '0')}`;
}

function crFor({ calls, tpClass }: Scenario): Buffer {
  if (calls === undefined) {
    return Buffer.alloc(0);
  }
  const called = `c205${selectorOf(calls)}`;
  return tpClass === 2
    ? Buffer.from(
        `0300001b16e000000077 21 ${called} c0010a c60121 c70100`.replaceAll(' ', ''),
        'hex',
      )
    : Buffer.from(`0300001914e00000002e00c1020100${called}c0010a`, 'hex');
}

function called({ localTsel }: Connection['info']): Application {
  const hex = localTsel instanceof Uint8Array ? Buffer.from(localTsel).toString('hex') : '';
  return NAMES.find((name) => selectorOf(name) === hex) ?? 'echo';
}

/** Whether the peer sends a CR first, which application it calls, and how it ends TCP. */
interface Scenario {
  readonly calls: Application | undefined;
  readonly leaves: 'FIN' | 'reset' | 'FIN, then reset';
  /** The class that it prefers, in which the TPDUs of the input name the reference of the server. Default 0. */
  readonly tpClass?: 0 | 2;
}

/**
 * There is no scenario of FIN without a reader: such a server keeps the connection open, because it may still
 * answer.
 */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'without a CR, FIN': { calls: undefined, leaves: 'FIN' },
  'after a CR, FIN': { calls: 'echo', leaves: 'FIN' },
  'after a CR, reset': { calls: 'echo', leaves: 'reset' },
  'without a CR, reset': { calls: undefined, leaves: 'reset' },
  'after a CR, FIN, then reset': { calls: 'echo', leaves: 'FIN, then reset' },
  'nobody reads, reset': { calls: 'unread', leaves: 'reset' },
  'nobody reads, FIN, then reset': { calls: 'unread', leaves: 'FIN, then reset' },
  'closed while full, FIN': { calls: 'closing', leaves: 'FIN' },
  'closed while full, reset': { calls: 'closing', leaves: 'reset' },
  'the loop is blocked, FIN': { calls: 'blocking', leaves: 'FIN' },
  'class 2, FIN': { calls: 'echo', leaves: 'FIN', tpClass: 2 },
  'class 2, reset': { calls: 'echo', leaves: 'reset', tpClass: 2 },
  'class 2, nobody reads, reset': { calls: 'unread', leaves: 'reset', tpClass: 2 },
  'class 2, closed while full, FIN': { calls: 'closing', leaves: 'FIN', tpClass: 2 },
};

export function socketTarget(): Target {
  const world = new World();
  return {
    name: 'socket',
    takes: 'either stream',
    scenarios: Object.keys(SCENARIOS),
    concurrency: PEERS,
    open: () => world.open(),
    close: () => world.close(),
    run: (scenario, chunks) => world.peer(scenario, chunks),
  };
}

/** The server, its connections, and the checks on it. */
class World {
  #server: Server | undefined;
  /** The connections of the present peers, by the port of the peer. */
  readonly #connections = new Map<number, Connection>();
  #peers = 0;
  #references = 0;
  #uncaught: unknown;

  async open(): Promise<void> {
    this.#references = referenceCount();
    process.on('unhandledRejection', this.#onUncaught);
    process.on('uncaughtException', this.#onUncaught);
    this.#server = await listen(
      (connection) => {
        this.#connections.set(connection.info.remoteAddr.port, connection);
        return APPLICATIONS[called(connection.info)](connection);
      },
      { host: HOST, port: 0 },
      {
        closeTimeout: 1_000,
        handshakeTimeout: 2_000,
        reassemblyTimeout: 2_000,
        maxTsduSize: 100_000,
        maxConnections: 4 * PEERS,
        // Low, so that queues become full.
        readHighWaterMark: 2_048,
        tpClass: '2,0',
        expedited: true,
        onExpedited: echoExpedited,
      },
    );
  }

  async close(): Promise<void> {
    await this.#server?.asyncClose();
    // The last sockets report their end a little later.
    await wait(50);
    const left = referenceCount() - this.#references;
    must(left === 0, () => `${left} references are in use after everything was closed`);
    process.off('unhandledRejection', this.#onUncaught);
    process.off('uncaughtException', this.#onUncaught);
  }

  /** Runs one peer with its octets, from the start to the end of TCP. */
  async peer(scenario: string, chunks: readonly Uint8Array[]): Promise<void> {
    this.#peers += 1;
    const plan: Scenario = SCENARIOS[scenario] ?? { calls: undefined, leaves: 'FIN' };
    const peer = new Peer(this.#port);
    const cr = crFor(plan);
    try {
      await peer.connected();
      await peer.send(cr);
      const addressed = plan.tpClass === 2 ? withReference(chunks, await peer.confirmed()) : chunks;
      for (const chunk of addressed) {
        await peer.send(chunk);
      }
      await peer.leave(plan.leaves);
      await peer.gone();
      await this.#released(peer.port);
      const sent = cr.length + join(...chunks).length;
      must(peer.received <= 2 * sent + 1_000, () => `${peer.received} octets came for ${sent}`);
    } finally {
      peer.destroy();
      this.#connections.delete(peer.port);
    }
    const { connectionCount = 0 } = this.#server ?? {};
    must(connectionCount <= 4 * PEERS, () => `the server counts ${connectionCount} connections`);
    if (this.#peers % GOOD_CLIENT_EVERY === 0) {
      await this.#goodClient();
    }
    if (this.#uncaught !== undefined) {
      const error = this.#uncaught;
      this.#uncaught = undefined;
      throw error;
    }
  }

  /** Checks that the server has closed its connection too. */
  async #released(port: number): Promise<void> {
    const connection = this.#connections.get(port);
    if (connection !== undefined) {
      await within(
        PATIENCE,
        connection.waitClosed(),
        'the server keeps a connection whose peer has ended',
      );
    }
  }

  get #port(): number {
    return this.#server?.addresses[0]?.port ?? 0;
  }

  /** A correct client must be served, whatever the others do. */
  async #goodClient(): Promise<void> {
    const tpClass = this.#peers % (2 * GOOD_CLIENT_EVERY) === 0 ? '2,0' : 0;
    const client = await connect(
      { host: HOST, port: this.#port },
      { timeout: PATIENCE, tpClass, expedited: true, expeditedAck: tpClass === '2,0' },
    );
    try {
      const tsdu = Buffer.alloc(5_000, 'served');
      client.write(tsdu);
      const answer = await within(PATIENCE, client.read(), 'a correct client is not answered');
      must(answer.equals(tsdu), 'a correct client is answered with other octets');
      client.writeExpedited(EXPEDITED);
      const data = await within(PATIENCE, client.readExpedited(), 'no expedited data comes back');
      must(data.equals(EXPEDITED), 'other expedited data comes back');
    } finally {
      const end = await within(PATIENCE, client.disconnect(), 'a correct client cannot close');
      must(
        end.confirmed && end.unsent === 0,
        () => `a correct client ended so: ${JSON.stringify(end)}`,
      );
    }
  }

  readonly #onUncaught = (error: unknown): void => {
    this.#uncaught ??= error ?? new Error('undefined was thrown');
  };
}

const EXPEDITED = Buffer.from('at once');

function echoExpedited(data: Buffer, connection: Connection): void {
  try {
    connection.writeExpedited(data);
  } catch {
    // The connection closes, or its queue is full.
  }
}

/** The input with the reference that the server has chosen, cut where it was. */
function withReference(chunks: readonly Uint8Array[], reference: number): readonly Uint8Array[] {
  const stream = join(...chunks);
  for (let at = 0; at + 1 < stream.length; at += 1) {
    if (stream[at] === OURS >> 8 && stream[at + 1] === (OURS & 0xff)) {
      stream[at] = reference >> 8;
      stream[at + 1] = reference & 0xff;
    }
  }
  let end = 0;
  return chunks.map(({ length }) => {
    end += length;
    return stream.subarray(end - length, end);
  });
}

/** Every reference is taken from one pool; this remembers the pools. */
const pools = new Set<References>();
const { take } = References.prototype;
References.prototype.take = function (this: References, random: number) {
  pools.add(this);
  return take.call(this, random);
};

function referenceCount(): number {
  return [...pools].reduce((sum, { size }) => sum + size, 0);
}

/**
 * Most peers send few octets: a connection that is not full within this time, in milliseconds, is closed too.
 */
const FULL_BY = 30;

async function closeWhenFull(connection: Connection): Promise<void> {
  const latest = performance.now() + FULL_BY;
  while (!connection.socket.isPaused() && performance.now() < latest) {
    await wait(1);
  }
  closeInTurn(connection, connection.info.remoteAddr.port);
}

/**
 * One connection in `BLOCKING_EVERY` blocks the event loop for `BLOCKED` milliseconds. No other connection
 * may fail because of that.
 */
const BLOCKING_EVERY = 64;
const BLOCKED = 60;

async function blocking(connection: Connection): Promise<void> {
  if (connection.info.remoteAddr.port % BLOCKING_EVERY === 0) {
    const until = performance.now() + BLOCKED;
    while (performance.now() < until) {
      // Computes, like a busy application.
    }
  }
  await echo(connection);
}

/** Octets of a CC with its TPKT header, up to its SRC-REF. */
const CC_START = 10;

/** A bare TCP client. */
class Peer {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  received = 0;
  /** The first octets that came, until there is a whole CC. */
  #start = Buffer.alloc(0);
  #onStart: () => void = () => {};
  /** The local port, once TCP is connected. */
  port = 0;

  constructor(port: number) {
    this.#socket = connectTcp({ host: HOST, port, noDelay: true });
    this.#socket.on('data', (chunk) => {
      this.received += chunk.length;
      if (this.#start.length < CC_START) {
        this.#start = Buffer.concat([this.#start, chunk]);
        this.#onStart();
      }
    });
    // The server may reset TCP. Only the end of TCP is checked.
    this.#socket.on('error', () => {});
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    this.#socket.once('connect', () => {
      this.port = this.#socket.localPort ?? 0;
    });
  }

  connected(): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#socket.once('connect', () => resolve());
    });
    return within(PATIENCE, Promise.race([connected, this.#closed]), 'TCP is not accepted');
  }

  /** The reference of the server, once its CC has come; 0 if it sends none. */
  async confirmed(): Promise<number> {
    const start = new Promise<void>((resolve) => {
      this.#onStart = resolve;
      if (this.#start.length >= CC_START) {
        resolve();
      }
    });
    await within(PATIENCE, Promise.race([start, this.#closed]), 'a CR is not answered');
    return this.#start.length >= CC_START ? this.#start.readUInt16BE(CC_START - 2) : 0;
  }

  /** Sends octets, as far as possible in a TCP segment of their own. */
  send(octets: Uint8Array): Promise<void> {
    if (this.#socket.writable && octets.length > 0) {
      this.#socket.write(octets);
    }
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  async leave(how: Scenario['leaves']): Promise<void> {
    if (how !== 'reset') {
      this.#socket.end();
    }
    if (how === 'FIN, then reset') {
      await wait(2);
    }
    if (how === 'FIN') {
      return;
    }
    // A Node socket that has not finished sending its FIN would never close after a reset.
    if (this.#socket.writableEnded === this.#socket.writableFinished) {
      this.#socket.resetAndDestroy();
    } else {
      this.#socket.destroy();
    }
  }

  gone(): Promise<void> {
    return within(PATIENCE, this.#closed, 'the server does not close TCP after its peer has ended');
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

async function within<T>(ms: number, promise: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), late]);
    must(first !== undefined, otherwise);
    return first.value;
  } finally {
    clearTimeout(timer);
  }
}
