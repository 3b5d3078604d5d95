/** The events of `cotp:connection` beside those of `channels.test.ts`: requests, drops, failures, and their fields. */
import { connect as connectTcp } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type ConnectionEvent,
  type ConnectRequest,
  connect,
  type ListenOptions,
} from '../../../src/index.js';
import * as tpktService from '../../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../../support/certificates.js';
import { heard, ofType } from '../../support/heard.js';
import {
  closeLater,
  pair,
  rawClient,
  rejection,
  serve,
  type TestServer,
} from '../../support/life.js';
import { CR, hex, tpkt } from '../../support/raw.js';

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

/** The events of one server, in order, from now on. */
function eventsOf({ server }: TestServer): () => readonly ConnectionEvent[] {
  const events = heard<ConnectionEvent>('cotp:connection');
  return () => events.filter((event) => event.server === server.addresses[0]);
}

/** Bare TCP that does not care how it ends. */
function tcpClient(port: number) {
  const socket = connectTcp({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.resume();
  closeLater(() => socket.destroy());
  return socket;
}

describe('each event', () => {
  test('of a server has id, peer and the address of the server', async () => {
    const server = await serve();
    const events = eventsOf(server);
    const client = await rawClient(server.address.port);
    client.send(CR);
    const conn = await server.accept();
    client.reset();
    await expect.poll(() => events().map(({ event }) => event)).toContain('close');
    expect(events().map(({ event }) => event)).toEqual(['request', 'open', 'error', 'close']);
    const { remoteAddr } = conn.info;
    for (const event of events()) {
      expect(event).toMatchObject({
        id: conn.id,
        connection: conn.id,
        role: 'server',
        remoteAddr,
        peer: `127.0.0.1:${remoteAddr.port}`,
        server: { host: '127.0.0.1', port: server.address.port },
      });
    }
  });

  test('of a client has id and peer, and no server', async () => {
    const events = heard<ConnectionEvent>('cotp:connection');
    const { client, server } = await pair();
    await client.asyncClose();
    const own = () => events.filter(({ id }) => id === client.id);
    await expect.poll(() => own().map(({ event }) => event)).toEqual(['open', 'close']);
    for (const event of own()) {
      expect(event).toMatchObject({ role: 'client', peer: `127.0.0.1:${server.address.port}` });
      expect(event.server).toBeUndefined();
    }
  });
});

describe('request', () => {
  test('has both selectors', async () => {
    const server = await serve();
    const events = eventsOf(server);
    const client = await rawClient(server.address.port);
    client.send(CR);
    await expect.poll(() => ofType(events(), 'request')).toHaveLength(1);
    expect(ofType(events(), 'request')).toMatchObject([{ localTsel: 0x0102, remoteTsel: 0x0100 }]);
  });

  test('comes before the user decides, with the id of the request', async () => {
    const order: string[] = [];
    const server = await serve({
      onConnectRequest: (request) => {
        order.push(
          `decided on ${request.id}`,
          ...events().map(({ event, id }) => `${event} ${id}`),
        );
        request.accept();
      },
    });
    const events = eventsOf(server);
    (await rawClient(server.address.port)).send(CR);
    const { id } = await server.accept();
    expect(order).toEqual([`decided on ${id}`, `request ${id}`]);
  });

  test.each([
    ['selector', CR, { localTsel: 1 }],
    ['limit', CR, { maxConnections: 1 }],
    ['user', CR, { onConnectRequest: (request: ConnectRequest) => request.refuse() }],
    ['class', tpkt('06 e0 0000 0001 40'), {}],
    ['invalid', tpkt('0a e0 0000 0001 00'), {}],
  ] as const)(
    'comes before refused, of the cause %s',
    async (cause, cr, options: ListenOptions) => {
      const server = await serve(options);
      if (cause === 'limit') {
        await connect(server.address).then((conn) => closeLater(() => conn.destroy()));
      }
      const events = eventsOf(server);
      const client = await rawClient(server.address.port);
      client.send(cr);
      await expect.poll(() => ofType(events(), 'refused')).toHaveLength(1);
      expect(
        events()
          .map(({ event }) => event)
          .slice(0, 2),
      ).toEqual(['request', 'refused']);
      expect(ofType(events(), 'refused')[0]?.cause).toBe(cause);
      expect(new Set(events().map(({ id }) => id)).size).toBe(1);
    },
  );
});

describe('drop', () => {
  test('of a client beyond the limit that cannot be refused', async () => {
    const { server } = await pair({}, { maxConnections: 1 });
    const events = eventsOf(server);
    for (let left = 65; left > 0; left -= 1) {
      await rawClient(server.address.port);
    }
    await expect.poll(() => ofType(events(), 'drop')).toHaveLength(1);
    const [drop] = ofType(events(), 'drop');
    expect(drop).toMatchObject({ cause: 'limit', error: undefined });
    expect(drop?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('of a client beyond the limit of a TLS server', async () => {
    const tls = { ca: made.ca, servername: 'localhost' };
    const { server } = await pair({ tls }, { tls: { ...made.server }, maxConnections: 1 });
    const events = eventsOf(server);
    tcpClient(server.address.port);
    await expect.poll(() => ofType(events(), 'drop')).toHaveLength(1);
    expect(ofType(events(), 'drop')[0]).toMatchObject({ cause: 'limit', error: server.errors[0] });
  });

  test('of a client that is refused by TLS', async () => {
    const server = await serve({ tls: { ...made.server } });
    const events = eventsOf(server);
    const { socket } = await rawClient(server.address.port);
    const peer = `127.0.0.1:${socket.localPort}`;
    socket.write('no TLS at all, but text');
    await expect.poll(() => ofType(events(), 'drop')).toHaveLength(1);
    const [drop] = ofType(events(), 'drop');
    expect(drop).toMatchObject({
      cause: 'tls',
      error: server.errors[0],
      peer,
      localAddr: server.address,
    });
  });

  test.each([
    ['TLS', () => ({ tls: { ...made.server } })],
    ['the CR', () => ({})],
    ['the decision', () => ({ onConnectRequest: () => new Promise<void>(() => {}) })],
  ])('of a client when the time for %s is over', async (what, options) => {
    const server = await serve({ handshakeTimeout: 20, ...options() });
    const events = eventsOf(server);
    tcpClient(server.address.port).write(what === 'the decision' ? CR : '');
    await expect.poll(() => ofType(events(), 'drop')).toHaveLength(1);
    expect(ofType(events(), 'drop')[0]).toMatchObject({
      cause: 'timeout',
      error: server.errors[0],
    });
    expect(ofType(events(), 'error')).toEqual([]);
  });

  test.each([
    ['TLS', () => ({ tls: { ...made.server } })],
    ['the CR', () => ({})],
    ['the decision', () => ({ onConnectRequest: () => new Promise<void>(() => {}) })],
  ])('of a client whose handshake is at %s when the server closes', async (what, options) => {
    const server = await serve(options());
    const events = eventsOf(server);
    tcpClient(server.address.port).write(what === 'the decision' ? CR : '');
    await expect.poll(() => server.server.stats().handshaking).toBe(1);
    await expect.poll(() => events().length).toBe(what === 'the decision' ? 1 : 0);
    server.server.close();
    await expect.poll(() => ofType(events(), 'drop')).toHaveLength(1);
    expect(ofType(events(), 'drop')[0]).toMatchObject({ cause: 'closing', error: undefined });
    expect(server.errors).toEqual([]);
  });

  test('has the id of the request, and a close behind it, where there was a request', async () => {
    const server = await serve({
      handshakeTimeout: 20,
      onConnectRequest: () => new Promise<void>(() => {}),
    });
    const events = eventsOf(server);
    tcpClient(server.address.port).write(CR);
    await expect
      .poll(() => events().map(({ event }) => event))
      .toEqual(['request', 'drop', 'close']);
    expect(new Set(events().map(({ id }) => id)).size).toBe(1);
  });
});

describe('error', () => {
  test.each([
    ['breaks the protocol', hex('04000000'), 'ERR_COTP_PROTOCOL'],
    ['ends TCP within a TSDU', tpkt('02 f0 00 01'), 'ERR_COTP_CLOSED'],
  ])('of an open connection when the peer %s', async (_what, octets, code) => {
    const server = await serve();
    const events = eventsOf(server);
    const client = await rawClient(server.address.port);
    client.send(CR);
    await server.accept();
    client.send(octets);
    client.socket.end();
    await expect.poll(() => ofType(events(), 'error')).toHaveLength(1);
    const [failed] = ofType(events(), 'error');
    expect(failed?.error).toMatchObject({ code });
    expect(server.errors).toEqual([failed?.error]);
  });

  test('of a client whose connection is reset', async () => {
    const events = heard<ConnectionEvent>('cotp:connection');
    const errors: Error[] = [];
    const { client, peer } = await pair({ onError: (error) => errors.push(error) });
    peer.destroy();
    await client.waitClosed();
    const own = ofType(events, 'error').filter(({ id }) => id === client.id);
    expect(own.map(({ error }) => error)).toEqual(errors);
    expect(errors).toHaveLength(1);
  });

  test('of what is no CR', async () => {
    const server = await serve();
    const events = eventsOf(server);
    (await rawClient(server.address.port)).send(tpkt('02 f0 80 01'));
    await expect.poll(() => ofType(events(), 'error')).toHaveLength(1);
    expect(ofType(events(), 'error').map(({ error }) => error)).toEqual(server.errors);
  });

  test('not of a connection that either side closes gracefully', async () => {
    const events = heard<ConnectionEvent>('cotp:connection');
    const { client, peer } = await pair();
    await client.asyncClose();
    await peer.waitClosed();
    const own = ofType(events, 'error').filter(({ id }) => id === client.id || id === peer.id);
    expect(own).toEqual([]);
  });

  test('not of a refused CR, whose event has the cause', async () => {
    const server = await serve({ localTsel: 1 });
    const events = eventsOf(server);
    await rejection(connect(server.address));
    await expect.poll(() => ofType(events(), 'close')).toHaveLength(1);
    expect(ofType(events(), 'error')).toEqual([]);
  });
});

describe('close', () => {
  test('comes for a connection that was open before anybody subscribed, with its addresses', async () => {
    const { client, peer } = await pair();
    const events = heard<ConnectionEvent>('cotp:connection');
    await client.asyncClose();
    await peer.waitClosed();
    for (const { id, info } of [client, peer]) {
      const { localAddr, remoteAddr } = info;
      const own = ofType(events, 'close').filter((close) => close.id === id);
      expect(own).toMatchObject([{ localAddr, remoteAddr }]);
    }
  });

  test.each([0, 2] as const)('of class %i has the counters of the connection', async (tpClass) => {
    const server = await serve({ tpClass });
    const events = eventsOf(server);
    const client = await connect(server.address, { tpClass });
    const peer = await server.accept();
    client.write(Buffer.alloc(5_000));
    await peer.read();
    await client.asyncClose();
    await expect.poll(() => ofType(events(), 'close')).toHaveLength(1);
    const { bytesRead, bytesWritten } = peer;
    expect(ofType(events(), 'close')[0]).toMatchObject({
      bytesRead,
      bytesWritten,
      messagesRead: 1,
      messagesWritten: 0,
    });
    expect(bytesRead).toBe(client.bytesWritten);
  });
});

test('cotp/tpkt publishes no events: it has no CR', async () => {
  const events = heard<ConnectionEvent>('cotp:connection');
  const server = await tpktService.listen(() => {}, { host: '127.0.0.1', port: 0 });
  closeLater(() => server.asyncClose());
  const client = await tpktService.connect(server.addresses[0]!);
  await client.asyncClose();
  const { port } = server.addresses[0]!;
  expect(
    events.filter(({ peer, server: own }) => own?.port === port || peer.endsWith(`:${port}`)),
  ).toEqual([]);
});
