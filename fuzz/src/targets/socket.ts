/**
 * A listening server over real TCP: peers that send any octets, and good clients between them.
 */
import { connect as connectTcp, type Socket } from 'node:net';
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

const CR = Buffer.from('0300001611e00000002e00c1020100c2020300c0010a', 'hex');

/** What the peer sends first, and how it leaves. */
const SCENARIOS = [
  'without a CR, FIN',
  'after a CR, FIN',
  'after a CR, reset',
  'without a CR, reset',
];

export function socketTarget(): Target {
  const world = new World();
  return {
    name: 'socket',
    takes: 'stream',
    scenarios: SCENARIOS,
    concurrency: PEERS,
    open: () => world.open(),
    close: () => world.close(),
    run: (scenario, chunks) => world.peer(scenario, chunks),
  };
}

/** A server that echoes, and everything that must not happen to it. */
class World {
  #server: Server | undefined;
  #peers = 0;
  #uncaught: unknown;

  async open(): Promise<void> {
    process.on('unhandledRejection', this.#onUncaught);
    process.on('uncaughtException', this.#onUncaught);
    this.#server = await listen(
      echo,
      { host: HOST, port: 0 },
      {
        closeTimeout: 1_000,
        handshakeTimeout: 2_000,
        reassemblyTimeout: 2_000,
        maxTsduSize: 100_000,
        maxConnections: 4 * PEERS,
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
    const [first, leaving] = scenario.split(', ');
    const peer = new Peer(this.#port);
    try {
      await peer.connected();
      if (first === 'after a CR') {
        await peer.send(CR);
      }
      for (const chunk of chunks) {
        await peer.send(chunk);
      }
      peer.leave(leaving === 'reset');
      await peer.gone();
      const sent = CR.length + join(...chunks).length;
      must(peer.received <= 2 * sent + 1_000, () => `${peer.received} octets came for ${sent}`);
    } finally {
      peer.destroy();
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

/** A bare TCP client. */
class Peer {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  received = 0;

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

  leave(byReset: boolean): void {
    if (byReset) {
      this.#socket.resetAndDestroy();
    } else {
      this.#socket.end();
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
