/**
 * Relays before some of the servers: a part of the clients reaches its server through one.
 */
import { type Connection, connect, listen, relay, type Server } from 'cotp';
import { HOST, serverOptions } from './server.js';
import type { Tally } from './tally.js';

/** Most of the clients connect to a server itself. */
const RELAYS = 2;

/** A relay before each of the first servers. */
export function openRelays(
  servers: readonly Server[],
  connections: number,
  tally: Tally,
): Promise<Server[]> {
  return Promise.all(
    servers.slice(0, RELAYS).map((server) => {
      const target = server.addresses[0] ?? { host: HOST };
      const pass = (incoming: Connection) => relayed(incoming, target, tally);
      return listen(
        pass,
        { host: HOST, port: 0 },
        { ...serverOptions(connections), allowHalfOpen: true },
      );
    }),
  );
}

/** Passes on everything, with the class and the expedited data that the client has. */
async function relayed(
  incoming: Connection,
  target: { readonly host: string; readonly port?: number },
  tally: Tally,
): Promise<void> {
  const { connectData, tpClass, expedited, expeditedAck } = incoming.info;
  const { signal } = incoming;
  let outgoing: Connection;
  try {
    outgoing = await connect(target, {
      ...{ connectData, tpClass, expedited, signal },
      expeditedAck: expedited && tpClass === 2 ? expeditedAck : undefined,
      allowHalfOpen: true,
      maxTpduSize: 8_192,
      timeout: 30_000,
    });
  } catch (error) {
    // A client that has ended meanwhile cancels the call.
    if (!signal.aborted) {
      tally.fault(`a relay could not connect: ${String(error)}`);
    }
    return;
  }
  try {
    await relay(incoming, outgoing);
  } catch (error) {
    tally.fault(`a relay failed: ${String(error)}`);
  }
}
