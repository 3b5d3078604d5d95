/** Class 2 between two sides of this library: what they agree on, data, and the end. */
import { describe, expect, test, vi } from 'vitest';
import {
  type ConnectionClosedError,
  type ConnectionRefusedError,
  connect,
  type TpClassChoice,
} from '../../src/index.js';
import { References } from '../../src/node/references.js';
import { closeLater, pair, rejection, serve } from '../support/life.js';
import { guardProcess, until } from '../support/wire.js';

guardProcess();

const text = Buffer.from('text');

describe('the class', () => {
  const agreed: [TpClassChoice, TpClassChoice, 0 | 2][] = [
    [0, 0, 0],
    [0, '2,0', 0],
    ['2,0', 0, 0],
    ['2,0', 2, 2],
    ['2,0', '2,0', 2],
    [2, 2, 2],
    [2, '2,0', 2],
  ];
  test.each(agreed)('that is offered as %s to a server of %s is %i', async (ours, theirs, is) => {
    const { client, peer } = await pair({ tpClass: ours }, { tpClass: theirs });
    expect([client.info.tpClass, peer.info.tpClass]).toEqual([is, is]);
    client.write(text);
    expect(await peer.read()).toEqual(text);
  });

  test.each([
    [2, 0, 130],
    [0, 2, 0],
  ] as const)('%i is refused by a server of %i with reason %i', async (ours, theirs, reason) => {
    const server = await serve({ tpClass: theirs });
    const error = await rejection<ConnectionRefusedError>(
      connect(server.address, { tpClass: ours }),
    );
    expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason });
  });

  test('is 0 unless somebody asks for another', async () => {
    const { client, peer } = await pair();
    expect([client.info, peer.info].map((info) => info.tpClass)).toEqual([0, 0]);
  });
});

describe('expedited data is agreed on', () => {
  const both = { expedited: true } as const;
  test.each([
    ['in class 0 where both sides say so', {}, both, both, [true, false]],
    ['in class 2 where both sides say so', { tpClass: 2 }, both, both, [true, false]],
    ['not if the client does not ask', { tpClass: 2 }, {}, both, [false, false]],
    ['not if the server does not grant it', { tpClass: 2 }, both, {}, [false, false]],
    [
      'with EA where the client asks for it',
      { tpClass: 2 },
      { ...both, expeditedAck: true },
      both,
      [true, true],
    ],
    [
      'without EA where the server grants none',
      { tpClass: 2 },
      { ...both, expeditedAck: true },
      { ...both, expeditedAck: false },
      [true, false],
    ],
    [
      'without EA where the class is 0 after all',
      {},
      { ...both, tpClass: '2,0', expeditedAck: true },
      both,
      [true, false],
    ],
  ] as const)('%s', async (_when, shared, ours, theirs, agreed) => {
    const { client, peer } = await pair({ ...shared, ...ours }, { ...shared, ...theirs });
    for (const { expedited, expeditedAck } of [client.info, peer.info]) {
      expect([expedited, expeditedAck]).toEqual(agreed);
    }
  });
});

describe('an option is refused before anything is opened:', () => {
  const nowhere = { host: '127.0.0.1', port: 1 };
  test.each([
    [{ tpClass: '0,2' }, RangeError, "options.tpClass must be 0 or 2 or '2,0', not '0,2'"],
    [{ tpClass: 4 }, RangeError, "options.tpClass must be 0 or 2 or '2,0', not 4"],
    [{ tpClass: true }, TypeError, "options.tpClass must be 0 or 2 or '2,0', not true"],
    [{ expedited: 1 }, TypeError, 'options.expedited must be true or false, not 1'],
    [{ expeditedAck: true }, TypeError, 'options.expeditedAck requires options.expedited'],
    [
      { expedited: true, expeditedAck: true },
      TypeError,
      "options.expeditedAck requires options.tpClass 2 or '2,0'",
    ],
    [{ onExpedited: 'call me' }, TypeError, 'options.onExpedited must be a function'],
    [
      { tpClass: 2, remoteDesktop: { cookie: 'Cookie: mstshash=a' } },
      TypeError,
      'options.tpClass cannot be combined with options.remoteDesktop',
    ],
    [
      { expedited: true, remoteDesktop: { cookie: 'Cookie: mstshash=a' } },
      TypeError,
      'options.expedited cannot be combined with options.remoteDesktop',
    ],
  ])('%o', async (options, type, message) => {
    const error = await rejection(connect(nowhere, options as object));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain(message);
  });

  test('selectors and user data that fill the CR leave no room for class 2', async () => {
    const selectors = { localTsel: Buffer.alloc(40), remoteTsel: Buffer.alloc(40) };
    const options = { ...selectors, connectData: Buffer.alloc(32), tpClass: '2,0' } as const;
    expect(await rejection(connect(nowhere, options))).toBeInstanceOf(RangeError);
  });
});

