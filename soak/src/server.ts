/**
 * The servers under load. They check every octet of a correct client and echo it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, listen, type Server } from 'cotp';
import { closeInTurn, echo } from '../../tools/applications.mjs';
import { Sequence } from './messages.js';
import type { Tally } from './tally.js';

export const HOST = '127.0.0.1';

/** Several ports: each has its own range of client ports, and frequent reconnects use up a range. */
const PORTS = 4;

/** Long enough for a busy machine, short enough to end silent peers. In milliseconds. */
export const IDLE_TIMEOUT = 6_000;

export async function openServers(connections: number, tally: Tally): Promise<Server[]> {
  const options = {
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
  };
  const onConnection = (connection: Connection) => serve(connection, tally);
  return Promise.all(
    Array.from({ length: PORTS }, () => listen(onConnection, { host: HOST, port: 0 }, options)),
  );
}

/** The connect data of a client: the number of its stream, and whether the server reads. */
export function connectDataOf(stream: number, isRead: boolean): Buffer {
  const connectData = Buffer.alloc(5);
  connectData.writeUInt32BE(stream);
  connectData[4] = isRead ? 0 : 1;
  return connectData;
}

/** The connect data of the client identifies its stream. */
async function serve(connection: Connection, tally: Tally): Promise<void> {
  const { connectData } = connection.info;
  const stream = connectData?.readUInt32BE() ?? 0;
  if (connectData?.[4] === 1) {
    await closeUnread(connection, stream);
    return;
  }
  const sequence = new Sequence(stream);
  // Resets, garbage and timeouts end connections here. Leaks are checked at the end.
  await echo(connection, (tsdu) => {
    if (!tsdu.equals(sequence.next())) {
      tally.fault(`the server received a TSDU of ${tsdu.length} octets with wrong content`);
    }
    tally.arrived(tsdu.length);
  });
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
