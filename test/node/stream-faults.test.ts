/** Streams that fail without ending, that others pause and listen to, and what is left in them. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Connection, connect, listen } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, rawClient, rawServer, rejection, serve } from '../support/life.js';
import { OwnStream, overOwnStream } from '../support/own-stream.js';
import { CR, cc, dt, hex } from '../support/raw.js';
import { RelayedStream } from '../support/relay.js';
import { until, wire } from '../support/wire.js';

/** A record of TLS 1.3 that nobody has made with the keys of the connection. */
const BROKEN_RECORD = hex(`1703030020 ${'ab'.repeat(32)}`);

/** What can be read, as text, up to the failure or the end. */
async function readAll(connection: Connection): Promise<readonly string[]> {
  const all: string[] = [];
  try {
    for (;;) {
      all.push((await connection.read()).toString('latin1'));
    }
  } catch {
    return all;
  }
}

/** DTs of one octet each, the digits of a text. */
function digitsOf(text: string): Buffer {
  return Buffer.concat([...text].map((digit) => dt(Buffer.from(digit).toString('hex'))));
}

describe('an error of the stream ends the connection', () => {
  let made: Certificates;

  beforeAll(async () => {
    made = await certificates();
  });

  test('though the stream itself goes on', async () => {
    const { connection, stream } = await overOwnStream();
    const reading = rejection(connection.read());
    stream.emit('error', Object.assign(new Error('it broke'), { code: 'EIO' }));
    expect(await reading).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'reset' });
    expect(stream.destroyed).toBe(true);
  });

  test.each(['client', 'server'] as const)(
    'a record of TLS that is broken, at our %s',
    async (victim) => {
      const { address, accept } = await serve({ tls: made.server });
      const socket = await RelayedStream.connect(address.port);
      const tls = { ca: made.ca, servername: 'localhost' };
      const client = await connect(address, { socket, tls });
      closeLater(() => client.destroy());
      const peer = await accept();
      const reading = rejection((victim === 'client' ? client : peer).read());
      await (victim === 'client' ? socket.down : socket.up).put(BROKEN_RECORD);
      expect(await reading).toMatchObject({
        code: 'ERR_COTP_CLOSED',
        ending: 'reset',
        message: expect.stringMatching(
          /^TLS failed \(ERR_SSL_\w+\) while the connection was open$/,
        ),
      });
    },
  );

  test('a client without the certificate that is asked for learns so, TLS 1.3 or not', async () => {
    const { address } = await serve({
      tls: { ...made.server, ca: made.ca, requestCert: true },
    });
    const tls = { ca: made.ca, servername: 'localhost' };
    expect(await rejection(connect(address, { tls }))).toMatchObject({
      phase: 'cr-sent',
      cause: { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' },
      message: expect.stringMatching(/^TLS failed .* require a client certificate/),
    });
  });
});

describe('a socket over a pipe, which has no reset', () => {
  /** Our connection, and the socket at the other end. */
  async function overPipe() {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-'));
    closeLater(() => rm(folder, { recursive: true }));
    const path = join(folder, 'pipe');
    const server = createServer().listen(path);
    closeLater(() => server.close());
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = connectSocket(path);
    const connection = await tpkt.connect({ host: 'pipe', port: 1 }, { socket });
    const [peer] = await accepted;
    closeLater(() => peer.destroy());
    return { connection, peer };
  }

  test('is closed all the same when the connection fails', async () => {
    const { connection, peer } = await overPipe();
    peer.write('GET / HTTP/1.0');
    expect(await rejection(connection.read())).toMatchObject({ fault: 'tpkt-version' });
    await connection.waitClosed();
    expect(connection.socket.destroyed).toBe(true);
  });

  test('is closed by destroy()', async () => {
    const { connection } = await overPipe();
    connection.destroy();
    await connection.waitClosed();
    expect(connection.socket.destroyed).toBe(true);
  });
});

describe('an own stream that its owner destroys', () => {
  test.each([
    ['an error that may not be changed', Object.freeze(new Error('given up'))],
    ['a DOMException', new DOMException('given up', 'AbortError')],
  ])(
    'with %s while the CC is awaited: the error of connect has it as its cause',
    async (_what, reason) => {
      const stream = new OwnStream();
      const connecting = connect({ host: 'own', port: 1 }, { socket: stream });
      stream.destroy(reason);
      expect(await rejection(connecting)).toMatchObject({ phase: 'cr-sent', cause: reason });
    },
  );

  test('in the moment in which TCP stands is heard of by cotp/tpkt', async () => {
    const server = await rawServer();
    const socket = connectSocket(server.address.port, '127.0.0.1');
    const reason = new Error('given up');
    socket.once('connect', () => socket.destroy(reason));
    const connection = await tpkt.connect(server.address, { socket });
    expect(await rejection(connection.read())).toMatchObject({ cause: reason });
  });
});

test('whoever waits for room hears that octets were lost, though this side had closed', async () => {
  const { connection, raw } = await wire('server');
  raw.socket.pause();
  for (let i = 0; i < 60; i += 1) {
    connection.write(Buffer.alloc(1_000_000));
  }
  connection.close();
  const draining = rejection(connection.drain());
  raw.reset();
  expect(await draining).toMatchObject({ code: 'ERR_COTP_CLOSED', phase: 'closing' });
});

describe('a stream that somebody pauses', () => {
  test('before it was given flows again', async () => {
    const stream = new OwnStream();
    stream.pause();
    const connecting = connect({ host: 'own', port: 1 }, { socket: stream });
    const [cr] = stream.written.splice(0) as [Buffer];
    stream.push(cc(cr.subarray(8, 10).toString('hex')));
    const connection = await connecting;
    closeLater(() => connection.destroy());
    expect(connection.isOpen).toBe(true);
  });

  test('is found between two chunks by who hears that it rests', async () => {
    const { connection, raw } = await wire('server', { readHighWaterMark: 1 });
    connection.socket.once('pause', () => connection.close());
    raw.send(digitsOf('12345'));
    await once(connection.socket, 'pause');
    expect(await readAll(connection)).toEqual(['1', '2', '3', '4', '5']);
  });
});

describe('destroy() loses what has arrived', () => {
  test('with the CR', async () => {
    const opened: Connection[] = [];
    const server = await listen(
      (connection) => {
        connection.destroy();
        opened.push(connection);
      },
      { host: '127.0.0.1', port: 0 },
    );
    closeLater(() => server.asyncClose());
    const raw = await rawClient(server.addresses[0]?.port as number);
    raw.send(Buffer.concat([CR, dt('01')]));
    await raw.ending();
    expect(await readAll(opened[0] as Connection)).toEqual([]);
  });

  test('and waits in the queue or in the stream', async () => {
    const { connection, raw } = await wire('server', { readHighWaterMark: 1 });
    raw.send(digitsOf('12'));
    await once(connection.socket, 'pause');
    raw.send(digitsOf('34'));
    const { socket } = connection as unknown as { socket: Socket };
    await until(() => socket.readableLength > 0);
    connection.destroy();
    await connection.waitClosed();
    expect(await readAll(connection)).toEqual([]);
  });
});

test('a stream that emits close itself gives what waits in it once', async () => {
  const { connection, stream } = await overOwnStream({ readHighWaterMark: 1 });
  stream.push(digitsOf('1'));
  await until(() => stream.isPaused());
  stream.push(digitsOf('2'));
  stream.push(digitsOf('3'));
  stream.emit('close');
  expect(await readAll(connection)).toEqual(['1', '2', '3']);
});
