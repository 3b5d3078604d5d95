/** `server.stats()` and `server.connections`: each stream is counted in one way at any time. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Connection,
  type ConnectRequest,
  connect,
  listen,
  type Server,
  type ServerStats,
} from '../../src/index.js';
import * as tpktService from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, pair, rawClient, rejection, serve, type TestServer } from '../support/life.js';
import { CR, hex, tpkt } from '../support/raw.js';

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

const NOTHING: ServerStats = {
  accepted: 0,
  open: 0,
  handshaking: 0,
  refused: {},
  dropped: 0,
  failed: 0,
};

/** Bare TCP; ends as it likes. */
async function tcpClient(port: number): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.resume();
  closeLater(() => socket.destroy());
  // A client that is dropped at once may notice that first.
  await once(socket, 'connect').catch(() => {});
  return socket;
}

/** Waits until the server counts this. */
function expectStats(
  { server }: Pick<TestServer, 'server'>,
  expected: Partial<ServerStats>,
): Promise<void> {
  return expect.poll(() => server.stats()).toEqual({ ...NOTHING, ...expected });
}

/** A client that must be refused. */
async function refused(server: TestServer, remoteTsel?: number): Promise<void> {
  await rejection(connect(server.address, { remoteTsel }));
}

/** Streams that have ended without an error: what the identity leaves over. */
function ended({ accepted, open, handshaking, refused, dropped, failed }: ServerStats): number {
  const allRefused = Object.values(refused).reduce((sum, each) => sum + each, 0);
  return accepted - open - handshaking - allRefused - dropped - failed;
}

