/**
 * The servers under load. They check every octet of a client that keeps to the rules and echo it.
 */
import { type Connection, listen, type Server } from 'cotp';
import { Sequence } from './messages.js';
import type { Tally } from './tally.js';

export const HOST = '127.0.0.1';

/** Several ports: each has its own range of client ports, which churn uses up. */
const PORTS = 4;

/** Long enough for a busy machine, short enough for peers that are gone without a word. */
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
    // Little enough that a peer that does not read stops the sockets.
    readHighWaterMark: 262_144,
    writeHighWaterMark: 262_144,
  };
  const serve = (connection: Connection) => echo(connection, tally);
  return Promise.all(
    Array.from({ length: PORTS }, () => listen(serve, { host: HOST, port: 0 }, options)),
  );
}

/** The client tells the number of its stream as connect data. */
async function echo(connection: Connection, tally: Tally): Promise<void> {
  const { connectData } = connection.info;
  const sequence = new Sequence(connectData?.readUInt32BE() ?? 0);
  try {
    for await (const tsdu of connection) {
      if (!tsdu.equals(sequence.next())) {
        tally.fault(`the server received a TSDU of ${tsdu.length} octets with wrong content`);
      }
      tally.arrived(tsdu.length);
      if (!connection.write(tsdu)) {
        await connection.drain();
      }
    }
  } catch {
    // Resets, garbage and silence end connections here; that nothing stays is checked at the end.
  }
}
