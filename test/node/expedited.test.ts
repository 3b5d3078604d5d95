/** Expedited data in both classes and both roles: the calls, its order, what holds it back, and what it may hold up. */
import { describe, expect, test } from 'vitest';
import type { Connection, CotpError } from '../../src/index.js';
import { EXPEDITED_OVERHEAD } from '../../src/node/connection/expedited-queue.js';
import * as tpktService from '../../src/node/tpkt/index.js';
import { EXPEDITED, expeditedOptions, next, sent, WITH_EA, wire2 } from '../support/class2.js';
import { closeLater, pair, rawClient, rejection, serve } from '../support/life.js';
import { CR, dt, hex, tpkt } from '../support/raw.js';
import { calling, guardProcess, ROLES, sendAlone, timersRun, until } from '../support/wire.js';

guardProcess();

const text = Buffer.from('text');
const TEXT = text.toString('hex');

const FORMS = [
  ['class 0', {}],
  ['class 2', { tpClass: 2 }],
  ['class 2 with EA', { tpClass: 2, expeditedAck: true }],
] as const;

/** The same form with expedited data, for both sides. */
function shared(options: object): object {
  return { expedited: true, ...options };
}

describe.each(FORMS)('expedited data in %s', (_form, form) => {
  test('arrives in both directions, whatever its length', async () => {
    const { client, peer } = await pair(shared(form), shared(form));
    for (const [from, to] of [
      [client, peer],
      [peer, client],
    ] as const) {
      for (let length = 1; length <= 16; length += 1) {
        from.writeExpedited(Buffer.alloc(length, length));
      }
      for (let length = 1; length <= 16; length += 1) {
        expect(await to.readExpedited()).toEqual(Buffer.alloc(length, length));
      }
    }
  });

  test('is copied when it is written', async () => {
    const { client, peer } = await pair(shared(form), shared(form));
    const data = Buffer.from('first');
    client.writeExpedited(data);
    data.write('later');
    expect(String(await peer.readExpedited())).toBe('first');
  });

  test('is called back, in order, with its connection', async () => {
    const calls: [string, Connection][] = [];
    const onExpedited = (data: Buffer, conn: Connection) => {
      calls.push([String(data), conn]);
    };
    const { client, peer } = await pair(shared(form), { ...shared(form), onExpedited });
    for (const each of ['a', 'b', 'c']) {
      client.writeExpedited(Buffer.from(each));
    }
    await until(() => calls.length === 3);
    expect(calls).toEqual([
      ['a', peer],
      ['b', peer],
      ['c', peer],
    ]);
  });

  test('does not disturb the TSDUs that it overtakes', async () => {
    const { client, peer } = await pair(shared(form), shared(form));
    const tsdus = Array.from({ length: 50 }, (_, i) => Buffer.alloc(100_000, i));
    for (const [i, tsdu] of tsdus.entries()) {
      client.write(tsdu);
      client.writeExpedited(Buffer.of(i));
    }
    for (const tsdu of tsdus) {
      expect((await peer.read()).equals(tsdu)).toBe(true);
    }
    for (let i = 0; i < tsdus.length; i += 1) {
      expect(await peer.readExpedited()).toEqual(Buffer.of(i));
    }
  });

  test('overtakes 64 MiB of queued TSDUs within what the socket has got', async () => {
    const { client, peer } = await pair(
      { ...shared(form), maxWriteBuffer: 100_000_000, maxTpduSize: 65_531 },
      { ...shared(form), maxTpduSize: 65_531 },
    );
    let received = 0;
    const arrived = new Promise<number>((resolve) => {
      void (async () => {
        await peer.readExpedited();
        resolve(received);
      })();
    });
    const socket = client.socket as { bytesWritten?: number };
    const count = 64;
    for (let i = 0; i < count; i += 1) {
      client.write(Buffer.alloc(1_048_576));
    }
    // What the socket has got by then cannot be overtaken: its own buffer, and that of the system.
    const taken = (socket.bytesWritten ?? 0) + 65_536 + 65_535;
    client.writeExpedited(text);
    for (let i = 0; i < count; i += 1) {
      received += (await peer.read()).length;
    }
    expect(await arrived).toBeLessThanOrEqual(taken + 1_048_576);
    expect(received).toBe(count * 1_048_576);
  });

  test('that arrived before the end can still be read, and then the call rejects', async () => {
    const { client, peer } = await pair(shared(form), shared(form));
    client.writeExpedited(text);
    await client.asyncClose();
    await peer.waitClosed();
    expect(await peer.readExpedited()).toEqual(text);
    expect(await rejection(peer.readExpedited())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });

  test('cannot be written once closing has begun', async () => {
    const { client } = await pair(shared(form), shared(form));
    client.close();
    expect(() => client.writeExpedited(text)).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_CLOSED' }),
    );
    await client.waitClosed();
    expect(() => client.writeExpedited(text)).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_CLOSED' }),
    );
  });
});

