/**
 * Data right behind a CR, from a peer that does not wait for the CC. It waits for the decision, within limits,
 * however TCP cuts it and whenever the decision comes.
 */
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { ConnectRequest, ListenOptions } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { closeLater, rawClient, rejection, serve } from '../support/life.js';
import { CR, dt, hex, tpkt } from '../support/raw.js';
import { guardProcess, until } from '../support/wire.js';

guardProcess();

/** A server whose user decides when the test says so. */
async function deciding(options: ListenOptions = {}) {
  let request: ConnectRequest | undefined;
  let finish: () => void = () => {};
  const server = await serve({
    ...options,
    onConnectRequest: (asked) => {
      request = asked;
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
  });
  const raw = await rawClient(server.address.port);
  return {
    server,
    raw,
    /** Resolves once the request is there and so many octets have arrived. */
    arrived: async (octets: number) => {
      await until(() => request !== undefined && bytesRead(request) >= octets);
      return request as ConnectRequest;
    },
    decide: (act: (asked: ConnectRequest) => void) => {
      act(request as ConnectRequest);
      finish();
    },
  };
}

function bytesRead({ socket }: ConnectRequest): number {
  return (socket as unknown as { bytesRead: number }).bytesRead;
}

const TSDUS = [dt('0102'), dt('03', false), dt('04'), dt('05')];
const EARLY = Buffer.concat(TSDUS);

async function expectRead(read: () => Promise<Buffer>): Promise<void> {
  expect((await read()).toString('hex')).toBe('0102');
  expect((await read()).toString('hex')).toBe('0304');
  expect((await read()).toString('hex')).toBe('05');
}

describe('data behind a CR, accepted later', () => {
  test('in one chunk with the CR is read', async () => {
    const { server, raw, arrived, decide } = await deciding();
    raw.send(Buffer.concat([CR, EARLY]));
    await arrived(CR.length + EARLY.length);
    decide((request) => request.accept());
    const connection = await server.accept();
    await expectRead(() => connection.read());
    expect((await raw.packet())[1]).toBe(0xd0);
  });

  test('in a chunk of its own is read', async () => {
    const { server, raw, arrived, decide } = await deciding();
    raw.send(CR);
    await arrived(CR.length);
    raw.send(EARLY);
    await arrived(CR.length + EARLY.length);
    decide((request) => request.accept());
    const connection = await server.accept();
    await expectRead(() => connection.read());
  });

  test('octet by octet is read', async () => {
    const { server, raw, arrived, decide } = await deciding();
    for (const [i] of Buffer.concat([CR, EARLY]).entries()) {
      raw.send(Buffer.concat([CR, EARLY]).subarray(i, i + 1));
      if (i >= CR.length - 1) {
        await arrived(i + 1);
      }
    }
    decide((request) => request.accept());
    const connection = await server.accept();
    await expectRead(() => connection.read());
  });

  test('that is cut by the decision is read', async () => {
    const { server, raw, arrived, decide } = await deciding();
    raw.send(Buffer.concat([CR, EARLY.subarray(0, 13)]));
    await arrived(CR.length + 13);
    decide((request) => request.accept());
    const connection = await server.accept();
    raw.send(EARLY.subarray(13));
    await expectRead(() => connection.read());
  });

  test('through TLS is read', async () => {
    const made = await certificates();
    const requests: ConnectRequest[] = [];
    let accept: () => void = () => {};
    const server = await serve({
      tls: made.server,
      onConnectRequest: (request) => {
        requests.push(request);
        return new Promise((resolve) => {
          accept = () => {
            request.accept();
            resolve();
          };
        });
      },
    });
    const socket = connectTls({
      port: server.address.port,
      host: '127.0.0.1',
      ca: made.ca,
      servername: 'localhost',
    });
    closeLater(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(Buffer.concat([CR, EARLY]));
    await until(() => requests.length > 0);
    accept();
    const connection = await server.accept();
    await expectRead(() => connection.read());
  });

  test('with more than 64 KiB of it is all read: what is too much stays in TCP', async () => {
    const { server, raw, arrived, decide } = await deciding();
    const tsdu = dt('ab'.repeat(1_000));
    const count = 5_000;
    raw.send(Buffer.concat([CR, Buffer.alloc(count * tsdu.length, tsdu)]));
    const request = await arrived(65_536);
    await until(() => request.socket.isPaused());
    expect(bytesRead(request)).toBeLessThan(300_000);
    decide((asked) => asked.accept());
    const connection = await server.accept();
    for (let i = 0; i < count; i += 1) {
      expect((await connection.read()).length).toBe(1_000);
    }
  });
});

describe('data behind a CR, refused later', () => {
  test('is dropped, and the DR says why', async () => {
    const { raw, arrived, decide } = await deciding();
    raw.send(Buffer.concat([CR, EARLY]));
    await arrived(CR.length + EARLY.length);
    decide((request) => request.refuse(3));
    expect((await raw.packet()).toString('hex')).toBe('06801234000003');
  });

  test('of more than 64 KiB: the DR comes and the connection ends', async () => {
    const { server, raw, arrived, decide } = await deciding({ closeTimeout: 100 });
    raw.send(Buffer.concat([CR, Buffer.alloc(500 * 1_007, dt('ab'.repeat(1_000)))]));
    const request = await arrived(65_536);
    await until(() => request.socket.isPaused());
    decide((asked) => asked.refuse(1));
    expect((await raw.packet()).subarray(1, 2).toString('hex')).toBe('80');
    await until(() => request.socket.destroyed);
    expect(server.server.connectionCount).toBe(0);
  });

  test('by nobody at all: handshakeTimeout answers with a DR', async () => {
    const { raw, arrived } = await deciding({ handshakeTimeout: 100 });
    raw.send(Buffer.concat([CR, EARLY]));
    await arrived(CR.length + EARLY.length);
    expect((await raw.packet())[1]).toBe(0x80);
  });
});

describe('FIN behind data behind a CR', () => {
  test('while nobody has decided withdraws the request', async () => {
    const { raw, arrived, server } = await deciding();
    raw.send(Buffer.concat([CR, EARLY]));
    const request = await arrived(CR.length + EARLY.length);
    raw.socket.end();
    await until(() => request.signal.aborted);
    await until(() => request.socket.destroyed);
    expect(server.errors).toHaveLength(1);
  });

  test('where the server accepts at once: it is read, then the end', async () => {
    const server = await serve();
    const raw = await rawClient(server.address.port);
    raw.socket.end(Buffer.concat([CR, EARLY]));
    const connection = await server.accept();
    await expectRead(() => connection.read());
    expect(await rejection(connection.read())).toMatchObject({ ending: 'fin' });
  });

  test('a reset while reading has paused withdraws the request within a bounded time', async () => {
    const { raw, arrived } = await deciding();
    raw.send(Buffer.concat([CR, Buffer.alloc(500 * 1_007, dt('ab'.repeat(1_000)))]));
    const request = await arrived(65_536);
    await until(() => request.socket.isPaused());
    raw.reset();
    await until(() => request.signal.aborted, 5_000);
    expect(request.socket.destroyed).toBe(true);
  });
});

describe('what is no data behind a CR', () => {
  test('a second CR ends the connection', async () => {
    const { raw, arrived } = await deciding();
    raw.send(CR);
    const request = await arrived(CR.length);
    raw.send(CR);
    await until(() => request.signal.aborted);
    expect(raw.received.length).toBe(0);
  });

  test('a fault behind data that waits is found once it is accepted, after the data', async () => {
    const { server, raw, arrived, decide } = await deciding();
    const bad = hex('05000007');
    raw.send(Buffer.concat([CR, dt('01'), bad]));
    await arrived(CR.length + 8 + bad.length);
    decide((request) => request.accept());
    const connection = await server.accept();
    expect(await connection.read()).toEqual(hex('01'));
    expect(await rejection(connection.read())).toMatchObject({ fault: 'tpkt-version' });
  });

  test('a DR behind data that waits ends the connection once it is accepted, after the data', async () => {
    const { server, raw, arrived, decide } = await deciding();
    const dr = tpkt('06 80 0000 1234 80');
    raw.send(Buffer.concat([CR, dt('01'), dr]));
    await arrived(CR.length + 8 + dr.length);
    decide((request) => request.accept());
    const connection = await server.accept();
    expect(await connection.read()).toEqual(hex('01'));
    await connection.waitClosing();
    expect(await rejection(connection.read())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });
});
