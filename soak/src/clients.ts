/**
 * The clients. Most are correct; the others behave like faulty peers of deployed servers. Each runs from
 * before TCP to after its end.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, connect } from 'cotp';
import { Sequence } from './messages.js';
import { connectDataOf, HOST } from './server.js';
import type { Tally } from './tally.js';

/** One run of one client. */
export interface Life {
  readonly port: number;
  /** Number of the client, from which its octets are derived. */
  readonly stream: number;
  readonly tally: Tally;
  /** Aborted when the test is over: the client must end soon, in its own way. */
  readonly over: AbortSignal;
}

type Client = (life: Life) => Promise<void>;

/** The kinds of clients, each with the upper end of its range in percent. */
const KINDS: readonly (readonly [number, string, Client])[] = [
  [56, 'orderly', (life) => exchange(life, (connection) => connection.asyncClose())],
  [66, 'half-closing', (life) => exchange(life, halfClose)],
  [74, 'slow to read', slow],
  [82, 'resetting', (life) => exchange(life, reset, 3)],
  [85, 'closed while full', closedWhileFull],
  [88, 'reset behind FIN', resetBehindFin],
  [92, 'garbage', garbage],
  [96, 'silent before a CR', (life) => silence(life, undefined)],
  [100, 'silent after a CR', (life) => silence(life, CR)],
];

/** The CR of a client without the library. */
const CR = Buffer.from('0300001611e00000002e00c1020100c2020300c0010a', 'hex');
const GARBAGE: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  Buffer.from('16030100a5010000a10303', 'hex'),
  Buffer.from('0300ffff02f080', 'hex'),
  Buffer.from('03000006', 'hex'),
  Buffer.concat([CR, Buffer.from('0300000702f1ff', 'hex')]),
  Buffer.concat([CR, Buffer.from('0300000704700000', 'hex')]),
  Buffer.concat([CR, Buffer.alloc(70_000, 0x5a)]),
];

/** The same CR. Its connect data asks the server not to read. */
const CR_UNREAD = Buffer.from(
  `0300001b16e00000002e00c1020100c2020300c0010a${'00'.repeat(4)}01`,
  'hex',
);
const DT = Buffer.from('0300000b02f08073646c66', 'hex');

/** Runs one client. Its number determines its kind. */
export async function live(life: Life): Promise<void> {
  const percent = (Math.imul(life.stream, 0x9e3779b1) >>> 0) % 100;
  const [, kind, client] = KINDS.find(([below]) => percent < below) ?? [];
  if (kind === undefined || client === undefined) {
    return;
  }
  life.tally.begin(kind);
  try {
    await client(life);
  } catch (error) {
    life.tally.fault(`client ${life.stream}, ${kind}: ${String(error)}`);
  }
}

/** Most TSDUs of a client that are not echoed yet, and most that it sends in total. */
const WINDOW = 4;
const MOST_TSDUS = 40;

/** Sends TSDUs and checks every octet of the echo; then ends by `leave`. */
async function exchange(
  life: Life,
  leave: (connection: Connection, rest: Sequence) => Promise<void>,
  unanswered = 0,
): Promise<void> {
  const { stream, tally, over } = life;
  const connection = await open(life);
  const sent = new Sequence(stream);
  const expected = new Sequence(stream);
  const count = 1 + (stream % MOST_TSDUS);
  let owed = 0;
  for (let i = 0; i < count && !over.aborted; i += 1) {
    if (!connection.write(sent.next())) {
      await connection.drain();
    }
    owed += 1;
    if (owed === WINDOW) {
      await readOne(connection, expected, tally);
      owed -= 1;
      await pause(life);
    }
  }
  for (; owed > unanswered; owed -= 1) {
    await readOne(connection, expected, tally);
  }
  await leave(connection, expected);
}

function open({ port, stream, over }: Life, isRead = true): Promise<Connection> {
  const connectData = connectDataOf(stream, isRead);
  return connect(
    { host: HOST, port },
    { connectData, maxTpduSize: 65_531, timeout: 30_000, name: over.aborted ? 'late' : 'soak' },
  );
}