describe('writeExpedited', () => {
  test.each([
    [Buffer.alloc(0), RangeError],
    [Buffer.alloc(17), RangeError],
    ['text', TypeError],
    [null, TypeError],
  ])('refuses %o', async (data, type) => {
    const { client } = await pair({ expedited: true }, { expedited: true });
    expect(() => client.writeExpedited(data as Buffer)).toThrow(type);
    expect(client.isOpen).toBe(true);
  });

  test('throws where none was agreed on, and says why', async () => {
    const { client, peer } = await pair({ tpClass: '2,0', expedited: true });
    for (const side of [client, peer]) {
      expect(() => side.writeExpedited(text)).toThrow(
        expect.objectContaining({
          code: 'ERR_COTP_NO_EXPEDITED',
          hint: expect.stringContaining('expedited'),
        }),
      );
    }
    expect(await rejection<CotpError>(client.readExpedited())).toMatchObject({
      code: 'ERR_COTP_NO_EXPEDITED',
    });
    expect(client.isOpen).toBe(true);
  });

  test('returns false while too much waits, and throws above maxWriteBuffer', async () => {
    const ends = await wire2(
      'client',
      { expedited: true, expeditedAck: true, writeHighWaterMark: 500, maxWriteBuffer: 1_000 },
      WITH_EA,
    );
    const { connection } = ends;
    expect(connection.writeExpedited(text)).toBe(true);
    await next(ends);
    // Each waits with nine octets of headers, and counts 448 more.
    expect(connection.writeExpedited(Buffer.alloc(16))).toBe(true);
    expect(connection.writeExpedited(Buffer.alloc(16))).toBe(false);
    connection.writeExpedited(Buffer.alloc(16));
    expect(() => connection.writeExpedited(text)).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_WRITE_OVERFLOW' }),
    );
  });

  test('makes drain wait until the EA has let it go', async () => {
    const options = { expedited: true, expeditedAck: true, writeHighWaterMark: 1 };
    const ends = await wire2('client', options, WITH_EA);
    const { connection } = ends;
    connection.writeExpedited(hex('01'));
    connection.writeExpedited(hex('02'));
    let isDrained = false;
    const draining = connection.drain().then(() => {
      isDrained = true;
    });
    expect(await next(ends)).toBe(sent.ed(0, '01'));
    expect(isDrained).toBe(false);
    ends.raw.send(ends.ea());
    expect(await next(ends)).toBe(sent.ed(1, '02'));
    await draining;
  });
});

describe('readExpedited', () => {
  test('serves several calls that wait, in order', async () => {
    const { client, peer } = await pair({ expedited: true }, { expedited: true });
    const reads = [peer.readExpedited(), peer.readExpedited(), peer.readExpedited()];
    for (const each of ['a', 'b', 'c']) {
      client.writeExpedited(Buffer.from(each));
    }
    expect((await Promise.all(reads)).map(String)).toEqual(['a', 'b', 'c']);
  });

  test('that is cancelled takes nothing', async () => {
    const { client, peer } = await pair({ expedited: true }, { expedited: true });
    const abort = new AbortController();
    const cancelled = rejection(peer.readExpedited({ signal: abort.signal }));
    const reading = peer.readExpedited();
    abort.abort(new Error('enough'));
    expect(await cancelled).toMatchObject({ message: 'enough' });
    client.writeExpedited(text);
    expect(await reading).toEqual(text);
  });

  test('rejects with the reason of a signal that has aborted, though data waits', async () => {
    const { client, peer } = await pair({ expedited: true }, { expedited: true });
    client.writeExpedited(text);
    client.write(text);
    await peer.read();
    const signal = AbortSignal.abort(new Error('enough'));
    expect(await rejection(peer.readExpedited({ signal }))).toMatchObject({ message: 'enough' });
    expect(await peer.readExpedited()).toEqual(text);
  });

  test('rejects for a bad option, and never throws', async () => {
    const { client } = await pair({ expedited: true }, { expedited: true });
    const reading = client.readExpedited({ signal: 1 } as object);
    expect(await rejection(reading)).toBeInstanceOf(TypeError);
  });

  test('rejects with a TypeError where onExpedited gets it', async () => {
    const options = { expedited: true, onExpedited: () => {} };
    const { client } = await pair(options, { expedited: true });
    expect(await rejection(client.readExpedited())).toBeInstanceOf(TypeError);
  });

  test('rejects while it waits with what has ended the connection', async () => {
    const { client, peer } = await pair({ expedited: true }, { expedited: true });
    const reading = rejection(peer.readExpedited());
    client.destroy();
    expect(await reading).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'reset' });
  });
});