test('TSDUs of any length arrive whole in class 2', async () => {
  const { client, peer } = await pair({ tpClass: 2 }, { tpClass: 2 });
  for (const length of [1, 2043, 2044, 8_192, 300_000]) {
    const tsdu = Buffer.alloc(length, length);
    client.write(tsdu);
    expect(await peer.read()).toEqual(tsdu);
  }
});

describe('the end of a connection of class 2', () => {
  const class2 = { tpClass: 2 } as const;

  test('is confirmed to who closes it, and quiet for both', async () => {
    const { client, peer, server } = await pair(class2, class2);
    client.write(text);
    const disconnection = await client.disconnect();
    expect(disconnection).toEqual({ ending: 'local', confirmed: true, unsent: 0 });
    const read: Buffer[] = [];
    for await (const tsdu of peer) {
      read.push(tsdu);
    }
    await peer.waitClosed();
    expect(read).toEqual([text]);
    expect(peer.disconnection).toEqual({
      ending: 'dr',
      confirmed: false,
      unsent: 0,
      reason: 128,
      additionalInfo: Buffer.from([0x80]),
      nonDisruptive: true,
    });
    expect(server.errors).toEqual([]);
  });

  test('comes behind everything that was written, however much', async () => {
    const { client, peer } = await pair(class2, class2);
    const count = 200;
    for (let i = 0; i < count; i += 1) {
      client.write(Buffer.alloc(100_000, i));
    }
    const closed = client.asyncClose();
    for (let i = 0; i < count; i += 1) {
      expect((await peer.read())[99_999]).toBe(i);
    }
    await closed;
    expect(client.disconnection).toMatchObject({ confirmed: true, unsent: 0 });
  });

  test('carries user data, which the peer gets with its last read', async () => {
    const { client, peer } = await pair(class2, class2);
    const userData = Buffer.alloc(64, 7);
    const disconnected = client.disconnect({ userData });
    const error = await rejection<ConnectionClosedError>(peer.read());
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'dr', reason: 128 });
    expect(error.nonDisruptive).toBe(true);
    expect(Buffer.from(error.userData ?? [])).toEqual(userData);
    await Promise.all([disconnected, peer.waitClosed()]);
    expect(peer.disconnection?.userData).toEqual(userData);
  });

  test.each([
    [{ userData: Buffer.alloc(65) }, RangeError],
    [{ userData: Buffer.alloc(0) }, RangeError],
    [{ userData: 'text' }, TypeError],
    [{ disruptive: 1 }, TypeError],
    [{ reason: 128 }, TypeError],
    [null, TypeError],
  ])('is not begun by a wrong argument: %o', async (options, type) => {
    const { client } = await pair(class2, class2);
    expect(() => client.disconnect(options as object)).toThrow(type);
    expect(client.isOpen).toBe(true);
  });

  test('has no user data in class 0', async () => {
    const { client } = await pair();
    expect(() => client.disconnect({ userData: text })).toThrow(RangeError);
    expect(client.isOpen).toBe(true);
  });

  test('is confirmed in class 0 by the FIN of both sides', async () => {
    const { client, peer } = await pair();
    const reading = rejection(peer.read());
    expect(await client.disconnect()).toEqual({ ending: 'local', confirmed: true, unsent: 0 });
    await Promise.all([reading, peer.waitClosed()]);
    expect(peer.disconnection).toEqual({ ending: 'fin', confirmed: true, unsent: 0 });
  });

  test('is undefined until it has come, and does not change then', async () => {
    const { client } = await pair(class2, class2);
    expect(client.disconnection).toBeUndefined();
    client.close();
    expect(client.disconnection).toBeUndefined();
    await client.waitClosed();
    const { disconnection } = client;
    expect(disconnection).toMatchObject({ ending: 'local' });
    expect(await client.disconnect({ disruptive: true })).toBe(disconnection);
    expect(Object.isFrozen(disconnection)).toBe(true);
  });

  test('by destroy is unconfirmed, and a failure for the peer', async () => {
    const { client, peer } = await pair(class2, class2);
    client.destroy();
    const error = await rejection(peer.read());
    await Promise.all([client.waitClosed(), peer.waitClosed()]);
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'reset' });
    expect(client.disconnection).toMatchObject({ ending: 'local', confirmed: false });
    expect(peer.disconnection).toMatchObject({ ending: 'reset', confirmed: false });
  });

  test('cannot be that of one direction', async () => {
    const { client, peer } = await pair(class2, class2);
    expect(() => client.end()).toThrow(expect.objectContaining({ code: 'ERR_COTP_NO_HALF_CLOSE' }));
    client.write(text);
    expect(await peer.read()).toEqual(text);
    client.close();
    expect(() => client.end()).toThrow(expect.objectContaining({ code: 'ERR_COTP_NO_HALF_CLOSE' }));
  });

  test('at both ends at once is no failure for either', async () => {
    const { client, peer, server } = await pair(class2, class2);
    await Promise.all([client.disconnect(), peer.disconnect()]);
    expect(client.disconnection).toMatchObject({ ending: 'local', unsent: 0 });
    expect(peer.disconnection).toMatchObject({ ending: 'local', unsent: 0 });
    expect(server.errors).toEqual([]);
  });

  test('frees its place and its reference', async () => {
    const server = await serve({ tpClass: 2, maxConnections: 1 });
    const take = vi.spyOn(References.prototype, 'take');
    const release = vi.spyOn(References.prototype, 'release');
    closeLater(() => vi.restoreAllMocks());
    for (let i = 0; i < 20; i += 1) {
      const client = await connect(server.address, class2);
      const peer = await server.accept();
      await Promise.all([client.disconnect(), peer.waitClosed()]);
    }
    expect(server.server.connectionCount).toBe(0);
    await until(() => release.mock.calls.length === 2 * 20);
    const taken = take.mock.results.map(({ value }) => value);
    expect(new Set(release.mock.calls.flat())).toEqual(new Set(taken));
  });

  test('lets a program read what came before it', async () => {
    const { client, peer } = await pair(class2, class2);
    client.write(Buffer.from('one'));
    client.write(Buffer.from('two'));
    await client.disconnect();
    await peer.waitClosed();
    expect([String(await peer.read()), String(await peer.read())]).toEqual(['one', 'two']);
    expect(await rejection(peer.read())).toMatchObject({ ending: 'dr' });
  });
});

describe('a connection of class 2 as a Duplex', () => {
  const class2 = { tpClass: 2 } as const;

  test('closes by a DR when it is ended, and ends with the DR of the peer', async () => {
    const { client, peer } = await pair(class2, class2);
    const stream = client.toDuplex();
    stream.end('last');
    const chunks: string[] = [];
    for await (const chunk of peer.toDuplex()) {
      chunks.push(String(chunk));
    }
    expect(chunks).toEqual(['last']);
    await Promise.all([client.waitClosed(), peer.waitClosed()]);
    expect(client.disconnection).toMatchObject({ ending: 'local', confirmed: true });
    expect(peer.disconnection).toMatchObject({ ending: 'dr', nonDisruptive: true });
  });

  test('fails when TCP ends without a DR', async () => {
    const { client, peer } = await pair(class2, class2);
    const stream = peer.toDuplex();
    client.destroy();
    await expect(stream.toArray()).rejects.toMatchObject({ code: 'ERR_COTP_CLOSED' });
    await peer.waitClosed();
  });
});
