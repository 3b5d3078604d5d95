/** The limit of what all connections of a server receive, over TCP: strangers, slow applications and what is left. */
import { describe, expect, test } from 'vitest';
import { type Connection, connect, type ListenOptions } from '../../src/index.js';
import * as tpktService from '../../src/node/tpkt/index.js';
import { closeLater, rawClient, rejection, serve, type TestServer } from '../support/life.js';
import { CR, dt, type RawPeer } from '../support/raw.js';
import { guardProcess, until } from '../support/wire.js';

guardProcess();

const LIMIT = 1_048_576;
const FLOOR = 65_536;
const OPTIONS: ListenOptions = { maxReceiveBuffer: LIMIT, maxTsduSize: 4 * LIMIT };

/** A peer whose connection is open. */
async function stranger({ address }: TestServer): Promise<RawPeer> {
  const raw = await rawClient(address.port);
  raw.send(CR);
  await raw.packet();
  return raw;
}

/** A TSDU of about so many octets that does not end, and our side has all of it. */
async function beginTsdu(raw: RawPeer, connection: Connection, octets: number): Promise<void> {
  const { socket } = connection as unknown as { socket: { bytesRead: number } };
  const piece = dt('aa'.repeat(8_000), false);
  const count = Math.ceil(octets / 8_000);
  const had = socket.bytesRead;
  raw.send(Buffer.alloc(count * piece.length, piece));
  await until(() => socket.bytesRead === had + count * piece.length || !connection.isOpen);
}

/** A good client's TSDU of so many octets arrives. */
async function expectServed(server: TestServer, octets: number): Promise<void> {
  const client = await connect(server.address);
  closeLater(() => client.destroy());
  const peer = await server.accept();
  const tsdu = Buffer.alloc(octets, 'served');
  client.write(tsdu);
  expect((await peer.read()).equals(tsdu)).toBe(true);
  await Promise.all([client.asyncClose(), peer.asyncClose()]);
}

describe('strangers that begin TSDUs and do not end them', () => {
  /** Four of them hold almost all there is. */
  async function besieged() {
    const server = await serve(OPTIONS);
    const strangers: Connection[] = [];
    for (let i = 0; i < 4; i += 1) {
      const raw = await stranger(server);
      const connection = await server.accept();
      await beginTsdu(raw, connection, LIMIT / 4 + FLOOR / 2);
      strangers.push(connection);
    }
    return { server, strangers };
  }

  test('do not affect a client within its floor', async () => {
    const { server, strangers } = await besieged();
    await expectServed(server, FLOOR / 2);
    expect(strangers.every(({ isOpen }) => isOpen)).toBe(true);
  });

  test('end where a client needs more than its floor: the largest, and it alone', async () => {
    const { server, strangers } = await besieged();
    await expectServed(server, 4 * FLOOR);
    const ended = strangers.filter(({ isOpen }) => !isOpen);
    expect(ended).toHaveLength(1);
    expect(await rejection(ended[0]?.read() as Promise<Buffer>)).toMatchObject({
      code: 'ERR_COTP_TSDU_TOO_LARGE',
      hint: 'maxReceiveBuffer sets the limit',
    });
    expect(server.errors).toHaveLength(1);
  });
});

describe('applications that read late', () => {
  const TSDU = 4_000;
  const TSDUS = 200;

  test('lose nothing near the limit: reading pauses, and goes on as they read', async () => {
    const server = await serve(OPTIONS);
    const ends: { client: Connection; peer: Connection }[] = [];
    for (let i = 0; i < 6; i += 1) {
      const client = await connect(server.address);
      closeLater(() => client.destroy());
      ends.push({ client, peer: await server.accept() });
    }
    for (const { client } of ends) {
      for (let i = 0; i < TSDUS; i += 1) {
        client.write(Buffer.alloc(TSDU, i));
      }
    }
    await until(() => ends.some(({ peer }) => peer.socket.isPaused()));
    for (const { peer } of ends) {
      for (let i = 0; i < TSDUS; i += 1) {
        expect((await peer.read()).equals(Buffer.alloc(TSDU, i))).toBe(true);
      }
    }
    expect(server.errors).toEqual([]);
  });

  test('do not keep a client within its floor waiting', async () => {
    const server = await serve(OPTIONS);
    for (let i = 0; i < 6; i += 1) {
      const client = await connect(server.address);
      closeLater(() => client.destroy());
      const peer = await server.accept();
      for (let j = 0; j < TSDUS; j += 1) {
        client.write(Buffer.alloc(TSDU));
      }
      await until(() => peer.socket.isPaused() || client.writeBuffered === 0);
    }
    await expectServed(server, FLOOR / 2);
  });
});