describe('onExpedited', () => {
  test.each(['throws', 'rejects'])(
    'that %s is reported, and closes the connection',
    async (how) => {
      const failure = new Error('cannot handle it');
      const onExpedited = () => {
        if (how === 'throws') {
          throw failure;
        }
        return Promise.reject(failure);
      };
      const { client, server } = await pair({ expedited: true }, { expedited: true, onExpedited });
      client.writeExpedited(text);
      await rejection(client.read());
      await client.waitClosed();
      expect(server.errors).toEqual([failure]);
    },
  );

  test('is called no more once it has thrown', async () => {
    let calls = 0;
    const onExpedited = () => {
      calls += 1;
      throw new Error('cannot handle it');
    };
    const ends = await wire2('server', { expedited: true, onExpedited }, EXPEDITED);
    ends.raw.send(Buffer.concat([ends.ed('01'), ends.ed('02'), ends.ed('03')]));
    await next(ends);
    ends.raw.send(ends.dc());
    ends.raw.socket.end();
    await ends.connection.waitClosed();
    expect(calls).toBe(1);
    expect(ends.reports.all).toHaveLength(1);
  });

  test('may write and close', async () => {
    const onExpedited = (data: Buffer, conn: Connection) => {
      conn.writeExpedited(data);
      conn.write(data);
      conn.close();
    };
    const { client } = await pair({ expedited: true }, { expedited: true, onExpedited });
    client.writeExpedited(text);
    expect(await client.read()).toEqual(text);
    expect(await client.readExpedited()).toEqual(text);
  });

  /** What a chunk behind the CR or CC holds reaches the user after the connection. */
  test('of a server is called after the connection callback', async () => {
    const order: string[] = [];
    const server = await serve({
      expedited: true,
      onExpedited: (data) => {
        order.push(String(data));
      },
      onConnectRequest: (request) => {
        order.push('request');
        request.accept();
      },
    });
    const accepted = server.accept().then((conn) => conn.read());
    const raw = await rawClient(server.address.port);
    const cr = tpkt('0c e0 0000 1234 00 c0010a c60101');
    raw.send(Buffer.concat([cr, tpkt(`02 10 80 ${TEXT}`), dt('01')]));
    expect(await accepted).toEqual(hex('01'));
    expect(order).toEqual(['request', 'text']);
  });

  test('of a client is called after connect has resolved, and before later data is read', async () => {
    const order: string[] = [];
    const onExpedited = (data: Buffer) => {
      order.push(String(data));
    };
    const { connecting, raw } = await calling({ expedited: true, onExpedited });
    const ref = (await raw.packet()).subarray(4, 6).toString('hex');
    const confirm = tpkt(`0c d0 ${ref} 0007 00 c0010a c60101`);
    raw.send(Buffer.concat([confirm, tpkt(`02 10 80 ${TEXT}`), dt('01')]));
    const conn = await connecting;
    order.push('open');
    await conn.read();
    order.push('read');
    expect(order).toEqual(['open', 'text', 'read']);
  });
});

