import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { closeLater, pair, rawServer, rejection, serve } from '../support/life.js';
import { cc, dt, hex } from '../support/raw.js';
import { PATIENT } from '../support/until.js';

describe('a connection as a Duplex', () => {
  test('gives one chunk a TSDU, however many had arrived', async () => {
    const { client, peer } = await pair();
    for (const text of ['a', 'bc', 'def']) {
      client.write(Buffer.from(text));
    }
    client.end();
    await new Promise((resolve) => setImmediate(resolve));
    const chunks: string[] = [];
    for await (const chunk of peer.toDuplex()) {
      chunks.push(String(chunk));
    }
    expect(chunks).toEqual(['a', 'bc', 'def']);
  });

  test('writes one TSDU a chunk', async () => {
    const { client, peer } = await pair();
    const stream = client.toDuplex();
    stream.write('abc');
    stream.write(Buffer.from('d'));
    expect([String(await peer.read()), String(await peer.read())]).toEqual(['abc', 'd']);
  });

  test('pipes, and what answers the last chunk still arrives', async () => {
    const { client, peer } = await pair();
    const echo = peer.toDuplex();
    echo.pipe(echo);
    const octets = randomBytes(3_000_000);
    const stream = client.toDuplex();
    const received = buffer(stream);
    await pipeline(Readable.from(chunksOf(octets, 10_000)), stream, { end: true });
    expect(sha(await received)).toBe(sha(octets));
    await Promise.all([client.waitClosed(), peer.waitClosed()]);
  });

  test('heeds backpressure', async () => {
    const { client, peer } = await pair({ writeHighWaterMark: 1000 });
    peer.socket.pause();
    const stream = client.toDuplex();
    let room = true;
    for (let i = 0; i < 1_000 && room; i += 1) {
      room = stream.write(Buffer.alloc(100_000));
    }
    expect(room).toBe(false);
    stream.destroy();
  });

  test('destroyed with an error resets the connection', async () => {
    const { client, peer } = await pair();
    const stream = client.toDuplex();
    stream.on('error', () => {});
    stream.destroy(new Error('enough'));
    expect(await rejection(peer.read())).toMatchObject({ ending: 'reset' });
  });

  test('is destroyed with the error that ends the connection', async () => {
    const { client, peer } = await pair();
    const stream = client.toDuplex();
    const failed = rejection(buffer(stream));
    peer.destroy();
    expect(await failed).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });

  test('carries TLS, as some controllers want inside of DT', async () => {
    const { client, peer } = await pair({ maxTpduSize: 1024 });
    const { server: certificate } = await certificates();
    const tlsServer = createTlsServer(certificate, (socket) => socket.pipe(socket));
    tlsServer.emit('connection', peer.toDuplex());
    closeLater(() => tlsServer.close());
    const secure = connectTls({ socket: client.toDuplex(), rejectUnauthorized: false });
    await new Promise((resolve) => secure.once('secureConnect', resolve));
    const octets = randomBytes(500_000);
    const received = buffer(secure);
    secure.end(octets);
    expect(sha(await received)).toBe(sha(octets));
  });
});

