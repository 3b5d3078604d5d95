/** R15, R17, R18: TPDUs out of turn, answers that come too late, and an end that comes once. */
import { getEventListeners } from 'node:events';
import { Socket } from 'node:net';
import { type Duplex, Stream } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { type ConnectionClosedError, connect } from '../../../src/index.js';
import { takeReference } from '../../../src/node/references.js';
import { closeLater, pair, rawClient, rawServer, rejection, serve } from '../../support/life.js';
import { CR, cc, dt, hex, type RawPeer, tpkt } from '../../support/raw.js';
import {
  calling,
  drip,
  expectAlive,
  expectServing,
  guardProcess,
  Mailbox,
  ROLES,
  srcRefOf,
  TOO_MANY,
  until,
  wire,
} from '../../support/wire.js';

guardProcess();

/** TPDUs of other kinds than the one that is waited for. */
const TPDUS = {
  CR,
  CC: cc('0001'),
  DT: dt('01'),
  ED: tpkt('02 10 80 01'),
  DR: tpkt('06 80 0000 0007 80'),
  DC: tpkt('05 c0 0000 0007'),
  AK: tpkt('04 60 0000 00'),
  EA: tpkt('04 20 0000 00'),
  RJ: tpkt('04 50 0000 00'),
  ER: tpkt('04 70 0000 03'),
  UD: tpkt('01 40 01'),
} as const;
type Name = keyof typeof TPDUS;
const names = (...without: Name[]) =>
  (Object.keys(TPDUS) as Name[]).filter((name) => !without.includes(name));

/** By TCP the peer learns that nobody takes its octets any more. */
async function expectNobody(raw: RawPeer, octets: Buffer): Promise<void> {
  const closed = new Promise((resolve) => raw.socket.once('close', resolve));
  drip(raw, () => octets, 5);
  await closed;
}

/** How many transport references can be had at the same time. */
function freeReferences(): number {
  const streams = Array.from({ length: 65_535 }, () => new Stream());
  const taken = new Set(streams.map((stream) => takeReference(stream as Duplex)));
  taken.delete(undefined);
  for (const stream of streams) {
    stream.emit('close');
  }
  return taken.size;
}

describe('R15 a TPDU out of turn', () => {
  //= X.224 6.9.1.4.2 para 2 test
  //= X.224 6.9.1.4.2 a 2 test
  test.each(names('CR'))('R15 %s first, to our server, drops TCP unanswered', async (name) => {
    const reports = new Mailbox<Error>();
    const server = await serve({ onError: reports.put });
    const raw = await rawClient(server.address.port);
    raw.send(TPDUS[name]);
    expect(await reports.next()).toMatchObject({ phase: 'wait-cr' });
    await raw.ending();
    expect(raw.received).toHaveLength(0);
    await expectServing(server);
  });

  test.each(names('CC', 'DR', 'ER'))('R15 %s first, to our client, is an error', async (name) => {
    const { connecting, raw } = await calling();
    raw.send(TPDUS[name]);
    const error = await rejection(connecting);
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'cr-sent' });
    await raw.ending();
  });

  test('R15 CC to a server asks whether both sides are servers', async () => {
    const reports = new Mailbox<Error>();
    const server = await serve({ onError: reports.put });
    const raw = await rawClient(server.address.port);
    raw.send(TPDUS.CC);
    expect(await reports.next()).toMatchObject({ hint: 'are both sides servers?' });
  });

  test('R15 a second CR while the first is decided on withdraws it', async () => {
    const signals = new Mailbox<AbortSignal>();
    const reports = new Mailbox<Error>();
    const server = await serve({
      onError: reports.put,
      onConnectRequest: async ({ signal }) => {
        signals.put(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    const signal = await signals.next();
    raw.send(CR);
    expect(await reports.next()).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'cr-received' });
    expect(signal.aborted).toBe(true);
    await raw.ending();
    expect(server.server.connectionCount).toBe(0);
  });

  describe.each(ROLES)('on an open connection of our %s', (role) => {
    test.each(names('DT', 'DR', 'ER'))('R15 %s is answered by an ER, then FIN', async (name) => {
      const { connection, raw } = await wire(role, { closeTimeout: 60 });
      raw.send(Buffer.concat([dt('01'), TPDUS[name]]));
      expect(await connection.read()).toEqual(hex('01'));
      const error = await rejection(connection.read());
      expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'open' });
      expect((await raw.packet())[1]).toBe(0x70);
      expect(await raw.ending()).toBe('fin');
      await connection.waitClosed();
    });
  });
});

