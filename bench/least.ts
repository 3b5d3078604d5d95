/**
 * The smallest implementation of whole messages with promises: bare sockets with `read()` and `write()`.
 * It knows the length of each message, has no limits, timers or checks, and sends messages framed
 * beforehand. It shows the cost that no library with this API can avoid: promises, a view of each message,
 * and one join of a message that arrived in several chunks, in place in its first chunk if it fits.
 */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import type { Case } from './cases.js';
import { type Contestant, type Open, openMany } from './contestant.js';
import { CC, CR, check, framed, type Messages, messageAt, onWire, payloads } from './messages.js';
import { closeSocket, listening, openSocket } from './sockets.js';

/** TPKT header and the header of a DT. */
const HEADERS = 7;
const TPKT_HEADER = 4;

/** Size of a cache line in octets. */
const SHIFT = 64;

/** A message as it is sent, and as it must arrive. */
interface Form {
  readonly size: number;
  readonly wireSize: number;
  readonly tpduSize: number;
  /** The octets to send for a message: prepared beforehand, or framed now. */
  frame(message: Buffer, prepared: Buffer): Buffer;
}

/** Reads and writes whole messages; `prepared` is the message with its headers, made beforehand. */
export interface MessageSocket {
  read(): Promise<Buffer>;
  write(message: Buffer, prepared: Buffer): unknown;
}

/** Reads and writes messages of one known length. */
class LeastConnection implements MessageSocket {
  readonly socket: Socket;
  readonly #form: Form;
  /** Octets of a message that is not complete. */
  #pieces: Buffer[] = [];
  /** The chunk in which the message began, and the offset from which the chunk is unused. */
  #home: Buffer | undefined;
  #free = 0;
  #missing: number;
  #arrived: Buffer[] = [];
  #taken = 0;
  #resolve: ((message: Buffer) => void) | undefined;

  constructor(socket: Socket, form: Form) {
    this.socket = socket;
    this.#form = form;
    this.#missing = form.wireSize;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
  }

  read(): Promise<Buffer> {
    const message = this.#arrived[this.#taken];
    if (message === undefined) {
      return new Promise(this.#wait);
    }
    this.#taken += 1;
    if (this.#taken === this.#arrived.length) {
      this.#arrived = [];
      this.#taken = 0;
    }
    return Promise.resolve(message);
  }

  write(message: Buffer, prepared: Buffer): boolean {
    return this.socket.write(this.#form.frame(message, prepared));
  }

  readonly #wait = (resolve: (message: Buffer) => void): void => {
    this.#resolve = resolve;
  };

  #onData(chunk: Buffer): void {
    let free = 0;
    for (let offset = 0; offset < chunk.length; ) {
      const end = Math.min(offset + this.#missing, chunk.length);
      this.#missing -= end - offset;
      if (this.#pieces.length === 0) {
        this.#home = chunk;
        this.#free = free;
      }
      if (this.#missing > 0) {
        this.#pieces.push(chunk.subarray(offset, end));
      } else if (this.#pieces.length === 0 && this.#form.wireSize === HEADERS + this.#form.size) {
        free = end;
        this.#deliver(chunk.subarray(offset + HEADERS, end));
      } else {
        this.#pieces.push(chunk.subarray(offset, end));
        const message = this.#join();
        free = this.#home === chunk ? this.#free + message.length : free;
        this.#deliver(message);
      }
      offset = end;
    }
  }

  /** Joins the user data of all pieces without headers, copying each octet once. */
  #join(): Buffer {
    const { size } = this.#form;
    // Join in the first chunk, over octets that are no longer needed, if the message fits. Otherwise join in
    // new memory at a different offset within its page. docs/performance-notes.md has the cost of each.
    const message =
      this.#home !== undefined && this.#home.length - this.#free >= size
        ? this.#home.subarray(this.#free, this.#free + size)
        : Buffer.allocUnsafeSlow(SHIFT + size).subarray(SHIFT);
    const step = TPKT_HEADER + this.#form.tpduSize;
    let at = 0;
    let filled = 0;
    for (const piece of this.#pieces) {
      for (let start = 0; start < piece.length; ) {
        const within = at % step;
        const end = Math.min(start + (within < HEADERS ? HEADERS : step) - within, piece.length);
        if (within >= HEADERS) {
          message.set(piece.subarray(start, end), filled);
          filled += end - start;
        }
        at += end - start;
        start = end;
      }
    }
    this.#pieces = [];
    return message;
  }