describe('stats() counts', () => {
  test('nothing before the first client', async () => {
    const { server } = await serve();
    expect(server.stats()).toEqual(NOTHING);
  });

  test('an open connection, and no longer as open once it has ended', async () => {
    const { server, client } = await pair();
    expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, open: 1 });
    await client.asyncClose();
    await expectStats(server, { accepted: 1 });
    expect(ended(server.server.stats())).toBe(1);
  });

  test('a client that has not sent a CR yet as handshaking', async () => {
    const server = await serve();
    const raw = await rawClient(server.address.port);
    await expectStats(server, { accepted: 1, handshaking: 1 });
    raw.send(CR);
    await expectStats(server, { accepted: 1, open: 1 });
  });

  test('a client whose CR is being decided on as handshaking', async () => {
    const requests: ConnectRequest[] = [];
    let decide: () => void = () => {};
    const decided = new Promise<void>((resolve) => {
      decide = resolve;
    });
    const server = await serve({
      onConnectRequest: (request) => {
        requests.push(request);
        return decided;
      },
    });
    const connecting = connect(server.address);
    await expect.poll(() => requests).toHaveLength(1);
    expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, handshaking: 1 });
    requests[0]?.accept();
    decide();
    closeLater(await connecting.then((conn) => () => conn.destroy()));
    expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, open: 1 });
  });

  test.each([
    ['the selector', { localTsel: 0x0102 }, 3],
    ['the user', { onConnectRequest: (request: ConnectRequest) => request.refuse(2) }, 2],
    ['a failing callback', { onConnectRequest: () => Promise.reject(new Error('no')) }, 0],
  ] as const)('a refusal because of %s by its reason', async (_why, options, reason) => {
    const server = await serve(options);
    await refused(server, 0x0103);
    await refused(server, 0x0103);
    await expectStats(server, { accepted: 2, refused: { [reason]: 2 } });
  });

  test('a refusal because of a limit by its reason', async () => {
    const { server } = await pair({}, { maxConnections: 1 });
    await refused(server);
    await expectStats(server, { accepted: 2, open: 1, refused: { 1: 1 } });
  });

  test.each([
    ['class', '06 e0 0000 0001 40', { 130: 1 }],
    ['invalid', '0a e0 0000 0001 00', { invalid: 1 }],
  ] as const)('a refusal by the standard: %s', async (_cause, cr, expected) => {
    const server = await serve();
    const client = await rawClient(server.address.port);
    client.send(tpkt(cr));
    await expectStats(server, { accepted: 1, refused: expected });
  });

  test.each([
    ['sends what is no CR', '02 f0 80 01'],
    ['sends what is no TPKT', undefined],
  ])('a client that %s as failed', async (_what, payload) => {
    const server = await serve();
    const client = await rawClient(server.address.port);
    client.send(payload === undefined ? Buffer.from('GET / HTTP/1.1\r\n') : tpkt(payload));
    await expectStats(server, { accepted: 1, failed: 1 });
  });

  test.each(['fin', 'reset'] as const)(
    'a client that leaves by %s without a CR as no error',
    async (how) => {
      const server = await serve();
      const client = await rawClient(server.address.port);
      await expectStats(server, { accepted: 1, handshaking: 1 });
      if (how === 'fin') {
        client.socket.end();
      } else {
        client.reset();
      }
      await expectStats(server, { accepted: 1 });
      expect(server.errors).toEqual([]);
    },
  );

  test('a client that leaves while its CR is being decided on as failed', async () => {
    const server = await serve({ onConnectRequest: () => new Promise(() => {}) });
    const client = await rawClient(server.address.port);
    client.send(CR);
    await expectStats(server, { accepted: 1, handshaking: 1 });
    client.reset();
    await expectStats(server, { accepted: 1, failed: 1 });
  });

  test('a client whose stream the user destroys before the decision as failed', async () => {
    const server = await serve({
      onConnectRequest: (request) => {
        request.socket.destroy();
        return new Promise(() => {});
      },
    });
    const client = await rawClient(server.address.port);
    client.send(CR);
    await expectStats(server, { accepted: 1, failed: 1 });
  });

  test('an open connection that is reset as failed', async () => {
    const { server, client } = await pair();
    client.destroy();
    await expectStats(server, { accepted: 1, failed: 1 });
    expect(server.errors).toHaveLength(1);
  });

  test('an open connection on which the protocol is broken as failed at once, and once', async () => {
    const server = await serve();
    const client = await rawClient(server.address.port);
    client.send(CR);
    const conn = await server.accept();
    client.send(hex('04000000'));
    await expect.poll(() => server.errors).toHaveLength(1);
    expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, failed: 1 });
    await conn.waitClosed();
    expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, failed: 1 });
  });

  test('a connection whose callback throws as ended, not as failed', async () => {
    const errors: Error[] = [];
    const server = await listen(
      () => Promise.reject(new Error('thrown by the callback')),
      { host: '127.0.0.1', port: 0 },
      { onError: (error) => errors.push(error) },
    );
    closeLater(() => server.asyncClose());
    const client = await connect(server.addresses[0]!);
    await client.read().catch(() => {});
    await expectStats({ server }, { accepted: 1 });
    expect(errors.map(({ message }) => message)).toEqual(['thrown by the callback']);
  });

  test('a handshake whose time is over as dropped', async () => {
    const server = await serve({ handshakeTimeout: 20 });
    await tcpClient(server.address.port);
    await expectStats(server, { accepted: 1, dropped: 1 });
  });

  test('a decision that takes too long as dropped', async () => {
    const server = await serve({
      handshakeTimeout: 20,
      onConnectRequest: () => new Promise(() => {}),
    });
    const client = await rawClient(server.address.port);
    client.send(CR);
    await expectStats(server, { accepted: 1, dropped: 1 });
  });

  test('handshakes that the closing of the server ends as dropped', async () => {
    const server = await serve({ onConnectRequest: () => new Promise(() => {}) });
    await tcpClient(server.address.port);
    (await rawClient(server.address.port)).send(CR);
    await expectStats(server, { accepted: 2, handshaking: 2 });
    await server.server.asyncClose();
    await expectStats(server, { accepted: 2, dropped: 2 });
  });

  test('clients beyond those that can be refused as dropped', async () => {
    const { server } = await pair({}, { maxConnections: 1 });
    const sockets: Socket[] = [];
    for (let left = 70; left > 0; left -= 1) {
      sockets.push(await tcpClient(server.address.port));
    }
    await expectStats(server, { accepted: 71, open: 1, handshaking: 64, dropped: 6 });
    for (const socket of sockets) {
      socket.destroy();
    }
    await expectStats(server, { accepted: 71, open: 1, dropped: 6 });
  });

  describe('of a TLS server', () => {
    const tls = () => ({ ...made.server });
    const client = () => ({ tls: { ca: made.ca, servername: 'localhost' } });

    test('an open connection once', async () => {
      const { server } = await pair(client(), { tls: tls() });
      expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, open: 1 });
    });

    test('the handshake of TLS, then that of COTP, as one', async () => {
      const server = await serve({ tls: tls() });
      const beneath = await tcpClient(server.address.port);
      await expectStats(server, { accepted: 1, handshaking: 1 });
      const above = connectTls({ socket: beneath, ...client().tls });
      closeLater(() => above.destroy());
      await once(above, 'secureConnect');
      expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, handshaking: 1 });
      above.write(CR);
      await expectStats(server, { accepted: 1, open: 1 });
    });

    test.each([
      ['sends something else', (socket: Socket) => void socket.write('no TLS at all, but text')],
      ['sends FIN', (socket: Socket) => void socket.end()],
      ['resets', (socket: Socket) => void socket.resetAndDestroy()],
    ])('a client that %s as dropped', async (_what, act) => {
      const server = await serve({ tls: tls() });
      const socket = await tcpClient(server.address.port);
      await expectStats(server, { accepted: 1, handshaking: 1 });
      act(socket);
      await expectStats(server, { accepted: 1, dropped: 1 });
    });

    test('a client beyond the limit, and a handshake whose time is over, as dropped', async () => {
      const server = await serve({ tls: tls(), maxConnections: 1, handshakeTimeout: 50 });
      await tcpClient(server.address.port);
      await expectStats(server, { accepted: 1, handshaking: 1 });
      await tcpClient(server.address.port);
      await expectStats(server, { accepted: 2, dropped: 2 });
    });

    test('a handshake that the closing of the server ends as dropped', async () => {
      const server = await serve({ tls: tls() });
      await tcpClient(server.address.port);
      await expectStats(server, { accepted: 1, handshaking: 1 });
      await server.server.asyncClose();
      expect(server.server.stats()).toEqual({ ...NOTHING, accepted: 1, dropped: 1 });
    });
  });
});

