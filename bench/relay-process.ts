/**
 * A process of the comparison of relays: the server, a raw pipe to it, or a relay to it. It receives one task, answers
 * with the port on which it listens, and ends when its parent does.
 */
import { connect as connectTcp, createServer } from 'node:net';
import { type Connection, connect, listen, relay } from 'cotp';
import { payloads } from './messages.js';
import { HOST, listening } from './sockets.js';

export type RelayRole = 'server' | 'pipe' | 'relay';

export interface RelayTask {
  readonly role: RelayRole;
  /** Port of the server; 0 for the server itself. */
  readonly to: number;
  /** Octets of a message. */
  readonly size: number;
  readonly maxTpduSize: number;
  /** The server answers each message with itself; otherwise only the last of a turn, with their number. */
  readonly isEcho: boolean;
}

const ROLES: Readonly<Record<RelayRole, (task: RelayTask) => Promise<number>>> = {
  server: startServer,
  pipe: startPipe,
  relay: startRelay,
};

process.once('disconnect', () => process.exit());
process.once('message', async (task: RelayTask) => {
  process.send?.(await ROLES[task.role](task));
});

async function startServer({ size, maxTpduSize, isEcho }: RelayTask): Promise<number> {
  const [lastOctet] = payloads(size).last;
  const server = await listen(
    (connection) => (isEcho ? echo(connection) : count(connection, lastOctet)),
    { host: HOST, port: 0 },
    { maxTpduSize },
  );
  return server.addresses[0]?.port ?? 0;
}

async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) {
    if (!connection.write(message)) {
      await connection.drain();
    }
  }
}

/** @param lastOctet the first octet of the last message of a turn */
async function count(connection: Connection, lastOctet: number | undefined): Promise<void> {
  let messages = 0;
  for await (const message of connection) {
    messages += 1;
    if (message[0] === lastOctet) {
      connection.write(Buffer.from(String(messages)));
      messages = 0;
    }
  }
}

function startPipe({ to }: RelayTask): Promise<number> {
  const server = createServer({ noDelay: true }, (incoming) => {
    const outgoing = connectTcp({ host: HOST, port: to, noDelay: true });
    for (const socket of [incoming, outgoing]) {
      socket.on('error', () => {});
    }
    incoming.pipe(outgoing);
    outgoing.pipe(incoming);
  });
  return listening(server);
}

async function startRelay({ to, maxTpduSize }: RelayTask): Promise<number> {
  const server = await listen(
    async (incoming) => {
      const outgoing = await connect({ host: HOST, port: to }, { maxTpduSize });
      await relay(incoming, outgoing);
    },
    { host: HOST, port: 0 },
    { maxTpduSize },
  );
  return server.addresses[0]?.port ?? 0;
}
