/** `server.accept`: a stream that came some other way is served like an accepted connection. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import process from 'node:process';
import { Duplex, duplexPair } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Connection,
  ConnectionRefusedError,
  connect,
  type ListenOptions,
} from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, rejection, serve } from '../support/life.js';

const CHANNEL = { host: 'channel' };

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

/** A server and the far end of a stream that it has accepted. */
async function accepted(
  options: ListenOptions = {},
  how: Parameters<Awaited<ReturnType<typeof serve>>['server']['accept']>[1] = {},
) {
  const server = await serve(options);
  const [ours, theirs] = duplexPair();
  closeLater(() => theirs.destroy());
  server.server.accept(ours, how);
  return { server, ours, theirs };
}

async function opened(socket: Duplex, options = {}): Promise<Connection> {
  const connection = await connect(CHANNEL, { socket, ...options });
  closeLater(() => connection.destroy());
  return connection;
}

describe('an accepted stream', () => {
  test('carries a connection, in both directions', async () => {
    const { server, theirs } = await accepted();
    const client = await opened(theirs);
    const peer = await server.accept();
    client.write(Buffer.from('there'));
    peer.write(Buffer.from('back'));
    expect(String(await peer.read())).toBe('there');
    expect(String(await client.read())).toBe('back');
  });

  test('is a connection of the server, which bindConnections closes', async () => {
    const { server, theirs } = await accepted({ bindConnections: true });
    const client = await opened(theirs);
    await server.accept();
    expect(server.server.connectionCount).toBe(1);
    await server.server.asyncClose();
    await client.waitClosed();
    expect(server.server.connectionCount).toBe(0);
  });

  test('is in the counts of the server', async () => {
    const { server, theirs } = await accepted();
    expect(server.server.stats()).toMatchObject({ accepted: 1, handshaking: 1, open: 0 });
    await opened(theirs);
    const connection = await server.accept();
    expect(server.server.stats()).toMatchObject({ accepted: 1, handshaking: 0, open: 1 });
    expect([...server.server.connections]).toEqual([connection]);
  });

  test('is closed with its connection', async () => {
    const { server, ours, theirs } = await accepted();
    await opened(theirs);
    await (await server.accept()).asyncClose();
    expect(ours.destroyed).toBe(true);
  });

  test('has an unknown address where none is given', async () => {
    const { server, theirs } = await accepted();
    await opened(theirs);
    expect((await server.accept()).info.remoteAddr).toEqual({ host: 'unknown', port: 0 });
  });

  test('has the address that is given, in info, request, trace and errors', async () => {
    const seen: string[] = [];
    const server = await serve({
      trace: (entry) => seen.push(entry.peer),
      onConnectRequest: (request) => {
        seen.push(request.remoteAddr.host);
        request.accept();
      },
      onError: (_error, { peer }) => seen.push(peer),
    });
    const [ours, theirs] = duplexPair();
    server.server.accept(ours, { remoteAddr: { host: '192.0.2.1', port: 7 } });
    await opened(theirs);
    const connection = await server.accept();
    expect(connection.info.remoteAddr).toEqual({ host: '192.0.2.1', port: 7 });
    connection.destroy(new Error('it fails'));
    await connection.waitClosed();
    expect(seen).toEqual(['192.0.2.1:7', '192.0.2.1', '192.0.2.1:7']);
  });

  test('counts for maxConnections', async () => {
    const { server, theirs } = await accepted({ maxConnections: 1 });
    await opened(theirs);
    expect(await rejection(connect(server.address))).toBeInstanceOf(ConnectionRefusedError);
  });

  test('beyond maxConnections is refused by a DR', async () => {
    const { server, theirs } = await accepted({ maxConnections: 1 });
    await opened(theirs);
    const [ours, second] = duplexPair();
    server.server.accept(ours);
    expect(await rejection(connect(CHANNEL, { socket: second }))).toMatchObject({ reason: 1 });
  });

  test('counts for maxConnectionsPerAddress by the address that is given', async () => {
    const how = { remoteAddr: { host: '192.0.2.1' } };
    const { server, theirs } = await accepted({ maxConnectionsPerAddress: 1 }, how);
    await opened(theirs);
    const [ours, second] = duplexPair();
    server.server.accept(ours, how);
    expect(await rejection(connect(CHANNEL, { socket: second }))).toMatchObject({ reason: 1 });
    const [others, third] = duplexPair();
    server.server.accept(others, { remoteAddr: { host: '192.0.2.2' } });
    expect((await opened(third)).isOpen).toBe(true);
  });

  test('without an address has no limit for its address', async () => {
    const { server, theirs } = await accepted({ maxConnectionsPerAddress: 1 });
    await opened(theirs);
    const [ours, second] = duplexPair();
    server.server.accept(ours);
    expect((await opened(second)).isOpen).toBe(true);
  });

  test('has handshakeTimeout', async () => {
    const { server, ours } = await accepted({ handshakeTimeout: 20 });
    await once(ours, 'close');
    expect(server.errors).toMatchObject([{ code: 'ERR_COTP_TIMEOUT' }]);
  });

  test('is dropped in its handshake by close()', async () => {
    const { server, ours } = await accepted();
    await server.server.asyncClose();
    expect(ours.destroyed).toBe(true);
  });

  test('that fails after it was accepted is an error of its own connection', async () => {
    const { server, ours, theirs } = await accepted();
    await opened(theirs);
    const connection = await server.accept();
    ours.destroy(new Error('the channel broke'));
    expect(await rejection(connection.read())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });

  test('can be a socket of the system, with its own addresses', async () => {
    const server = await serve();
    const net = createServer((socket) => server.server.accept(socket)).listen(0, '127.0.0.1');
    closeLater(() => net.close());
    await once(net, 'listening');
    const { port } = net.address() as { port: number };
    const client = await connect({ host: '127.0.0.1', port });
    closeLater(() => client.destroy());
    const { info } = await server.accept();
    expect(info.localAddr).toEqual({ host: '127.0.0.1', port });
    expect(info.remoteAddr).toEqual(client.info.localAddr);
  });

  test.each([
    ['', false],
    [' with TLS', true],
  ])('can be a socket from another process%s', async (_how, isTls) => {
    const server = await serve(isTls ? { tls: made.server } : {});
    const script = `const net = require('node:net').createServer({ pauseOnConnect: true });
      net.on('connection', (socket) => process.send('socket', socket));
      net.listen(0, '127.0.0.1', () => process.send(net.address().port));`;
    const child = spawn(process.execPath, ['-e', script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    closeLater(() => child.kill('SIGKILL'));
    const [port] = await once(child, 'message');
    child.on('message', (_message, socket) => server.server.accept(socket as Socket));
    const tls = isTls ? { ca: made.ca, servername: 'localhost' } : undefined;
    const client = await connect({ host: '127.0.0.1', port }, { tls });
    closeLater(() => client.destroy());
    const connection = await server.accept();
    expect(connection.info.remoteAddr).toEqual(client.info.localAddr);
    // Our half stays open after the FIN of the client, although the socket was made to end with it.
    client.write(Buffer.from('question'));
    client.end();
    await connection.read();
    connection.write(Buffer.from('answer'));
    expect(String(await client.read())).toBe('answer');
  });

  test('that was paused is served', async () => {
    const server = await serve();
    const net = createServer({ pauseOnConnect: true }, (socket) => server.server.accept(socket));
    closeLater(() => net.close());
    await once(net.listen(0, '127.0.0.1'), 'listening');
    const { port } = net.address() as { port: number };
    const client = await connect({ host: '127.0.0.1', port });
    expect(client.isOpen).toBe(true);
    client.destroy();
  });

  test('carries bare TPKT', async () => {
    const server = await tpkt.listen(
      async (connection) => {
        connection.write(await connection.read());
      },
      { host: '127.0.0.1', port: 0 },
    );
    closeLater(() => server.close());
    const [ours, theirs] = duplexPair();
    server.accept(ours);
    const client = await tpkt.connect(CHANNEL, { socket: theirs });
    closeLater(() => client.destroy());
    client.write(Buffer.from('ping!'));
    expect(String(await client.read())).toBe('ping!');
  });
});

describe('an accepted stream of a server with TLS', () => {
  const client = () => ({ tls: { ca: made.ca, servername: 'localhost' } });

  test('has TLS first', async () => {
    const { server, theirs } = await accepted({ tls: made.server });
    await opened(theirs, client());
    expect((await server.accept()).isOpen).toBe(true);
  });

  test('can be a socket of the system', async () => {
    const server = await serve({ tls: made.server });
    const net = createServer((socket) => server.server.accept(socket)).listen(0, '127.0.0.1');
    closeLater(() => net.close());
    await once(net, 'listening');
    const { port } = net.address() as { port: number };
    const connection = await connect({ host: '127.0.0.1', port }, client());
    closeLater(() => connection.destroy());
    expect((await server.accept()).info.remoteAddr).toEqual(connection.info.localAddr);
  });

  test('has none where the caller has ended TLS', async () => {
    const { server, theirs } = await accepted({ tls: made.server }, { tls: false });
    await opened(theirs);
    expect((await server.accept()).isOpen).toBe(true);
  });

  test('has none where it is a TLS socket whose TLS the caller ends', async () => {
    const server = await serve();
    const [ours, theirs] = duplexPair();
    server.server.accept(new TLSSocket(ours, { ...made.server, isServer: true }));
    const far = connectTls({ socket: theirs, ca: made.ca, servername: 'localhost' });
    await once(far, 'secureConnect');
    await opened(far);
    expect((await server.accept()).isOpen).toBe(true);
  });

  test('without TLS in time is dropped and reported', async () => {
    const { server, ours } = await accepted({ tls: made.server, handshakeTimeout: 20 });
    await once(ours, 'close');
    expect(server.errors).toMatchObject([{ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }]);
  });

  test('that sends no TLS is reported with the address that is given', async () => {
    const peers: string[] = [];
    const server = await serve({
      tls: made.server,
      onError: (_error, { peer }) => peers.push(peer),
    });
    const [ours, theirs] = duplexPair();
    server.server.accept(ours, { remoteAddr: { host: '192.0.2.1', port: 7 } });
    theirs.write('GET / HTTP/1.1\r\n\r\n');
    await expect.poll(() => peers).toEqual(['192.0.2.1:7']);
    theirs.destroy();
  });

  test('whose peer goes during the handshake frees its place', async () => {
    const { server, ours, theirs } = await accepted({ tls: made.server, maxConnections: 1 });
    theirs.end();
    await once(ours, 'close');
    await expect.poll(() => server.errors.length).toBe(1);
    const [other, second] = duplexPair();
    server.server.accept(other);
    expect((await opened(second, client())).isOpen).toBe(true);
  });

  test('is dropped in its handshake by close(), without an error', async () => {
    const { server, ours } = await accepted({ tls: made.server });
    await server.server.asyncClose();
    expect(ours.destroyed).toBe(true);
    expect(server.errors).toEqual([]);
  });
});

describe('accept() refuses', () => {
  const idle = () => new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });

  test.each<[string, unknown[], typeof TypeError | typeof RangeError, RegExp]>([
    ['what is no stream', [{}], TypeError, /stream must be a Duplex stream, not \{\}/],
    ['nothing', [], TypeError, /stream must be a Duplex stream/],
    ['options that are none', [idle(), null], TypeError, /options must be an object/],
    ['an unknown option', [idle(), { remote: 1 }], TypeError, /options\.remote is not known/],
    ['an address as text', [idle(), { remoteAddr: 'a:1' }], TypeError, /options\.remoteAddr must/],
    ['a bad host', [idle(), { remoteAddr: { host: 7 } }], TypeError, /options\.remoteAddr\.host/],
    [
      'a bad port',
      [idle(), { remoteAddr: { host: 'a', port: 65_536 } }],
      RangeError,
      /options\.remoteAddr\.port/,
    ],
    ['tls that is no flag', [idle(), { tls: 'no' }], TypeError, /options\.tls must be true or/],
    [
      'tls where listen has none',
      [idle(), { tls: true }],
      TypeError,
      /options\.tls must be false: listen\(\) has no options\.tls/,
    ],
  ])('%s', async (_what, args, type, message) => {
    const { server } = await serve();
    const call = () => (server.accept as (...given: unknown[]) => void).apply(server, args);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });

  test('a stream that has ended', async () => {
    const { server } = await serve();
    const stream = idle();
    stream.destroy();
    expect(() => server.accept(stream)).toThrow(
      'stream must be an open stream, but it is already destroyed',
    );
  });

  test('a stream that is in its handshake already, there or on another server', async () => {
    const { server } = await serve();
    const { server: other } = await serve();
    const stream = idle();
    server.accept(stream);
    const message = 'stream must be one that no server has accepted before';
    expect(() => server.accept(stream)).toThrow(message);
    expect(() => other.accept(stream)).toThrow(message);
    stream.destroy();
  });

  test('a stream that carries a connection already', async () => {
    const { server, ours, theirs } = await accepted();
    await opened(theirs);
    expect(() => server.server.accept(ours)).toThrow(TypeError);
  });

  test('nothing of a stream that it can take after a mistake in the options', async () => {
    const { server } = await serve();
    const [ours, theirs] = duplexPair();
    expect(() => server.accept(ours, { tls: true })).toThrow(TypeError);
    server.accept(ours);
    expect((await opened(theirs)).isOpen).toBe(true);
  });

  test.each<[string, (server: Awaited<ReturnType<typeof serve>>['server']) => unknown]>([
    ['is closed', (server) => server.close()],
    ['shuts down', (server) => server.shutdown()],
  ])('any stream once the server %s', async (_when, close) => {
    const { server } = await serve();
    close(server);
    const stream = idle();
    expect(() => server.accept(stream)).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_CLOSED' }),
    );
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });
});
