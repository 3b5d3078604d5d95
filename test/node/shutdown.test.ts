/** `server.shutdown`: no client that has begun is lost, and what is open ends by itself or at the end of the grace. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { duplexPair } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, listen, type Server } from '../../src/index.js';
import { ListeningSocket } from '../../src/node/server/listening-socket.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, pair, rawClient, rejection, serve } from '../support/life.js';
import { CR, type RawPeer } from '../support/raw.js';

let directory: string;
let made: Certificates;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cotp-shutdown-'));
  made = await certificates();
  return () => rmSync(directory, { recursive: true });
});

/** Whether a promise has resolved; `true` once it has. */
function watched(promise: Promise<unknown>): { isDone: boolean } {
  const state = { isDone: false };
  void promise.then(() => {
    state.isDone = true;
  });
  return state;
}

/** Several turns of the event loop: what needs no octet of a peer has happened then. */
async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A TCP connection that the server has accepted and that has sent nothing. */
async function silentClient(server: Server, port: number): Promise<RawPeer> {
  const raw = await rawClient(port);
  // The server accepts in order, so that it has accepted the first when it answers the second.
  const later = await rawClient(port);
  later.send(CR);
  await later.packet();
  later.socket.destroy();
  await expect.poll(() => server.connectionCount).toBe(0);
  return raw;
}