  #deliver(message: Buffer): void {
    this.#missing = this.#form.wireSize;
    const resolve = this.#resolve;
    if (resolve === undefined) {
      this.#arrived.push(message);
    } else {
      this.#resolve = undefined;
      resolve(message);
    }
  }
}

export const openLeast: Open = (benchCase, tpduSize) =>
  openThat(benchCase, tpduSize, (_message, prepared) => prepared);

/** `least` that frames each message when it sends it: headers, then a copy of the octets. */
export const openFraming: Open = (benchCase, tpduSize) =>
  openThat(benchCase, tpduSize, (message) => framed(message, tpduSize));

async function openThat(
  benchCase: Case,
  tpduSize: number,
  frame: Form['frame'],
): Promise<Contestant> {
  const { kind, size, connections } = benchCase;
  const messages = payloads(size);
  const frames = onWire(messages, tpduSize);
  const form = { size, wireSize: frames.middle.length, tpduSize, frame };
  const accepted: LeastConnection[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    if (kind === 'connect') {
      socket.once('data', () => socket.write(CC));
      return;
    }
    const connection = new LeastConnection(socket, form);
    accepted.push(connection);
    if (kind !== 'one way') {
      void echo(connection, messages, frames);
    }
  });
  const port = await listening(server);
  const open = async () => new LeastConnection(await openSocket(port), form);
  const clients = await openMany(connections, open);
  while (accepted.length < connections) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ends: Ends = { messages, frames, clients, accepted, port };
  return {
    run: (count) => run(benchCase, ends, count),
    async close() {
      await Promise.all(clients.map(({ socket }) => closeSocket(socket)));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Ends {
  readonly messages: Messages;
  readonly frames: Messages;
  readonly clients: readonly LeastConnection[];
  readonly accepted: readonly LeastConnection[];
  readonly port: number;
}

async function run({ kind }: Case, ends: Ends, count: number): Promise<void> {
  const { messages, frames, clients, accepted, port } = ends;
  if (kind === 'connect') {
    for (let i = 0; i < count; i += 1) {
      await exchange(port);
    }
  } else if (kind === 'one way') {
    const [from] = clients;
    const [to] = accepted;
    assert(from !== undefined && to !== undefined);
    await Promise.all([receive(to, ends, count), send(from, ends, count)]);
  } else {
    const each = count / clients.length;
    await Promise.all(clients.map((client) => roundTrips(client, messages, frames, each)));
  }
}

/** TCP, a CR, its CC, and the end of TCP. */
async function exchange(port: number): Promise<void> {
  const socket = await openSocket(port);
  socket.write(CR);
  await new Promise((resolve) => socket.once('data', resolve));
  await closeSocket(socket);
}

/** Identifies the message by the first octet in which the three messages differ. */
export async function echo(
  connection: MessageSocket,
  messages: Messages,
  frames: Messages,
): Promise<never> {
  const { first, last } = messages;
  for (;;) {
    const message = await connection.read();
    const [mark] = message;
    const frame = mark === first[0] ? frames.first : mark === last[0] ? frames.last : frames.middle;
    connection.write(message, frame);
  }
}

export async function roundTrips(
  client: MessageSocket,
  messages: Messages,
  frames: Messages,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    client.write(messageAt(messages, i, count), messageAt(frames, i, count));
    check(messages, i, count, await client.read());
  }
}

async function send(connection: LeastConnection, { messages, frames }: Ends, count: number) {
  for (let i = 0; i < count; i += 1) {
    if (!connection.write(messageAt(messages, i, count), messageAt(frames, i, count))) {
      await new Promise<void>((resolve) => {
        connection.socket.once('drain', resolve);
      });
    }
  }
}

async function receive(connection: LeastConnection, { messages }: Ends, count: number) {
  for (let i = 0; i < count; i += 1) {
    check(messages, i, count, await connection.read());
  }
}
