import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test } from 'vitest';
import {
  type ConnectionEvent,
  type ConnectRequest,
  connect,
  type TraceEntry,
} from '../../../src/index.js';
import { heard, ofType } from '../../support/heard.js';
import { pair, rawClient, rejection, serve } from '../../support/life.js';
import { hex, tpkt } from '../../support/raw.js';

describe('the channel cotp:tpdu', () => {
  test('tells of every TPDU of both sides', async () => {
    const entries = heard<TraceEntry>('cotp:tpdu');
    const { client, peer } = await pair({ name: 'line 1' });
    client.write(hex('01'));
    await peer.read();
    const told = entries.map(({ role, direction, octets }) => [role, direction, octets[1]]);
    expect(told).toEqual([
      ['client', 'sent', 0xe0],
      ['server', 'received', 0xe0],
      ['server', 'sent', 0xd0],
      ['client', 'received', 0xd0],
      ['client', 'sent', 0xf0],
      ['server', 'received', 0xf0],
    ]);
    const [sent, received] = entries as [TraceEntry, TraceEntry];
    expect(sent.name).toBe('line 1');
    expect(sent.connection).not.toBe(received.connection);
    expect(sent.localAddr).toEqual(received.remoteAddr);
    expect(sent.remoteAddr).toEqual(received.localAddr);
    expect(sent.connection).toBe(entries[3]?.connection);
  });

  test('can be heard from the middle of a connection on, and left again', async () => {
    const { client, peer } = await pair();
    const seen: TraceEntry[] = [];
    const listener = (entry: unknown) => seen.push(entry as TraceEntry);
    const exchange = async () => {
      client.write(Buffer.alloc(3000));
      await peer.read();
    };
    await exchange();
    subscribe('cotp:tpdu', listener);
    await exchange();
    unsubscribe('cotp:tpdu', listener);
    await exchange();
    expect(seen.map(({ role, octets }) => [role, octets.length])).toEqual([
      ['client', 2048],
      ['client', 958],
      ['server', 2048],
      ['server', 958],
    ]);
  });
});

/** The ends of connections that opened while it was heard; earlier tests may still be closing. */
function closesOfNewOnes(events: readonly ConnectionEvent[]) {
  const opened = ofType(events, 'open').map(({ connection }) => connection);
  return ofType(events, 'close').filter(({ connection }) => opened.includes(connection));
}

describe('the channel cotp:connection', () => {
  test('tells when a connection opens and closes, and who ended it', async () => {
    const events = heard<ConnectionEvent>('cotp:connection');
    const { client, peer } = await pair({ remoteTsel: 0x0102 });
    await client.asyncClose();
    await peer.asyncClose();
    await expect.poll(() => closesOfNewOnes(events)).toHaveLength(2);
    const opens = ofType(events, 'open').map(({ role, info }) => [role, info.maxTpduSize]);
    const closes = closesOfNewOnes(events).map(({ role, how, by }) => [role, how, by]);
    expect([...opens, ...closes]).toEqual(
      expect.arrayContaining([
        ['client', 2048],
        ['server', 2048],
        ['client', 'fin', 'local'],
        ['server', 'fin', 'remote'],
      ]),
    );
  });

  test('distinguishes a reset from a FIN', async () => {
    const events = heard<ConnectionEvent>('cotp:connection');
    const { client, peer } = await pair();
    client.destroy();
    await peer.waitClosed();
    await expect.poll(() => closesOfNewOnes(events)).toHaveLength(2);
    const closes = closesOfNewOnes(events);
    expect(closes.map(({ role, how, by }) => [role, how, by])).toEqual(
      expect.arrayContaining([
        ['client', 'reset', 'local'],
        ['server', 'reset', 'remote'],
      ]),
    );
  });

  test('tells of the end of a connection that never opened where its TPDUs were heard', async () => {
    const server = await serve({ localTsel: 0x0102 });
    const events = heard<ConnectionEvent>('cotp:connection');
    await rejection(connect(server.address, { remoteTsel: 0x0103, trace: () => {} }));
    await expect
      .poll(() => events.map(({ role, event }) => [role, event]))
      .toEqual([
        ['server', 'request'],
        ['server', 'refused'],
        ['client', 'close'],
        ['server', 'close'],
      ]);
  });

  describe('notifies of each CR that a server refuses', () => {
    const refusals = (events: readonly ConnectionEvent[]) =>
      events.flatMap((event) => (event.event === 'refused' ? [event] : []));

    test.each([
      ['selector', { localTsel: 0x0102 }, 3],
      ['user', { onConnectRequest: (request: ConnectRequest) => request.refuse(2) }, 2],
      ['user', { onConnectRequest: () => Promise.reject(new Error('no')) }, 0],
    ] as const)('%s: %j', async (cause, options, reason) => {
      const server = await serve(options);
      const events = heard<ConnectionEvent>('cotp:connection');
      await rejection(connect(server.address, { remoteTsel: 0x0103 }));
      await expect.poll(() => refusals(events)).toHaveLength(1);
      expect(refusals(events)).toMatchObject([
        { role: 'server', cause, reason, rejectCause: undefined, localTsel: 0x0103 },
      ]);
    });

    test('limit', async () => {
      const { server } = await pair({}, { maxConnections: 1 });
      const events = heard<ConnectionEvent>('cotp:connection');
      await rejection(connect(server.address, { remoteTsel: 0x0103 }));
      await expect.poll(() => refusals(events)).toHaveLength(1);
      expect(refusals(events)).toMatchObject([{ cause: 'limit', reason: 1, localTsel: 0x0103 }]);
    });

    test.each([
      ['class', '06 e0 0000 0001 40', { reason: 130, rejectCause: undefined }],
      ['invalid', '0a e0 0000 0001 00', { reason: undefined, rejectCause: 0 }],
    ] as const)('%s', async (cause, cr, answer) => {
      const server = await serve();
      const events = heard<ConnectionEvent>('cotp:connection');
      const client = await rawClient(server.address.port);
      client.send(tpkt(cr));
      await expect.poll(() => refusals(events)).toHaveLength(1);
      expect(refusals(events)).toMatchObject([{ cause, ...answer, localTsel: undefined }]);
    });

    test('but not of what is no CR', async () => {
      const server = await serve();
      const events = heard<ConnectionEvent>('cotp:connection');
      const client = await rawClient(server.address.port);
      client.send(tpkt('02 f0 80 01'));
      await client.ending();
      expect(refusals(events)).toEqual([]);
    });
  });
});