describe('shutdown()', () => {
  test('of a server without connections closes it', async () => {
    const { server } = await serve();
    await server.shutdown();
    expect(server.isClosed).toBe(true);
  });

  test('refuses new clients', async () => {
    const { server, address } = await serve();
    await server.shutdown();
    expect(await rejection(connect(address))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('begins the closing of the server at once', async () => {
    const { server } = (await pair()).server;
    const { signal } = server;
    void server.shutdown();
    expect([server.isClosing, server.isClosed, signal.aborted]).toEqual([true, false, true]);
  });

  test('leaves open connections alone and resolves when the last has ended', async () => {
    const { client, peer, server } = await pair();
    const shutdown = watched(server.server.shutdown());
    await turns();
    client.write(Buffer.from('still here'));
    expect(String(await peer.read())).toBe('still here');
    expect(shutdown.isDone).toBe(false);
    await client.asyncClose();
    await expect.poll(() => shutdown.isDone).toBe(true);
    expect(server.server.isClosed).toBe(true);
  });

  test('lets a handshake finish that has begun', async () => {
    const server = await serve();
    const raw = await silentClient(server.server, server.address.port);
    void server.server.shutdown();
    await turns();
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toMatch(/^11d01234/);
    expect(server.server.connectionCount).toBe(1);
  });

  test.each([false, true])(
    'lets a stream of accept() finish its handshake, with bindConnections: %s',
    async (bindConnections) => {
      const { server, accept } = await serve({ bindConnections });
      const [ours, theirs] = duplexPair();
      server.accept(ours);
      const shutdown = watched(server.shutdown());
      await turns();
      const client = await connect({ host: 'channel' }, { socket: theirs });
      await accept();
      await turns();
      expect([client.isOpen, shutdown.isDone]).toEqual([true, false]);
      await client.asyncClose();
      await expect.poll(() => shutdown.isDone).toBe(true);
    },
  );

  test('waits for a handshake that fails, and reports it', async () => {
    const server = await serve({ handshakeTimeout: 50 });
    await silentClient(server.server, server.address.port);
    await server.server.shutdown();
    expect(server.errors).toMatchObject([{ code: 'ERR_COTP_TIMEOUT' }]);
    expect(server.server.stats()).toMatchObject({ accepted: 2, handshaking: 0, dropped: 1 });
  });

  test('lets a TLS handshake finish that has begun', async () => {
    const server = await serve({ tls: made.server });
    const raw = await rawClient(server.address.port);
    await turns();
    void server.server.shutdown();
    await turns();
    const secure = connectTls({ socket: raw.socket, ca: made.ca, servername: 'localhost' });
    await once(secure, 'secureConnect');
    const connection = await connect(server.address, { socket: secure });
    closeLater(() => connection.destroy());
    expect((await server.accept()).isOpen).toBe(true);
  });

  test('accepts the clients that the system has queued', async () => {
    const server = await serve();
    const file = join(directory, 'connected');
    const script = `
      const { connect } = require('node:net');
      const { writeFileSync } = require('node:fs');
      let connected = 0;
      let confirmed = 0;
      for (let client = 0; client < 40; client += 1) {
        const socket = connect(${server.address.port}, '127.0.0.1', () => {
          socket.write(Buffer.from('${CR.toString('hex')}', 'hex'));
          connected += 1;
          if (connected === 40) writeFileSync('${file}', '');
        });
        const ended = () => {
          console.log(String(confirmed));
          process.exit();
        };
        socket.on('error', ended).once('data', () => {
          confirmed += 1;
          if (confirmed === 40) ended();
        });
      }`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    closeLater(() => child.kill('SIGKILL'));
    // This process accepts nothing meanwhile.
    while (!existsSync(file)) {}
    void server.server.shutdown();
    const [confirmed] = await once(child.stdout, 'data');
    expect(String(confirmed).trim()).toBe('40');
  });

  test('is the same when it is called again', async () => {
    const { client, server } = await pair();
    const first = watched(server.server.shutdown());
    const second = watched(server.server.shutdown());
    await turns();
    expect([first.isDone, second.isDone]).toEqual([false, false]);
    await client.asyncClose();
    await expect.poll(() => [first.isDone, second.isDone]).toEqual([true, true]);
  });

  test('does not cut short the accepting of an earlier call', async () => {
    const net = createServer();
    net.listen(0, '127.0.0.1');
    await once(net, 'listening');
    const server = await tpkt.listen(() => {}, net);
    const both = Promise.all([server.shutdown(), server.shutdown()]);
    await Promise.resolve();
    expect(net.listening).toBe(true);
    await both;
    expect(net.listening).toBe(false);
  });

  test('waits for the connections that close() has left open', async () => {
    const { client, server } = await pair();
    await server.server.asyncClose();
    const shutdown = watched(server.server.shutdown());
    await turns();
    expect(shutdown.isDone).toBe(false);
    await client.asyncClose();
    await expect.poll(() => shutdown.isDone).toBe(true);
  });

  test('serves bare TPKT too', async () => {
    const server = await tpkt.listen(
      async (connection) => {
        connection.write(await connection.read());
      },
      { host: '127.0.0.1', port: 0 },
    );
    const client = await tpkt.connect(server.addresses[0] as tpkt.Address);
    client.write(Buffer.from('ping!'));
    await client.read();
    const shutdown = watched(server.shutdown());
    await turns();
    expect(shutdown.isDone).toBe(false);
    await client.asyncClose();
    await expect.poll(() => shutdown.isDone).toBe(true);
  });
});

describe('close() during shutdown()', () => {
  test('drops the handshakes, and is no error of them', async () => {
    const server = await serve();
    const raw = await silentClient(server.server, server.address.port);
    const shutdown = server.server.shutdown();
    await turns();
    server.server.close();
    await raw.ending();
    await shutdown;
    expect(server.errors).toEqual([]);
  });

  test('leaves connections open, and shutdown() still waits for them', async () => {
    const { client, server } = await pair();
    const shutdown = watched(server.server.shutdown());
    await server.server.asyncClose();
    await turns();
    expect([client.isOpen, shutdown.isDone]).toEqual([true, false]);
    await client.asyncClose();
    await expect.poll(() => shutdown.isDone).toBe(true);
  });

  test('closes connections with bindConnections', async () => {
    const { client, server } = await pair({}, { bindConnections: true });
    const shutdown = server.server.shutdown();
    server.server.close();
    await Promise.all([shutdown, client.waitClosed()]);
    expect(server.server.connectionCount).toBe(0);
  });
});

test('a net.Server that was shut down emits close once', async () => {
  const net = createServer().listen(0, '127.0.0.1');
  await once(net, 'listening');
  let closes = 0;
  net.on('close', () => {
    closes += 1;
  });
  const server = await listen(() => {}, net);
  await server.shutdown();
  await turns();
  expect(closes).toBe(1);
});

describe('the grace of shutdown()', () => {
  test('closes connections cleanly: what was written arrives', async () => {
    const { client, peer, server } = await pair();
    peer.write(Buffer.from('the last one'));
    await server.server.shutdown(20);
    expect(String(await client.read())).toBe('the last one');
    expect(peer.isClosed).toBe(true);
  });

  test('of 0 closes at once', async () => {
    const { client, server } = await pair();
    await server.server.shutdown(0);
    await client.waitClosed();
    expect(server.server.isClosed).toBe(true);
  });

  test('ends handshakes', async () => {
    const server = await serve();
    const raw = await silentClient(server.server, server.address.port);
    await server.server.shutdown(20);
    await raw.ending();
    expect(server.errors).toEqual([]);
  });

  test('does not delay a server whose connections have ended', async () => {
    const { client, server } = await pair();
    const shutdown = server.server.shutdown(2 ** 31 - 1);
    await client.asyncClose();
    await shutdown;
    expect(server.server.isClosed).toBe(true);
  });

  test('can be shortened by a second call', async () => {
    const { client, server } = await pair();
    const first = server.server.shutdown();
    await server.server.shutdown(10);
    await first;
    await client.waitClosed();
    expect(server.server.isClosed).toBe(true);
  });

  test('applies to the connections that close() has left open', async () => {
    const { client, server } = await pair();
    await server.server.asyncClose();
    await server.server.shutdown(10);
    await client.waitClosed();
    expect(server.server.connectionCount).toBe(0);
  });

  test.each([
    [-1, RangeError],
    [1.5, RangeError],
    [2 ** 31, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    ['1000', TypeError],
    [null, TypeError],
  ])('of %o is refused, and nothing is closed', async (grace, type) => {
    const { server } = await serve();
    const error = await rejection(server.shutdown(grace as number));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain('grace must be an integer 0 to 2147483647 (milliseconds)');
    expect(server.isOpen).toBe(true);
  });
});

test('a listening socket to which clients come without end stops after its backlog', async () => {
  const net = createServer().listen(0, '127.0.0.1');
  closeLater(() => net.close());
  await once(net, 'listening');
  let accepted = 0;
  const options = { backlog: 7, keepAlive: true, noDelay: true, ipv6Only: false, reusePort: false };
  const socket = new ListeningSocket({ kind: 'server', server: net }, options, true, {
    onSocket: () => {
      accepted += 1;
    },
    onError: () => {},
    onClosed: () => {},
  });
  await socket.bind(undefined);
  const come = () => {
    if (net.listening) {
      net.emit('connection', new Socket());
      setImmediate(come);
    }
  };
  come();
  await socket.drain();
  expect(accepted).toBeGreaterThanOrEqual(7);
  expect(accepted).toBeLessThanOrEqual(9);
});