async function readOne(connection: Connection, expected: Sequence, tally: Tally): Promise<void> {
  const tsdu = await connection.read();
  if (!tsdu.equals(expected.next())) {
    tally.fault(`a client received a TSDU of ${tsdu.length} octets with wrong content`);
  }
  tally.arrived(tsdu.length);
}

/** A pause whose length depends on the number of the client. */
async function pause({ stream, over }: Life): Promise<void> {
  await sleep(stream % 600, over);
}

async function sleep(ms: number, over: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal: over }).catch(() => {});
}

/** Sends FIN; the server ends the connection when it has echoed everything. */
async function halfClose(connection: Connection): Promise<void> {
  connection.end();
  await connection.waitClosed();
}

async function reset(connection: Connection): Promise<void> {
  connection.destroy();
  await connection.waitClosed();
}

/** Writes without reading until backpressure stops it, pauses, then reads everything. */
async function slow(life: Life): Promise<void> {
  const { stream, tally, over } = life;
  const connection = await open(life);
  const sent = new Sequence(stream);
  const expected = new Sequence(stream);
  let owed = 0;
  while (owed < MOST_TSDUS && connection.write(sent.next())) {
    owed += 1;
  }
  await sleep(500 + (stream % 1_500), over);
  for (; owed > 0; owed -= 1) {
    await readOne(connection, expected, tally);
  }
  await connection.asyncClose();
}

/** Longer than the closeTimeout of the server, with time for a busy or blocked machine, in milliseconds. */
const LATEST = 15_000;

/**
 * Writes to a server that does not read and then closes, in one of several ways. The connection must end in
 * time.
 */
async function closedWhileFull(life: Life): Promise<void> {
  const { stream, tally } = life;
  const connection = await open(life, false);
  const sent = new Sequence(stream);
  const flood = async () => {
    while (connection.isOpen) {
      if (!connection.write(sent.next())) {
        await connection.drain();
      }
      // Lets the event loop run, so that the end of the connection is noticed.
      await wait(0);
    }
  };
  const flooding = flood().catch(() => {});
  const late = new AbortController();
  const closed = Promise.race([
    connection.waitClosed(),
    wait(LATEST, 'late', { signal: late.signal }).catch(() => {}),
  ]);
  if ((await closed) === 'late') {
    tally.fault(`client ${stream}: a server that closed while its queue was full did not end`);
    connection.destroy();
  }
  late.abort();
  await flooding;
}

/** Sends TSDUs, FIN and then a reset to a server that does not read. The server must release the connection. */
async function resetBehindFin({ port, stream, over }: Life): Promise<void> {
  const socket = await bare(port);
  socket.write(CR_UNREAD);
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
  });
  socket.end(Buffer.concat(Array.from({ length: 1 + (stream % 50) }, () => DT)));
  await sleep(20 + (stream % 100), over);
  socket.resetAndDestroy();
  await closed(socket);
}

/** Sends octets that are not COTP or are incomplete. The server must end the connection. */
async function garbage({ port, stream, over }: Life): Promise<void> {
  const socket = await bare(port);
  socket.write(GARBAGE[stream % GARBAGE.length] ?? CR);
  await Promise.race([closed(socket), sleep(2_000, over)]);
  socket.resetAndDestroy();
  await closed(socket);
}

/** A peer that sends nothing more. The timers of the server must end the connection. */
async function silence({ port, over }: Life, first: Buffer | undefined): Promise<void> {
  const socket = await bare(port);
  if (first !== undefined) {
    socket.write(first);
  }
  await Promise.race([closed(socket), sleep(20_000, over)]);
  socket.destroy();
  await closed(socket);
}

function bare(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: HOST, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // The server may reset these clients.
      socket.on('error', () => {});
      socket.resume();
      resolve(socket);
    });
  });
}

function closed(socket: Socket): Promise<void> {
  return socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => {
        socket.once('close', () => resolve());
      });
}