describe('R17 a CC that comes late', () => {
  test('R17 after timeout changes nothing, and TCP is gone', async () => {
    const { connecting, raw } = await calling({ timeout: 50 });
    const srcRef = srcRefOf(await raw.packet());
    expect(await rejection(connecting)).toMatchObject({ timer: 'timeout', phase: 'cr-sent' });
    expect(await raw.ending()).toBe('fin');
    await expectNobody(raw, cc(srcRef));
  });

  test('R17 after the signal aborted changes nothing, and TCP was reset', async () => {
    const abort = new AbortController();
    const { connecting, raw } = await calling({ signal: abort.signal });
    await raw.packet();
    abort.abort(new Error('enough'));
    expect(await rejection(connecting)).toBe(abort.signal.reason);
    expect(await raw.ending()).toBe('reset');
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  test('R17 in the same turn as the abort changes nothing', async () => {
    const abort = new AbortController();
    const { connecting, raw } = await calling({ signal: abort.signal });
    raw.send(cc(srcRefOf(await raw.packet())));
    abort.abort(new Error('enough'));
    expect(await rejection(connecting)).toBe(abort.signal.reason);
    expect(await raw.ending()).toBe('reset');
  });
});

describe('R18 an end', () => {
  test.each(ROLES)('R18 of our %s comes once, however it is asked for', async (role) => {
    const { connection, raw, reports, server } = await wire(role);
    const aborts = new Mailbox<Event>();
    connection.signal.addEventListener('abort', aborts.put);
    raw.socket.end();
    connection.close();
    connection.close();
    connection.destroy();
    connection.destroy(new Error('again'));
    await Promise.all([connection.asyncClose(), connection.waitClosed(), connection.asyncClose()]);
    expect(aborts.all).toHaveLength(1);
    expect(reports.all).toEqual([]);
    expect(connection.socket.destroyed).toBe(true);
    await until(() => (server?.server.connectionCount ?? 0) === 0);
  });

  test.each(ROLES)(
    'R18 by destroy after close does not wait for the peer of our %s',
    async (role) => {
      const { connection } = await wire(role, { closeTimeout: 60_000 });
      connection.write(hex('01'));
      connection.close();
      connection.destroy();
      await connection.waitClosed();
      expect(connection.socket.destroyed).toBe(true);
    },
  );

  test.each(ROLES)(
    'R18 by destroy long after close leaves the peer of our %s alone',
    async (role) => {
      const { connection, raw } = await wire(role, { closeTimeout: 60_000 });
      connection.close();
      await raw.until(() => raw.isOver, true);
      connection.destroy();
      await connection.waitClosed();
      await expectNobody(raw, dt('01'));
    },
  );

  test.each(ROLES)('R18 by closeTimeout leaves the peer of our %s alone', async (role) => {
    const { connection, raw } = await wire(role, { closeTimeout: 50 });
    await connection.asyncClose();
    await expectNobody(raw, dt('01'));
  });

  test.each(ROLES)('R18 by closeTimeout with octets of our %s unsent is a reset', async (role) => {
    const { connection, raw } = await wire(role, { closeTimeout: 50 });
    raw.socket.pause();
    connection.write(Buffer.alloc(TOO_MANY));
    const reset = vi.spyOn(connection.socket as Socket, 'resetAndDestroy');
    await connection.asyncClose();
    expect(reset).toHaveBeenCalledOnce();
  });

  test('R18 by destroy rejects every read and drain that waits, with one error', async () => {
    const { connection, raw } = await wire('client');
    raw.socket.pause();
    connection.write(Buffer.alloc(TOO_MANY));
    const waiting = [connection.read(), connection.read(), connection.drain(), connection.drain()];
    const settled = Promise.allSettled(waiting);
    connection.destroy();
    const reasons = (await settled).map((each) => (each as PromiseRejectedResult).reason);
    expect(new Set(reasons).size).toBe(1);
    expect(reasons[0]).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'local' });
  });

  test('R18 by an abort while TCP connects closes the socket at once', async () => {
    const socket = new Socket();
    // A name that is never resolved is a TCP connection that never stands.
    socket.connect({ host: 'never', port: 102, lookup: () => {} });
    const abort = new AbortController();
    const connecting = connect({ host: 'never' }, { socket, signal: abort.signal });
    abort.abort(new Error('enough'));
    expect(await rejection(connecting)).toBe(abort.signal.reason);
    expect(socket.destroyed).toBe(true);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  test('R18 by timeout while TCP connects closes the socket', async () => {
    const socket = new Socket();
    socket.connect({ host: 'never', port: 102, lookup: () => {} });
    const error = await rejection(connect({ host: 'never' }, { socket, timeout: 40 }));
    expect(error).toMatchObject({
      timer: 'timeout',
      phase: 'tcp',
      hint: 'is never:102 the right address, is the device on, and does a firewall let packets through?',
    });
    expect(socket.destroyed).toBe(true);
  });

  test('R18 of connections in every way leaves no reference in use', async () => {
    const { client, peer } = await pair();
    const abort = new AbortController();
    const attempts = await Promise.all([
      calling({ timeout: 40 }),
      calling({ signal: abort.signal }),
      calling(),
      calling(),
    ]);
    const outcomes = attempts.map(({ connecting }) => rejection(connecting));
    abort.abort(new Error('enough'));
    attempts[2]?.raw.reset();
    attempts[3]?.raw.send(TPDUS.DR);
    await Promise.all(outcomes);
    client.destroy();
    await Promise.all([client.waitClosed(), peer.waitClosed()]);
    await until(() => freeReferences() === 65_535);
  });

  test('R18 of connections one after another on one signal leaves no listener on it', async () => {
    const { signal } = new AbortController();
    const server = await serve();
    for (let i = 0; i < 30; i += 1) {
      const connection = await connect(server.address, { signal });
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      await connection.asyncClose();
    }
    await until(() => server.server.connectionCount === 0);
  });

  test('R18 of a connect that is refused leaves no listener and no socket', async () => {
    const { signal } = new AbortController();
    const peer = await rawServer();
    for (let i = 0; i < 20; i += 1) {
      const refused = rejection<ConnectionClosedError>(connect(peer.address, { signal }));
      (await peer.accept()).reset();
      await refused;
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('R18 of a peer in the middle of a flood is reported once', async () => {
    const all = await wire('server');
    closeLater(() => all.raw.socket.destroy());
    await expectAlive(all);
    for (let i = 0; i < 1000; i += 1) {
      all.raw.send(dt('01'));
    }
    all.raw.send(Buffer.alloc(1000));
    for (let i = 0; i < 1000; i += 1) {
      expect(await all.connection.read()).toEqual(hex('01'));
    }
    const error = await rejection(all.connection.read());
    expect(await rejection(all.connection.read())).toBe(error);
    expect(all.reports.all).toEqual([error]);
  });
});
