/**
 * The npm package iso-on-tcp: its class on both ends, whole messages by its event `message`. It is not a
 * dependency of this library; `npm ci --prefix bench` installs it.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Case } from './cases.js';
import { type Contestant, openMany, type Peer } from './contestant.js';
import { check, type Messages, messageAt, payloads } from './messages.js';

const HOST = '127.0.0.1';

/**
 * The package offers powers of 2, and puts that many octets of user data into a DT. 65536 would not fit into
 * a TPKT.
 */
const LARGEST_TPDU = 32_768;

/** The part of its API that is used; it has no types. */
interface Client extends Duplex {
  readonly negotiatedTpduSize: number;
  connect(): void;
  close(): void;
}

interface IsoOnTcp {
  readonly ISOOnTCPClient: new (stream: Duplex, options: { tpduSize: number }) => Client;
}

export const isoOnTcp: Peer = {
  name: 'iso-on-tcp',
  open: (module) => (benchCase) => open(module as IsoOnTcp, benchCase),
  explain(error) {
    return 'code' in error && error.code === 'ERR_OUT_OF_RANGE'
      ? 'it stops when TCP splits a TPKT header'
      : undefined;
  },
};

async function open({ ISOOnTCPClient }: IsoOnTcp, benchCase: Case): Promise<Contestant> {
  const { kind, size, connections } = benchCase;
  const tpduSize = Math.min(benchCase.maxTpduSize, LARGEST_TPDU);
  const messages = payloads(size);
  const sockets = new Set<Socket>();
  const accepted: Client[] = [];
  /** The event `message` delivers the data; the stream has it too and must be drained. */
  const client = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return new ISOOnTCPClient(socket, { tpduSize }).resume();
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const peer = client(socket);
    if (kind === 'one way') {
      accepted.push(peer);
    } else if (kind !== 'connect') {
      peer.on('message', ({ payload }: { payload: Buffer }) => peer.write(payload));
    }
  });
  server.listen(0, HOST, 511);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const openOne = async () => {
    const socket = connect({ host: HOST, port, noDelay: true });
    const opened = client(socket);
    await once(socket, 'connect');
    opened.connect();
    await once(opened, 'connect');
    return opened;
  };
  const clients = await openMany(connections, openOne);
  return {
    tpduSize: clients[0]?.negotiatedTpduSize ?? tpduSize,
    run: (count) => run(benchCase, { messages, clients, accepted, open: openOne }, count),
    async close() {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Ends {
  readonly messages: Messages;
  readonly clients: readonly Client[];
  /** Server ends of the clients. */
  readonly accepted: readonly Client[];
  readonly open: () => Promise<Client>;
}

async function run({ kind }: Case, ends: Ends, count: number): Promise<void> {
  const { messages, clients, accepted } = ends;
  if (kind === 'connect') {
    for (let i = 0; i < count; i += 1) {
      const opened = await ends.open();
      const closed = once(opened, 'close');
      opened.close();
      await closed;
    }
  } else if (kind === 'one way') {
    const [from] = clients;
    const [to] = accepted;
    if (from === undefined || to === undefined) {
      throw new Error('no connection');
    }
    await Promise.all([receive(to, messages, count), send(from, messages, count)]);
  } else {
    const each = count / clients.length;
    await Promise.all(clients.map((client) => roundTrips(client, messages, each)));
  }
}

function roundTrips(client: Client, messages: Messages, count: number): Promise<void> {
  let sent = 0;
  const next = () => {
    client.write(messageAt(messages, sent, count));
    sent += 1;
  };
  const all = receive(client, messages, count, next);
  next();
  return all;
}

async function send(client: Client, messages: Messages, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    if (!client.write(messageAt(messages, i, count))) {
      await once(client, 'drain');
    }
  }
}

/** Checks `count` messages; calls `then` after each but the last. */
function receive(
  client: Client,
  messages: Messages,
  count: number,
  then = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let index = 0;
    const onMessage = ({ payload }: { payload: Buffer }) => {
      try {
        check(messages, index, count, payload);
      } catch (error) {
        reject(error);
      }
      index += 1;
      if (index < count) {
        then();
      } else {
        client.off('message', onMessage);
        resolve();
      }
    };
    client.on('message', onMessage);
  });
}
