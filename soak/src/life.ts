/**
 * What the clients of every kind need: a connection or a bare socket, the check of what comes back, and pauses.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, type ConnectOptions, connect } from 'cotp';
import { Sequence } from './messages.js';
import { connectDataOf, HOST, type Wish } from './server.js';
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

/** Most TSDUs of a client that are not echoed yet, and most that it sends in total. */
const WINDOW = 4;
export const MOST_TSDUS = 40;

/** Connects; the server learns from the connect data who it is, and what it is to do. */
export function open(
  { port, stream, over }: Life,
  wish: Wish = 'echo',
  options: ConnectOptions = {},
): Promise<Connection> {
  const connectData = connectDataOf(stream, wish);
  const name = over.aborted ? 'late' : 'soak';
  return connect(
    { host: HOST, port },
    { connectData, maxTpduSize: 65_531, timeout: 30_000, name, ...options },
  );
}

export async function readOne(
  connection: Connection,
  expected: Sequence,
  tally: Tally,
): Promise<void> {
  const tsdu = await connection.read();
  if (!tsdu.equals(expected.next())) {
    tally.fault(`a client received a TSDU of ${tsdu.length} octets with wrong content`);
  }
  tally.arrived(tsdu.length);
}

/** What a client sends and reads. */
export interface Exchange {
  /** Number of TSDUs. */
  readonly count: number;
  /** So many of the last ones are not read. */
  readonly unanswered?: number;
  /** Ends sending early when aborted. */
  readonly until?: AbortSignal;
  /** Writes one; returns what `write` returns. */
  readonly write?: (tsdu: Buffer, index: number) => boolean;
  /** One was read. */
  readonly onRead?: () => void;
}

/** Sends TSDUs and checks every octet of the echo, with at most `WINDOW` of them on their way. */
export async function exchange(
  life: Life,
  connection: Connection,
  { count, unanswered = 0, until, write = (tsdu) => connection.write(tsdu), onRead }: Exchange,
): Promise<void> {
  const sent = new Sequence(life.stream);
  const expected = new Sequence(life.stream);
  let owed = 0;
  const readNext = async () => {
    await readOne(connection, expected, life.tally);
    onRead?.();
    owed -= 1;
  };
  for (let i = 0; i < count && until?.aborted !== true; i += 1) {
    if (!write(sent.next(), i)) {
      await connection.drain();
    }
    owed += 1;
    if (owed === WINDOW) {
      await readNext();
      await pause(life);
    }
  }
  while (owed > unanswered) {
    await readNext();
  }
}

/** A pause whose length depends on the number of the client. */
export async function pause({ stream, over }: Life): Promise<void> {
  await sleep(stream % 600, over);
}

export async function sleep(ms: number, over: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal: over }).catch(() => {});
}

export function bare(port: number): Promise<Socket> {
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

export function closed(socket: Socket): Promise<void> {
  return socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => {
        socket.once('close', () => resolve());
      });
}
