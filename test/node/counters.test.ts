/** The counters of a connection: octets, messages, what waits, and its number. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Connection,
  type ConnectOptions,
  type ConnectRequest,
  connect,
  type ListenOptions,
} from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, pair, rawClient, rawServer, serve } from '../support/life.js';
import { overOwnStream } from '../support/own-stream.js';
import { CR, cc, dt, hex } from '../support/raw.js';

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

/** What a connection has counted. */
function counts(conn: Connection | tpkt.Connection) {
  const { bytesRead, bytesWritten, messagesRead, messagesWritten } = conn;
  return { bytesRead, bytesWritten, messagesRead, messagesWritten };
}

/** Each side sends some messages of several sizes, and the other reads them. */
async function exchange(client: Connection, peer: Connection): Promise<void> {
  for (const [from, to] of [
    [client, peer],
    [peer, client],
  ] as const) {
    for (const length of [1, 64, 5_000, 100_000]) {
      from.write(Buffer.alloc(length));
    }
    for (let left = 4; left > 0; left -= 1) {
      await to.read();
    }
  }
}

const PAIRS: readonly (readonly [string, () => ConnectOptions, () => ListenOptions])[] = [
  ['class 0', () => ({}), () => ({})],
  ['class 2', () => ({ tpClass: 2 }), () => ({ tpClass: 2 })],
  [
    'TLS',
    () => ({ tls: { ca: made.ca, servername: 'localhost' } }),
    () => ({ tls: { ...made.server } }),
  ],
];

describe.each(PAIRS)('%s', (_name, clientOptions, serverOptions) => {
  test('one side has written what the other has read', async () => {
    const { client, peer } = await pair(clientOptions(), serverOptions());
    await exchange(client, peer);
    expect(counts(peer)).toEqual({
      bytesRead: client.bytesWritten,
      bytesWritten: client.bytesRead,
      messagesRead: 4,
      messagesWritten: 4,
    });
    expect(client.messagesRead).toBe(4);
    expect(client.messagesWritten).toBe(4);
    expect(client.bytesWritten).toBeGreaterThan(105_065);
  });

  test('octets are counted as net.Socket counts them', async () => {
    const { client, peer } = await pair(clientOptions(), serverOptions());
    await exchange(client, peer);
    for (const conn of [client, peer]) {
      const socket = conn.socket as unknown as { bytesRead: number; bytesWritten: number };
      expect([conn.bytesRead, conn.bytesWritten]).toEqual([socket.bytesRead, socket.bytesWritten]);
    }
  });

  test('the counts stay when the connection is closed', async () => {
    const { client, peer } = await pair(clientOptions(), serverOptions());
    await exchange(client, peer);
    const before = counts(client);
    client.destroy();
    await client.waitClosed();
    expect(counts(client)).toEqual(before);
  });
});

test('a server counts every octet of a bare peer, CR and CC included', async () => {
  const server = await serve();
  const raw = await rawClient(server.address.port);
  raw.send(CR);
  const conn = await server.accept();
  const confirm = await raw.packet();
  expect(conn.bytesRead).toBe(CR.length);
  expect(conn.bytesWritten).toBe(4 + confirm.length);
  const segments = Buffer.concat([dt('0102', false), dt('03', false), dt('04')]);
  raw.send(segments);
  expect(await conn.read()).toEqual(hex('01020304'));
  expect(conn.bytesRead).toBe(CR.length + segments.length);
  expect(conn.messagesRead).toBe(1);
  expect(raw.socket.bytesWritten).toBe(conn.bytesRead);
});

test('a client counts every octet of a bare peer, CR and CC included', async () => {
  const server = await rawServer();
  const connecting = connect(server.address);
  const raw = await server.accept();
  const request = await raw.packet();
  const confirm = cc(request.subarray(4, 6).toString('hex'));
  raw.send(confirm);
  const conn = await connecting;
  closeLater(() => conn.destroy());
  expect(counts(conn)).toEqual({
    bytesRead: confirm.length,
    bytesWritten: 4 + request.length,
    messagesRead: 0,
    messagesWritten: 0,
  });
});