describe('a Duplex whose connection this side', () => {
  const closed = (stream: Duplex) =>
    new Promise<string[]>((resolve) => {
      const events: string[] = [];
      for (const event of ['error', 'end', 'finish'] as const) {
        stream.on(event, () => events.push(event));
      }
      stream.once('close', () => resolve(events));
    });

  test.each([
    ['flows', (stream: Duplex) => stream.resume()],
    ['is not read', () => {}],
    ['is paused', (stream: Duplex) => stream.resume().pause()],
  ])('closes is destroyed, when it %s', async (_how, use) => {
    const { client, peer } = await pair();
    const stream = client.toDuplex();
    const events = closed(stream);
    use(stream);
    client.close();
    expect(await events).toEqual(['end']);
    expect(stream.destroyed).toBe(true);
    await peer.waitClosed();
  });

  test.each([
    ['flows', (stream: Duplex) => stream.resume()],
    ['is not read', () => {}],
  ])('destroys is destroyed without an error, when it %s', async (_how, use) => {
    const { client } = await pair();
    const stream = client.toDuplex();
    const events = closed(stream);
    use(stream);
    client.destroy();
    expect(await events).toEqual([]);
  });

  test('destroys with an error is destroyed with one', async () => {
    const { client } = await pair();
    const stream = client.toDuplex().resume();
    const events = closed(stream);
    client.destroy(new Error('enough'));
    expect(await events).toEqual(['error']);
    expect(stream.errored).toMatchObject({ cause: { message: 'enough' } });
  });

  test('destroys while a write waits is destroyed without an error', async () => {
    const { client, peer } = await pair({ writeHighWaterMark: 1 });
    peer.socket.pause();
    const stream = client.toDuplex().resume();
    const events = closed(stream);
    stream.write(Buffer.alloc(8_000_000));
    stream.write(Buffer.alloc(8_000_000));
    client.destroy();
    expect(await events).toEqual([]);
  });

  test('closes with messages unread still gives them, then is destroyed', async () => {
    const { client, peer } = await pair();
    const stream = client.toDuplex();
    const socket = client.socket as Socket;
    const { bytesRead } = socket;
    for (const text of ['a', 'b', 'c']) {
      peer.write(Buffer.from(text));
    }
    await once(stream, 'readable');
    await vi.waitUntil(() => socket.bytesRead === bytesRead + 3 * 8, PATIENT);
    const events = closed(stream);
    client.close();
    await client.waitClosed();
    expect(stream.destroyed).toBe(false);
    const chunks: string[] = [];
    for await (const chunk of stream) {
      chunks.push(String(chunk));
    }
    expect(chunks).toEqual(['a', 'b', 'c']);
    expect(await events).toEqual(['end']);
  });

  test('closes after its writable half had ended', async () => {
    const { client, peer } = await pair();
    const stream = client.toDuplex();
    const events = closed(stream);
    stream.end('last');
    expect(String(await peer.read())).toBe('last');
    client.close();
    expect(await events).toEqual(['finish', 'end']);
  });
});

describe('a stream of the caller', () => {
  test('carries a connection', async () => {
    const [ours, theirs] = crossed();
    const connecting = connect({ host: 'serial', port: 1 }, { socket: ours });
    const cr: Buffer =
      theirs.read() ?? (await new Promise((resolve) => theirs.once('data', resolve)));
    theirs.write(Buffer.concat([cc(cr.subarray(8, 10).toString('hex')), dt('0102')]));
    const connection = await connecting;
    expect(await connection.read()).toEqual(hex('0102'));
    expect(connection.info.remoteAddr).toEqual({ host: 'serial', port: 1 });
    connection.destroy();
  });

  test('that is a socket still connecting is waited for', async () => {
    const { createConnection } = await import('node:net');
    const server = await serve();
    const socket = createConnection({ ...server.address, allowHalfOpen: true });
    const connection = await connect(server.address, { socket });
    closeLater(() => connection.destroy());
    expect(connection.info.remoteAddr.port).toBe(server.address.port);
  });

  test('that ends before the CC rejects', async () => {
    const server = await rawServer();
    const connecting = connect(server.address);
    (await server.accept()).socket.destroy();
    expect(await rejection(connecting)).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });
});

function* chunksOf(octets: Buffer, size: number): Generator<Buffer> {
  for (let i = 0; i < octets.length; i += size) {
    yield octets.subarray(i, i + size);
  }
}

function sha(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** One end of a stream that is no socket: what is written here is read there. */
class Side extends Duplex {
  other: Side | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.other?.push(chunk);
    callback();
  }

  override _final(callback: () => void): void {
    this.other?.push(null);
    callback();
  }
}

function crossed(): [Side, Side] {
  const ends: [Side, Side] = [new Side(), new Side()];
  [ends[0].other, ends[1].other] = [ends[1], ends[0]];
  return ends;
}
