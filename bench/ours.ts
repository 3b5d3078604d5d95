/**
 * This library, used through its promise API on both ends, with all limits and checks.
 */
import { type Connection, connect, listen } from 'cotp';
import type { Case } from './cases.js';
import { type Contestant, type Open, openMany } from './contestant.js';
import { check, type Messages, messageAt, payloads } from './messages.js';

const HOST = '127.0.0.1';

/** The negotiated size if both sides have this `maxTpduSize`. */
export async function negotiated(maxTpduSize: number): Promise<number> {
  const server = await listen(() => {}, { host: HOST, port: 0 }, { maxTpduSize });
  const [address] = server.addresses;
  const connection = await connect({ host: HOST, port: address?.port }, { maxTpduSize });
  const agreed = connection.info.maxTpduSize;
  await connection.asyncClose();
  await server.asyncClose();
  return agreed;
}

/** What a contestant uses of a build of this library. */
export interface Library {
  readonly connect: typeof connect;
  readonly listen: typeof listen;
}

/** This build. */
export const OURS: Library = { connect, listen };

export const openOurs: Open = openerOf(OURS);

/** Opens a contestant that uses this build of the library. */
export function openerOf(library: Library): Open {
  return (benchCase) => openWith(library, benchCase);
}

async function openWith(library: Library, benchCase: Case): Promise<Contestant> {
  const { kind, size, maxTpduSize, connections, tpClass } = benchCase;
  // An older build to compare with may have class 0 only, and no option for it.
  const agreed = { maxTpduSize, ...(tpClass === undefined ? {} : { tpClass }) };
  const messages = payloads(size);
  const accepted: Connection[] = [];
  const server = await library.listen(
    (connection) => {
      if (kind === 'one way') {
        accepted.push(connection);
        return;
      }
      return echo(connection);
    },
    { host: HOST, port: 0 },
    { ...agreed, bindConnections: true },
  );
  const port = server.addresses[0]?.port;
  const open = () => library.connect({ host: HOST, port }, agreed);
  const clients = await openMany(connections, open);
  const [client] = clients;
  return {
    ...(client === undefined ? {} : { tpduSize: client.info.maxTpduSize }),
    run: (count) => run(benchCase, { messages, clients, accepted, open }, count),
    async close() {
      await Promise.all(clients.map((client) => client.asyncClose()));
      await server.asyncClose();
    },
  };
}

interface Ends {
  readonly messages: Messages;
  readonly clients: readonly Connection[];
  /** Server ends of the clients. */
  readonly accepted: readonly Connection[];
  readonly open: () => Promise<Connection>;
}

async function run({ kind }: Case, ends: Ends, count: number): Promise<void> {
  const { messages, clients, accepted, open } = ends;
  if (kind === 'connect') {
    for (let i = 0; i < count; i += 1) {
      const connection = await open();
      await connection.asyncClose();
    }
  } else if (kind === 'one way') {
    const [from] = clients;
    const [to] = accepted;
    if (from === undefined || to === undefined) {
      throw new Error('no connection');
    }
    await Promise.all([send(from, messages, count), receive(to, messages, count)]);
  } else {
    const each = count / clients.length;
    await Promise.all(clients.map((client) => roundTrips(client, messages, each)));
  }
}

async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) {
    if (!connection.write(message)) {
      await connection.drain();
    }
  }
}

async function roundTrips(connection: Connection, messages: Messages, count: number) {
  for (let i = 0; i < count; i += 1) {
    connection.write(messageAt(messages, i, count));
    check(messages, i, count, await connection.read());
  }
}

async function send(connection: Connection, messages: Messages, count: number) {
  for (let i = 0; i < count; i += 1) {
    if (!connection.write(messageAt(messages, i, count))) {
      await connection.drain();
    }
  }
}

/** Reads with the loop of the README, which stops early and leaves the connection open. */
async function receive(connection: Connection, messages: Messages, count: number) {
  let index = 0;
  for await (const message of connection) {
    check(messages, index, count, message);
    index += 1;
    if (index === count) {
      return;
    }
  }
  throw new Error(`${count} messages were expected, ${index} were received`);
}