describe('whatever clients do', () => {
  test('accepted is the sum of all others and of those that have ended, at any time', async () => {
    const server = await serve({ localTsel: 0x0102, handshakeTimeout: 200, maxConnections: 100 });
    const { port } = server.address;
    const good = { remoteTsel: 0x0102 };
    let closed = 0;
    const acts: (() => Promise<unknown>)[] = [
      async () => {
        const conn = await connect(server.address, good);
        closed += 1;
        await conn.asyncClose();
      },
      async () => {
        const conn = await connect(server.address, { ...good, tpClass: '2,0' });
        conn.destroy();
      },
      () => refused(server, 0x0103),
      async () => (await rawClient(port)).send(Buffer.from('not TPKT at all')),
      async () => (await rawClient(port)).send(tpkt('0a e0 0000 0001 00')),
      async () => (await rawClient(port)).reset(),
      () => tcpClient(port),
    ];
    const kept: Connection[] = [];
    for (let round = 0; round < 5; round += 1) {
      kept.push(await connect(server.address, good));
      await Promise.all(acts.map((act) => act()));
      expect(ended(server.server.stats())).toBeGreaterThanOrEqual(0);
      expect(ended(server.server.stats())).toBeLessThanOrEqual(2 * closed);
    }
    closeLater(() => kept.forEach((conn) => void conn.destroy()));
    await expectStats(server, {
      accepted: 40,
      open: 5,
      refused: { 3: 5, invalid: 5 },
      dropped: 5,
      failed: 10,
    });
    // Those that were closed, and those that were reset before a CR.
    expect([closed, ended(server.server.stats())]).toEqual([5, 5 + 5]);
  });
});

describe('a snapshot of stats()', () => {
  test('does not change later, and cannot be changed', async () => {
    const { server } = await pair();
    const before = server.server.stats();
    await connect(server.address).then((conn) => closeLater(() => conn.destroy()));
    expect(before.accepted).toBe(1);
    expect(Object.isFrozen(before)).toBe(true);
    expect(Object.isFrozen(before.refused)).toBe(true);
  });
});

describe('cotp/tpkt: stats() counts', () => {
  async function tpktServer(options: tpktService.ListenOptions = {}) {
    const errors: Error[] = [];
    const onError = (error: Error) => void errors.push(error);
    const own = { onError, ...options };
    const server = await tpktService.listen(() => {}, { host: '127.0.0.1', port: 0 }, own);
    closeLater(() => server.asyncClose());
    const open = async () => {
      const conn = await tpktService.connect(server.addresses[0]!);
      closeLater(() => conn.destroy());
      return conn;
    };
    return { server: server as unknown as Server, own: server, open, errors };
  }

  test('open and ended connections', async () => {
    const server = await tpktServer();
    const conn = await server.open();
    await expectStats(server, { accepted: 1, open: 1 });
    await conn.asyncClose();
    await expectStats(server, { accepted: 1 });
  });

  test('a connection that fails', async () => {
    const server = await tpktServer();
    const conn = await server.open();
    await expectStats(server, { accepted: 1, open: 1 });
    conn.destroy();
    await expectStats(server, { accepted: 1, failed: 1 });
    expect(server.errors).toHaveLength(1);
  });

  test('a client beyond the limit as dropped', async () => {
    const server = await tpktServer({ maxConnections: 1 });
    await server.open();
    await tcpClient(server.own.addresses[0]!.port);
    await expectStats(server, { accepted: 2, open: 1, dropped: 1 });
  });

  test('connections has those that are open', async () => {
    const { own, open } = await tpktServer();
    await open();
    await expect.poll(() => own.connections.size).toBe(1);
    const [conn] = own.connections;
    expect(conn).toBeInstanceOf(tpktService.Connection);
  });
});

describe('connections', () => {
  test('has the open ones, as they come and go', async () => {
    const { server, client, peer } = await pair();
    const { connections } = server.server;
    expect([...connections]).toEqual([peer]);
    const second = await connect(server.address);
    const other = await server.accept();
    expect([...connections]).toEqual([peer, other]);
    expect([connections.has(peer), connections.has(client)]).toEqual([true, false]);
    await second.asyncClose();
    await other.waitClosed();
    expect([...connections]).toEqual([peer]);
    expect(server.server.connectionCount).toBe(1);
    expect(server.server.connections).toBe(connections);
  });

  test('has no connection in its handshake', async () => {
    const server = await serve();
    await tcpClient(server.address.port);
    await expectStats(server, { accepted: 1, handshaking: 1 });
    expect(server.server.connections.size).toBe(0);
  });

  test('has a connection before the callback of the user is called', async () => {
    const server = await serve();
    await connect(server.address).then((conn) => closeLater(() => conn.destroy()));
    const conn = await server.accept();
    expect(server.server.connections.has(conn)).toBe(true);
  });
});