describe.each(ROLES)('a %s with EA', (role) => {
  const options = expeditedOptions(role);

  test('answers each ED at once, also one that nobody reads', async () => {
    const ends = await wire2(role, options, WITH_EA);
    ends.raw.send(Buffer.concat([ends.ed('01'), ends.ed('02')]));
    expect(await next(ends)).toBe(sent.ea(0));
    expect(await next(ends)).toBe(sent.ea(0));
    expect(await ends.connection.readExpedited()).toEqual(hex('01'));
  });

  test('holds back data and expedited data until the EA comes', async () => {
    const ends = await wire2(role, options, WITH_EA);
    const { connection, raw } = ends;
    connection.writeExpedited(hex('01'));
    connection.writeExpedited(hex('02'));
    connection.write(text);
    expect(await next(ends)).toBe(sent.ed(0, '01'));
    // What it answers shows that nothing else was sent before.
    raw.send(ends.ed('05'));
    expect(await next(ends)).toBe(sent.ea(0));
    raw.send(ends.ea());
    expect(await next(ends)).toBe(sent.ed(1, '02'));
    raw.send(ends.ea('01'));
    expect(await next(ends)).toBe(sent.dt(TEXT));
  });

  test('ends when the EA does not come within writeTimeout, whatever else comes', async () => {
    const ends = await wire2(role, { ...options, writeTimeout: 200 }, WITH_EA);
    const { connection, raw } = ends;
    connection.writeExpedited(text);
    await next(ends);
    const since = performance.now();
    while (connection.isOpen) {
      raw.send(Buffer.concat([ends.dt('01'), ends.ed('02')]));
      await Promise.race([connection.read(), connection.waitClosing()]).catch(() => {});
      await until(() => !connection.isOpen || performance.now() - since > 50);
    }
    await connection.waitClosed();
    await raw.ending();
    expect(ends.reports.all).toMatchObject([
      { code: 'ERR_COTP_TIMEOUT', timer: 'writeTimeout', message: expect.stringContaining('EA') },
    ]);
    expect(connection.disconnection).toMatchObject({ ending: 'timeout' });
  });

  test('is reset when the peer is silent for writeTimeout after an ED', async () => {
    const ends = await wire2(role, { ...options, writeTimeout: 100 }, WITH_EA);
    ends.connection.writeExpedited(text);
    await next(ends);
    expect(await ends.raw.ending()).toBe('reset');
    await ends.connection.waitClosed();
    expect(ends.reports.all).toMatchObject([{ timer: 'writeTimeout' }]);
  });

  test('finds the EA behind unread data if its user waits for drain', async () => {
    const ends = await wire2(
      role,
      { ...options, readHighWaterMark: 1, writeHighWaterMark: 1 },
      WITH_EA,
    );
    const { connection, raw } = ends;
    raw.send(ends.dt(TEXT));
    await until(() => connection.socket.isPaused());
    connection.writeExpedited(hex('01'));
    await next(ends);
    connection.write(text);
    raw.send(Buffer.concat([ends.dt(TEXT), ends.dt(TEXT), ends.ea()]));
    await connection.drain();
    expect(await next(ends)).toBe(sent.dt(TEXT));
    await until(() => connection.socket.isPaused());
  });

  test('ends without the EA if its user waits for drain, although its own reader has paused the socket', async () => {
    const ends = await wire2(
      role,
      { ...options, writeTimeout: 150, readHighWaterMark: 1, writeHighWaterMark: 1 },
      WITH_EA,
    );
    const { connection } = ends;
    ends.raw.send(ends.dt(TEXT));
    await until(() => connection.socket.isPaused());
    connection.writeExpedited(hex('01'));
    await next(ends);
    connection.write(text);
    expect(await rejection(connection.drain())).toMatchObject({ timer: 'writeTimeout' });
    await connection.waitClosed();
  });

  test('waits for the EA as long as its own reader has paused the socket', async () => {
    const ends = await wire2(
      role,
      { ...options, writeTimeout: 150, readHighWaterMark: 1 },
      WITH_EA,
    );
    const { connection } = ends;
    ends.raw.send(ends.dt(TEXT));
    await until(() => connection.socket.isPaused());
    connection.writeExpedited(hex('01'));
    await next(ends);
    ends.raw.send(ends.ea());
    await timersRun(400);
    expect(connection.isOpen).toBe(true);
    expect(await connection.read()).toEqual(text);
    connection.write(text);
    expect(await next(ends)).toBe(sent.dt(TEXT));
  });
});

