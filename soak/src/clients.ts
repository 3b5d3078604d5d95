/**
 * The clients. Most are correct; the others behave like faulty peers of deployed servers. Each runs from
 * before TCP to after its end.
 */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Connection } from 'cotp';
import {
  closedByServer,
  disruptive,
  exchangeInClass2,
  resetInClass2,
  withoutEa,
} from './class2-clients.js';
import { bare, closed, exchange, type Life, MOST_TSDUS, open, readOne, sleep } from './life.js';
import { Sequence } from './messages.js';

type Client = (life: Life) => Promise<void>;

/** The kinds of clients, each with the upper end of its range in percent. */
const KINDS: readonly (readonly [number, string, Client])[] = [
  [36, 'orderly', (life) => echoed(life, (connection) => connection.asyncClose())],
  [46, 'half-closing', (life) => echoed(life, halfClose)],
  [54, 'slow to read', slow],
  [62, 'resetting', (life) => echoed(life, reset, 3)],
  [65, 'closed while full', closedWhileFull],
  [68, 'reset behind FIN', resetBehindFin],
  [72, 'garbage', garbage],
  [76, 'silent before a CR', (life) => silence(life, undefined)],
  [80, 'silent after a CR', (life) => silence(life, CR)],
  [90, 'class 2', exchangeInClass2],
  [93, 'class 2, disruptive', disruptive],
  [96, 'class 2, closed by the server', closedByServer],
  [98, 'class 2, resetting', resetInClass2],
  [100, 'class 2, no EA', withoutEa],
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

/** Sends TSDUs and reads the echo; then ends by `leave`. */
async function echoed(
  life: Life,
  leave: (connection: Connection) => Promise<void>,
  unanswered = 0,
): Promise<void> {
  const { stream, over } = life;
  const connection = await open(life);
  const count = 1 + (stream % MOST_TSDUS);
  await exchange(life, connection, { count, unanswered, until: over });
  await leave(connection);
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
  const connection = await open(life, 'unread');
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
  // A socket of Node whose FIN is on its way keeps its handle for ever when it is reset.
  if (!socket.writableFinished) {
    await Promise.race([once(socket, 'finish'), closed(socket)]).catch(() => {});
  }
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
