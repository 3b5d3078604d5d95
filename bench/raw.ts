/**
 * Bare `node:net` sockets that send the same octets: framed once beforehand, one `write` per message,
 * counted on arrival. It knows the length of the messages, so it is a baseline and not a protocol.
 */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import type { Case } from './cases.js';
import { type Contestant, type Open, openMany } from './contestant.js';
import { type Messages, messageAt, onWire, payloads } from './messages.js';
import { closeSocket, listening, openSocket } from './sockets.js';

export const openRaw: Open = async (benchCase, tpduSize): Promise<Contestant> => {
  const { kind, size, connections } = benchCase;
  const messages = onWire(payloads(size), tpduSize);
  const accepted = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    accepted.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => accepted.delete(socket));
    if (kind === 'connect') {
      socket.resume();
    } else if (kind !== 'one way') {
      echo(socket, messages);
    }
  });
  const port = await listening(server);
  const open = () => openSocket(port);
  const clients = await openMany(connections, open);
  while (accepted.size < connections) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    run: (count) => run(benchCase, { messages, clients, accepted: [...accepted], open }, count),
    async close() {
      await Promise.all(clients.map(closeSocket));
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

interface Ends {
  readonly messages: Messages;
  readonly clients: readonly Socket[];
  readonly accepted: readonly Socket[];
  readonly open: () => Promise<Socket>;
}

async function run({ kind }: Case, ends: Ends, count: number): Promise<void> {
  const { messages, clients, accepted, open } = ends;
  if (kind === 'connect') {
    for (let i = 0; i < count; i += 1) {
      await closeSocket(await open());
    }
  } else if (kind === 'one way') {
    const [from] = clients;
    const [to] = accepted;
    assert(from !== undefined && to !== undefined);
    await Promise.all([receive(to, messages, count), send(from, messages, count)]);
  } else {
    const each = count / clients.length;
    await Promise.all(clients.map((client) => roundTrips(client, messages, each)));
  }
}

/** Echoes each complete message. Its octets are known, so they are not kept. */
function echo(socket: Socket, { first, middle, last }: Messages): void {
  const size = middle.length;
  let have = 0;
  // The octet after the headers identifies the message, so that the answer is the same message.
  let answer = middle;
  socket.on('data', (chunk: Buffer) => {
    const at = 7 - have;
    if (at >= 0 && at < chunk.length) {
      answer = chunk[at] === first[7] ? first : chunk[at] === last[7] ? last : middle;
    }
    have += chunk.length;
    if (have >= size) {
      have -= size;
      socket.write(answer);
    }
  });
}

/** Compares received octets with those that were sent: all of the first and the last message. */
class Arrival {
  readonly #messages: Messages;
  readonly #size: number;
  readonly #count: number;
  #position = 0;

  constructor(messages: Messages, count: number) {
    this.#messages = messages;
    this.#size = messages.middle.length;
    this.#count = count;
  }

  /** Number of complete messages that have arrived. */
  get whole(): number {
    return Math.floor(this.#position / this.#size);
  }

  take(chunk: Buffer): void {
    const { first, last } = this.#messages;
    this.#compare(chunk, first, 0);
    this.#compare(chunk, last, (this.#count - 1) * this.#size);
    this.#position += chunk.length;
  }

  #compare(chunk: Buffer, expected: Buffer, at: number): void {
    const start = Math.max(at, this.#position);
    const end = Math.min(at + this.#size, this.#position + chunk.length);
    if (start < end && this.#count > 1) {
      const order = chunk.compare(
        expected,
        start - at,
        end - at,
        start - this.#position,
        end - this.#position,
      );
      assert.equal(order, 0, 'the octets were changed in transit');
    }
  }
}

function roundTrips(socket: Socket, messages: Messages, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const arrival = new Arrival(messages, count);
    let sent = 0;
    const next = () => {
      socket.write(messageAt(messages, sent, count));
      sent += 1;
    };
    const onData = (chunk: Buffer) => {
      try {
        arrival.take(chunk);
      } catch (error) {
        reject(error);
      }
      if (arrival.whole === count) {
        socket.off('data', onData);
        resolve();
      } else if (arrival.whole === sent) {
        next();
      }
    };
    socket.on('data', onData);
    next();
  });
}

async function send(socket: Socket, messages: Messages, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    if (!socket.write(messageAt(messages, i, count))) {
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve);
      });
    }
  }
}

function receive(socket: Socket, messages: Messages, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const arrival = new Arrival(messages, count);
    const onData = (chunk: Buffer) => {
      try {
        arrival.take(chunk);
      } catch (error) {
        reject(error);
      }
      if (arrival.whole === count) {
        socket.off('data', onData);
        resolve();
      }
    };
    socket.on('data', onData);
  });
}