describe.each(ROLES)('a %s of class 0', (role) => {
  test('sends and takes expedited data in the form of RFC 1006', async () => {
    const ends = await class0(role);
    ends.connection.writeExpedited(text);
    expect((await ends.raw.packet()).toString('hex')).toBe(`021080${TEXT}`);
    ends.raw.send(tpkt(`02 10 00 ${TEXT}`));
    expect(await ends.connection.readExpedited()).toEqual(text);
  });

  test('delivers it inside a TSDU', async () => {
    const ends = await class0(role);
    ends.raw.send(Buffer.concat([dt('01', false), tpkt('02 10 80 aa'), dt('02')]));
    expect(await ends.connection.readExpedited()).toEqual(hex('aa'));
    expect(await ends.connection.read()).toEqual(hex('0102'));
  });

  test.each(['', '00'.repeat(17)])('answers ER to one of a wrong length: "%s"', async (data) => {
    const ends = await class0(role);
    ends.raw.send(tpkt(`02 10 80 ${data}`));
    expect((await ends.raw.packet()).toString('hex').slice(2, 4)).toBe('70');
    expect(await rejection(ends.connection.read())).toMatchObject({ code: 'ERR_COTP_PROTOCOL' });
  });

  /** With 0xC6 = 01 in CR and CC. */
  async function class0(side: (typeof ROLES)[number]) {
    if (side === 'server') {
      const server = await serve({ expedited: true });
      const raw = await rawClient(server.address.port);
      raw.send(tpkt('0c e0 0000 1234 00 c0010a c60101'));
      expect((await raw.packet()).toString('hex')).toContain('c60101');
      return { raw, connection: await server.accept() };
    }
    const { connecting, raw } = await calling({ expedited: true });
    const cr = (await raw.packet()).toString('hex');
    expect(cr).toContain('c60101');
    raw.send(tpkt(`0c d0 ${cr.slice(8, 12)} 0007 00 c0010a c60101`));
    return { raw, connection: await connecting };
  }
});

describe('unread expedited data', () => {
  const each = 16 + EXPEDITED_OVERHEAD;

  test('pauses reading at readHighWaterMark, and reading it resumes', async () => {
    const ends = await wire2(
      'server',
      { expedited: true, readHighWaterMark: 10 * each },
      EXPEDITED,
    );
    const { connection } = ends;
    const ed = ends.ed('00'.repeat(16));
    await sendAlone(ends, Buffer.concat(Array.from({ length: 9 }, () => ed)));
    expect(connection.socket.isPaused()).toBe(false);
    await sendAlone(ends, ed);
    expect(connection.socket.isPaused()).toBe(true);
    ends.raw.send(ends.dt(TEXT));
    await connection.readExpedited();
    expect(await connection.read()).toEqual(text);
  });

  test('counts together with unread TSDUs', async () => {
    const ends = await wire2('server', { expedited: true, readHighWaterMark: 2_000 }, EXPEDITED);
    const { connection } = ends;
    await sendAlone(ends, ends.dt('00'.repeat(1_000)));
    expect(connection.socket.isPaused()).toBe(false);
    await sendAlone(ends, Buffer.concat(Array.from({ length: 8 }, () => ends.ed('00'.repeat(16)))));
    expect(connection.socket.isPaused()).toBe(true);
    await connection.read();
    expect(connection.socket.isPaused()).toBe(false);
  });

  test('stops data: only who reads it gets what comes behind', async () => {
    const { client, peer } = await pair(
      { expedited: true },
      { expedited: true, readHighWaterMark: 1 },
    );
    client.writeExpedited(text);
    await until(() => peer.socket.isPaused());
    client.write(text);
    let isRead = false;
    const reading = peer.read().then(() => {
      isRead = true;
    });
    await sendNothing();
    expect(isRead).toBe(false);
    await peer.readExpedited();
    await reading;
  });

  test('counts in the receive buffer of a server', async () => {
    const ends = await wire2(
      'server',
      { expedited: true, maxReceiveBuffer: 100_000, readHighWaterMark: 10_000_000 },
      EXPEDITED,
    );
    const eds = Buffer.concat(Array.from({ length: 1_000 }, () => ends.ed('00'.repeat(16))));
    ends.raw.send(eds);
    await until(() => ends.connection.socket.isPaused());
  });

  async function sendNothing(): Promise<void> {
    for (let i = 0; i < 20; i += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

test('a CR of class 0 that asks for nothing gets a CC without 0xC6', async () => {
  const server = await serve({ expedited: true, tpClass: '2,0' });
  const raw = await rawClient(server.address.port);
  raw.send(CR);
  expect((await raw.packet()).toString('hex')).toMatch(/^11d01234....00c1020100c2020102c0010a$/);
});

test('a connection of cotp/tpkt has neither expedited data nor disconnect', async () => {
  const server = await tpktService.listen(() => {}, { host: '127.0.0.1', port: 0 });
  closeLater(() => server.asyncClose());
  const conn = await tpktService.connect(server.addresses[0]!);
  closeLater(() => conn.destroy());
  const { client } = await pair();
  for (const name of ['writeExpedited', 'readExpedited', 'disconnect', 'disconnection']) {
    expect([name, name in client, name in conn]).toEqual([name, true, false]);
  }
});
