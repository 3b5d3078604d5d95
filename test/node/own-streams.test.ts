/** A stream of the caller's own beneath a connection: what it must be, and what becomes of it. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ConnectOptions, connect } from '../../src/index.js';
import { References } from '../../src/node/references.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, rawServer, rejection, serve } from '../support/life.js';
import { hex } from '../support/raw.js';

afterEach(() => {
  vi.restoreAllMocks();
});

async function destroyed(error?: Error): Promise<Duplex> {
  const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  stream.on('error', () => {}).destroy(error);
  await once(stream, 'close').catch(() => {});
  return stream;
}

const ENTRIES = [
  ['cotp', connect],
  ['cotp/tpkt', tpkt.connect],
] as const;

test.each(ENTRIES)('%s: a stream that gives no octets has failed', async (entry, open) => {
  const socket = new Duplex({
    objectMode: true,
    read: () => {},
    write: (_chunk, _encoding, done) => done(),
  });
  const opening = open({ host: 'own', port: 1 }, { socket });
  socket.push({ no: 'octets' });
  // A stream of cotp/tpkt is a connection at once.
  const error = await rejection(
    entry === 'cotp' ? opening : opening.then((connection) => connection.read()),
  );
  expect(error.message).toContain("what the stream gives must be octets, not { no: 'octets' }");
  expect(socket.destroyed).toBe(true);
});

describe.each(ENTRIES)('%s: a stream that is destroyed already', (_entry, open) => {
  const address = { host: 'own', port: 1 };

  test('is refused at once', async () => {
    const error = await rejection(open(address, { socket: await destroyed() }));
    expect(error).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      phase: 'tcp',
      ending: undefined,
      message: 'options.socket must be an open stream, but it is already destroyed',
    });
  });

  test('is refused with the error that ended it', async () => {
    const cause = Object.assign(new Error('it broke'), { code: 'EIO' });
    const error = await rejection(open(address, { socket: await destroyed(cause) }));
    expect(error).toMatchObject({ phase: 'tcp', ending: 'reset', cause });
    expect(error.message).toContain('(EIO)');
  });

  test.each<[string, (stream: Duplex) => Promise<unknown>]>([
    [
      'whose peer has ended',
      (stream) => Promise.all([once(stream.resume(), 'end'), stream.push(null)]),
    ],
    ['it was ended here', async (stream) => stream.end()],
  ])('is refused when %s', async (_what, end) => {
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    await end(socket);
    expect(await rejection(open(address, { socket }))).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      phase: 'tcp',
      message: 'options.socket must be an open stream, but it has already ended',
    });
    socket.destroy();
  });

  test('is refused beneath TLS too', async () => {
    const error = await rejection(open(address, { socket: await destroyed(), tls: true }));
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', phase: 'tcp' });
  });

  test('holds no reference and gets no listener', async () => {
    const take = vi.spyOn(References.prototype, 'take');
    const release = vi.spyOn(References.prototype, 'release');
    const socket = await destroyed();
    const before = socket.listenerCount('close');
    for (let attempt = 0; attempt < 50; attempt += 1) {
      await rejection(open(address, { socket }));
    }
    expect(take.mock.calls.length - release.mock.calls.length).toBe(0);
    expect(socket.listenerCount('close')).toBe(before);
  });
});

describe('a stream that would end its own half after the FIN of the peer', () => {
  let made: Certificates;

  beforeAll(async () => {
    made = await certificates();
  });

  const tls = () => ({ ca: made.ca, servername: 'localhost' });

  test.each<[string, (port: number) => ConnectOptions]>([
    ['a socket of TCP', (port) => ({ socket: connectTcp(port, '127.0.0.1') })],
    ['one of TCP beneath TLS', (port) => ({ socket: connectTcp(port, '127.0.0.1'), tls: tls() })],
    ['one of TLS', (port) => ({ socket: connectTls({ host: '127.0.0.1', port, ...tls() }) })],
  ])('still carries the answer: %s', async (what, own) => {
    const { server, address, errors, accept } = await serve(
      what.includes('TLS') ? { tls: made.server } : {},
    );
    const options = own(address.port);
    await once(
      options.socket as Duplex,
      what.startsWith('one of TLS') ? 'secureConnect' : 'connect',
    );
    const failures: Error[] = [];
    const client = await connect(address, { ...options, onError: (error) => failures.push(error) });
    const peer = await accept();
    peer.write(Buffer.from('request'));
    peer.end();
    const ended = once(client.socket, 'end');
    for await (const request of client) {
      expect(String(request)).toBe('request');
      await ended;
      client.write(Buffer.from('answer'));
    }
    expect(String(await peer.read())).toBe('answer');
    await Promise.all([client.waitClosed(), peer.waitClosed()]);
    expect([failures, errors]).toEqual([[], []]);
    await server.asyncClose();
  });

  test('still carries the answer: TPKT alone', async () => {
    const server = await rawServer();
    const socket = connectTcp(server.address.port, '127.0.0.1');
    await once(socket, 'connect');
    const client = await tpkt.connect(server.address, { socket });
    closeLater(() => client.destroy());
    const raw = await server.accept();
    raw.socket.end(hex('03000007010203'));
    await client.read();
    if (!socket.readableEnded) {
      await once(socket, 'end');
    }
    client.write(hex('040506'));
    await raw.until(() => raw.received.length > 0);
    expect(raw.received.toString('hex')).toBe('03000007040506');
  });
});