describe('nothing is left in the sum', () => {
  /** More than half the limit: the second one would not fit beside what a first one has left. */
  const MUCH = 0.7 * LIMIT;
  const WAYS: readonly (readonly [string, (connection: Connection, raw: RawPeer) => unknown])[] = [
    ['our close', (connection) => connection.close()],
    ['our destroy', (connection) => connection.destroy()],
    ['a reset', (_connection, raw) => raw.reset()],
    [
      'FIN, then our close',
      (connection, raw) => {
        raw.socket.end();
        return until(() => connection.socket.readableEnded).then(() => connection.close());
      },
    ],
    ['octets that are no TPKT', (_connection, raw) => raw.send(Buffer.from('GET / HTTP'))],
  ];

  test.each(WAYS)('after %s behind unread TSDUs', async (_way, end) => {
    const server = await serve({ ...OPTIONS, readHighWaterMark: LIMIT, closeTimeout: 100 });
    for (let i = 0; i < 3; i += 1) {
      const raw = await stranger(server);
      const connection = await server.accept();
      const { socket } = connection as unknown as { socket: { bytesRead: number } };
      const octets = Buffer.concat(Array.from({ length: 60 }, () => dt('aa'.repeat(0.7 * 16_000))));
      const had = socket.bytesRead;
      raw.send(octets);
      await until(() => socket.bytesRead === had + octets.length);
      await end(connection, raw);
      await until(() => connection.isClosed);
      // It may still be read, and that gives nothing back a second time.
      await connection.read().catch(() => {});
    }
    await expectServed(server, MUCH);
    await until(() => server.server.connectionCount === 0);
  });

  test.each(WAYS.filter(([way]) => !way.startsWith('FIN') && !way.startsWith('octets')))(
    'after %s within a TSDU',
    async (_way, end) => {
      const server = await serve({ ...OPTIONS, closeTimeout: 100 });
      for (let i = 0; i < 3; i += 1) {
        const raw = await stranger(server);
        const connection = await server.accept();
        await beginTsdu(raw, connection, MUCH);
        await end(connection, raw);
        await until(() => connection.isClosed);
      }
      await expectServed(server, MUCH);
      await until(() => server.server.connectionCount === 0);
    },
  );
});

test('a server of bare TPKT pauses at its limit as well', async () => {
  const arrived: tpktService.Connection[] = [];
  const server = await tpktService.listen(
    (connection) => void arrived.push(connection),
    {
      host: '127.0.0.1',
      port: 0,
    },
    { maxReceiveBuffer: LIMIT },
  );
  closeLater(() => server.asyncClose());
  const payload = Buffer.alloc(8_000, 'payload');
  for (let i = 0; i < 8; i += 1) {
    const client = await tpktService.connect(server.addresses[0] as { host: string; port: number });
    closeLater(() => client.destroy());
    for (let j = 0; j < 100; j += 1) {
      client.write(payload);
    }
  }
  await until(() => arrived.length === 8 && arrived.some(({ socket }) => socket.isPaused()));
  for (const connection of arrived) {
    closeLater(() => connection.destroy());
    for (let j = 0; j < 100; j += 1) {
      expect((await connection.read()).equals(payload)).toBe(true);
    }
  }
});