test('a stream of the user is counted too', async () => {
  const { connection: conn, stream } = await overOwnStream();
  const before = counts(conn);
  stream.push(dt('010203'));
  expect(await conn.read()).toEqual(hex('010203'));
  conn.write(Buffer.alloc(20_000));
  await expect.poll(() => conn.writeBuffered).toBe(0);
  expect(conn.bytesRead - before.bytesRead).toBe(10);
  expect(conn.bytesWritten - before.bytesWritten).toBe(Buffer.concat(stream.written).length);
});

test('expedited data is no message', async () => {
  const { client, peer } = await pair({ expedited: true }, { expedited: true });
  client.writeExpedited(hex('01'));
  await peer.readExpedited();
  expect([client.messagesWritten, peer.messagesRead]).toEqual([0, 0]);
  expect(peer.bytesRead).toBe(client.bytesWritten);
});

test('a write that throws is not counted', async () => {
  const { client } = await pair();
  expect(() => client.write(Buffer.alloc(0))).toThrow(RangeError);
  client.close();
  expect(() => client.write(hex('01'))).toThrow();
  expect(client.messagesWritten).toBe(0);
});

test('a part of a message is no message', async () => {
  const server = await serve();
  const raw = await rawClient(server.address.port);
  raw.send(CR);
  const conn = await server.accept();
  const part = dt('01', false);
  raw.send(part);
  await expect.poll(() => conn.bytesRead).toBe(CR.length + part.length);
  expect([conn.messagesRead, conn.readBuffered]).toEqual([0, 0]);
});

describe('readBuffered', () => {
  test('has the octets of the messages that wait, without headers', async () => {
    const { client, peer } = await pair();
    expect(peer.readBuffered).toBe(0);
    client.write(Buffer.alloc(3));
    client.write(Buffer.alloc(5_000));
    await expect.poll(() => peer.readBuffered).toBe(5_003);
    await peer.read();
    expect(peer.readBuffered).toBe(5_000);
    await peer.read();
    expect(peer.readBuffered).toBe(0);
  });

  test('is 0 for a message that a read waits for', async () => {
    const { client, peer } = await pair();
    const reading = peer.read();
    client.write(Buffer.alloc(3));
    await reading;
    expect([peer.readBuffered, peer.messagesRead]).toEqual([0, 1]);
  });

  test('is 0 after destroy, and the messages still count as received', async () => {
    const { client, peer } = await pair();
    client.write(Buffer.alloc(3));
    await expect.poll(() => peer.readBuffered).toBe(3);
    peer.destroy();
    expect([peer.readBuffered, peer.messagesRead]).toEqual([0, 1]);
  });
});

describe('id', () => {
  test('differs from connection to connection, also on both ends of one', async () => {
    const { client, peer } = await pair();
    const other = await pair();
    const ids = [client.id, peer.id, other.client.id, other.peer.id];
    expect(new Set(ids).size).toBe(4);
    expect(ids.every((id) => Number.isInteger(id) && id > 0)).toBe(true);
  });

  test('is the number that traces call connection', async () => {
    const seen: number[] = [];
    const { client } = await pair({ trace: ({ connection }) => seen.push(connection) });
    expect(new Set(seen)).toEqual(new Set([client.id]));
  });

  test('of a request is that of its connection', async () => {
    const requests: ConnectRequest[] = [];
    const { peer } = await pair(
      {},
      {
        onConnectRequest: (request) => {
          requests.push(request);
          request.accept();
        },
      },
    );
    expect(requests.map(({ id }) => id)).toEqual([peer.id]);
  });
});

describe('cotp/tpkt', () => {
  test('counts octets with TPKT headers, and packets', async () => {
    const server = await tpkt.listen(() => {}, { host: '127.0.0.1', port: 0 });
    closeLater(() => server.asyncClose());
    const client = await tpkt.connect(server.addresses[0]!);
    await expect.poll(() => server.connections.size).toBe(1);
    const [peer] = [...server.connections] as [tpkt.Connection];
    closeLater(() => [client.destroy(), peer.destroy()]);
    client.write(hex('010203'));
    client.write(Buffer.alloc(10));
    await expect.poll(() => peer.readBuffered).toBe(13);
    expect(counts(peer)).toEqual({
      bytesRead: 21,
      bytesWritten: 0,
      messagesRead: 2,
      messagesWritten: 0,
    });
    expect(counts(client)).toMatchObject({ bytesWritten: 21, messagesWritten: 2 });
    expect(client.id).not.toBe(peer.id);
  });
});
