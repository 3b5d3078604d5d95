/**
 * A listening server over real TCP: peers that send any octets, and good clients between them.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, connect, listen, type Server } from 'cotp';
import { join } from '../octets.js';
import { must, type Target } from '../target.js';

const HOST = '127.0.0.1';

/** Peers at the same time. */
const PEERS = 16;

/** One good client for so many peers. */
const GOOD_CLIENT_EVERY = 200;

/** A peer that is not let go by then was forgotten. */
const PATIENCE = 5_000;

/** What the application of the server does, by the selector that is called: `fuzz` and the octet of its place. */
const APPLICATIONS = {
  echo,
  unread: () => {},
  closing: closeWhenFull,
  blocking,
} as const;
type Application = keyof typeof APPLICATIONS;
const NAMES = Object.keys(APPLICATIONS) as Application[];

/** Longer than any of the corpus, so that no mutated CR calls another application than that which echoes. */
function selectorOf(application: Application): string {
  return `66757a7a${NAMES.indexOf(application).toString(16).padStart(2, '0')}`;
}

function crFor(application: Application): Buffer {
  return Buffer.from(`0300001914e00000002e00c1020100c205${selectorOf(application)}c0010a`, 'hex');
}

function called({ localTsel }: Connection['info']): Application {
  const hex = localTsel instanceof Uint8Array ? Buffer.from(localTsel).toString('hex') : '';
  return NAMES.find((name) => selectorOf(name) === hex) ?? 'echo';
}

/** What the peer sends first, whom it calls, and how it leaves. */
interface Scenario {
  readonly calls: Application | undefined;
  readonly leaves: 'FIN' | 'reset' | 'FIN, then reset';
}

/** Whoever reads nothing keeps a peer that has only sent FIN, so that it may still be answered. */
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
};

export function socketTarget(): Target {
  const world = new World();
  return {
    name: 'socket',
    takes: 'stream',
    scenarios: Object.keys(SCENARIOS),
    concurrency: PEERS,
    open: () => world.open(),
    close: () => world.close(),
    run: (scenario, chunks) => world.peer(scenario, chunks),
  };
}

/** A server that echoes, and everything that must not happen to it. */
class World {
  #server: Server | undefined;
  /** Of peers that are there, by their port. */
  readonly #connections = new Map<number, Connection>();
  #peers = 0;
  #uncaught: unknown;

  async open(): Promise<void> {
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
        // Little, so that queues are full.
        readHighWaterMark: 2_048,
      },
    );
  }

  async close(): Promise<void> {
    await this.#server?.asyncClose();
    process.off('unhandledRejection', this.#onUncaught);
    process.off('uncaughtException', this.#onUncaught);
  }

  /** One peer with its octets, from TCP to the end of TCP. */
  async peer(scenario: string, chunks: readonly Uint8Array[]): Promise<void> {
    this.#peers += 1;
    const { calls, leaves } = SCENARIOS[scenario] ?? { calls: undefined, leaves: 'FIN' };
    const peer = new Peer(this.#port);
    let cr: Buffer = Buffer.alloc(0);
    try {
      await peer.connected();
      if (calls !== undefined) {
        cr = crFor(calls);
        await peer.send(cr);
      }
      for (const chunk of chunks) {
        await peer.send(chunk);
      }
      await peer.leave(leaves);
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

  /** The server has let go of that peer too, and not only the peer of the server. */
  async #released(port: number): Promise<void> {
    const connection = this.#connections.get(port);
    if (connection !== undefined) {
      await within(PATIENCE, connection.waitClosed(), 'a connection of a peer that is gone stays');
    }
  }

  get #port(): number {
    return this.#server?.addresses[0]?.port ?? 0;
  }

  /** A client that does nothing wrong is served whatever the others do. */
  async #goodClient(): Promise<void> {
    const client = await connect({ host: HOST, port: this.#port }, { timeout: PATIENCE });
    try {
      const tsdu = Buffer.alloc(5_000, 'served');
      client.write(tsdu);
      const answer = await within(PATIENCE, client.read(), 'a good client is not answered');
      must(answer.equals(tsdu), 'a good client is answered with other octets');
    } finally {
      await within(PATIENCE, client.asyncClose(), 'a good client cannot close');
    }
  }

  readonly #onUncaught = (error: unknown): void => {
    this.#uncaught ??= error ?? new Error('something was thrown that is nothing');
  };
}

async function echo(connection: Connection): Promise<void> {
  try {
    for await (const tsdu of connection) {
      if (!connection.write(tsdu)) {
        await connection.drain();
      }
    }
  } catch {
    // What ends a connection of a bad peer is no concern of the application.
  }
}

/** Most connections of a fuzzer send little: whoever is not full by then is closed as well. */
const FULL_BY = 30;

/** Ways to close, one for each connection in turn. */
const CLOSINGS: readonly ((connection: Connection) => void)[] = [
  (connection) => connection.close(),
  (connection) => connection.destroy(),
  (connection) => {
    connection.end();
    connection.close();
  },
  (connection) => {
    connection
      .toDuplex()
      .on('error', () => {})
      .destroy();
  },
];

async function closeWhenFull(connection: Connection): Promise<void> {
  const latest = performance.now() + FULL_BY;
  while (!connection.socket.isPaused() && performance.now() < latest) {
    await wait(1);
  }
  CLOSINGS[connection.info.remoteAddr.port % CLOSINGS.length]?.(connection);
}

/** One connection of so many blocks the loop, for so long: all others are served later, and none is lost. */
const BLOCKING_EVERY = 64;
const BLOCKED = 60;

async function blocking(connection: Connection): Promise<void> {
  if (connection.info.remoteAddr.port % BLOCKING_EVERY === 0) {
    const until = performance.now() + BLOCKED;
    while (performance.now() < until) {
      // As an application that computes.
    }
  }
  await echo(connection);
}

/** A bare TCP client. */
class Peer {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  received = 0;
  /** Our own, once TCP is connected. */
  port = 0;

  constructor(port: number) {
    this.#socket = connectTcp({ host: HOST, port, noDelay: true });
    this.#socket.on('data', (chunk) => {
      this.received += chunk.length;
    });
    // A server may reset; that it lets go is what matters.
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

  /** Each in a packet of its own, as far as TCP lets one say so. */
  send(octets: Uint8Array): Promise<void> {
    if (this.#socket.writable) {
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
    // A socket of Node whose FIN is on its way never closes by a reset.
    if (this.#socket.writableEnded === this.#socket.writableFinished) {
      this.#socket.resetAndDestroy();
    } else {
      this.#socket.destroy();
    }
  }

  gone(): Promise<void> {
    return within(PATIENCE, this.#closed, 'the server does not let go of a peer that has ended');
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
