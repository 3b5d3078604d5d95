/**
 * The servers under load. They check every octet of a correct client and echo it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, listen, type Server } from 'cotp';
import { closeInTurn } from '../../tools/applications.mjs';
import { ExpeditedCheck } from './expedited.js';
import { Sequence } from './messages.js';
import type { Tally } from './tally.js';

export const HOST = '127.0.0.1';

/** Several ports: each has its own range of client ports, and frequent reconnects use up a range. */
const PORTS = 4;

/** Long enough for a busy machine, short enough to end silent peers. In milliseconds. */
export const IDLE_TIMEOUT = 6_000;

/** The EA of an ED that the server has sent must come within this time. */
const WRITE_TIMEOUT = 8_000;

/** Options of the servers, and of the relays before them. */
export function serverOptions(connections: number) {
  return {
    maxTpduSize: 65_531,
    maxConnections: Math.min(65_535, 2 * connections + 100),
    handshakeTimeout: 3_000,
    reassemblyTimeout: 60_000,
    idleTimeout: IDLE_TIMEOUT,
    closeTimeout: 3_000,
    backlog: 4_096,
    // Low, so that a peer that does not read causes backpressure.
    readHighWaterMark: 262_144,
    writeHighWaterMark: 262_144,
    writeTimeout: WRITE_TIMEOUT,
    tpClass: '2,0',
    expedited: true,
  } as const;
}

export async function openServers(connections: number, tally: Tally): Promise<Server[]> {
  const options = {
    ...serverOptions(connections),
    onExpedited: (data: Buffer, connection: Connection) => echoExpedited(data, connection, tally),
  };
  const onConnection = (connection: Connection) => serve(connection, tally);
  return Promise.all(
    Array.from({ length: PORTS }, () => listen(onConnection, { host: HOST, port: 0 }, options)),
  );
}

/** What a client wishes the server to do. */
const WISHES = ['echo', 'unread', 'close'] as const;
export type Wish = (typeof WISHES)[number];

/** The number of the client's stream, and what the server is to do. */
export function connectDataOf(stream: number, wish: Wish): Buffer {
  const connectData = Buffer.alloc(5);
  connectData.writeUInt32BE(stream);
  connectData[4] = WISHES.indexOf(wish);
  return connectData;
}

/** User data of the DR that ends the connection of a client. */
export function userDataOf(stream: number): Buffer {
  const userData = Buffer.alloc(4);
  userData.writeUInt32BE(stream);
  return userData;
}

/** A server that is to close does so after so many TSDUs. */
export const TSDUS_BEFORE_CLOSE = 5;

/** The client says in its connect data who it is. */
async function serve(connection: Connection, tally: Tally): Promise<void> {
  const { connectData } = connection.info;
  const stream = streamOf(connection);
  const wish = WISHES[connectData?.[4] ?? 0] ?? 'echo';
  if (wish === 'unread') {
    await closeUnread(connection, stream);
    return;
  }
  try {
    await echo(connection, tally, wish === 'close' ? TSDUS_BEFORE_CLOSE : undefined);
  } catch {
    // Resets, garbage and silence end connections here; that nothing stays is checked at the end.
  }
  if (wish === 'close') {
    const end = await connection.disconnect({ userData: userDataOf(stream) });
    if (!end.confirmed || end.unsent !== 0) {
      tally.fault(`the server disconnected client ${stream} so: ${JSON.stringify(end)}`);
    }
  } else {
    await connection.waitClosed();
    checkUserData(connection, stream, tally);
  }
}

function streamOf({ info }: Connection): number {
  return info.connectData?.readUInt32BE() ?? 0;
}

/** Echoes every TSDU, or so many of them. */
async function echo(connection: Connection, tally: Tally, count?: number): Promise<void> {
  const sequence = new Sequence(streamOf(connection));
  const check = checkOf(connection, tally);
  for await (const tsdu of connection) {
    check.read += 1;
    if (!tsdu.equals(sequence.next())) {
      tally.fault(`the server received a TSDU of ${tsdu.length} octets with wrong content`);
    }
    tally.arrived(tsdu.length);
    const hasRoom = connection.write(tsdu);
    check.written += 1;
    if (!hasRoom) {
      await connection.drain();
    }
    if (check.read === count) {
      return;
    }
  }
}

/** The user data of the DR that a client has sent. */
function checkUserData({ disconnection }: Connection, stream: number, tally: Tally): void {
  const { userData } = disconnection ?? {};
  if (userData !== undefined && !Buffer.from(userData).equals(userDataOf(stream))) {
    tally.fault(`the DR of client ${stream} carries ${Buffer.from(userData).toString('hex')}`);
  }
}

/** Of each connection with expedited data. */
const checks = new WeakMap<Connection, ExpeditedCheck>();

function checkOf(connection: Connection, tally: Tally): ExpeditedCheck {
  const check = checks.get(connection) ?? new ExpeditedCheck(streamOf(connection), tally);
  checks.set(connection, check);
  return check;
}

function echoExpedited(data: Buffer, connection: Connection, tally: Tally): void {
  const check = checkOf(connection, tally);
  check.check(data);
  if (connection.isOpen) {
    connection.writeExpedited(check.next());
  }
}

/**
 * An application that reads nothing and closes after some time. It leaves some connections open, which the
 * peer ends.
 */
async function closeUnread(connection: Connection, stream: number): Promise<void> {
  await wait(100 + (stream % 400), undefined, { ref: false });
  // Stream 0 is that of the client that resets behind its FIN. The server does not close it.
  if (stream !== 0) {
    closeInTurn(connection, stream);
  }
}
