/** What ends a connection after the FIN of the peer: it is not taken for that FIN, and is reported once. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Connection, ConnectionEvent } from '../../src/index.js';
import { heard } from '../support/heard.js';
import { rejection } from '../support/life.js';
import { dt } from '../support/raw.js';
import { guardProcess, type SharedOptions, until, wire } from '../support/wire.js';

guardProcess();

/** A connection whose peer has sent a TSDU and FIN, and takes nothing. */
async function afterFin(options: SharedOptions = {}) {
  const errors: Error[] = [];
  const onError = (error: Error) => errors.push(error);
  const ends = await wire('server', { allowHalfOpen: true, onError, ...options });
  ends.raw.socket.pause();
  ends.raw.send(dt('01'));
  ends.raw.socket.end();
  await ends.connection.read();
  expect(await rejection(ends.connection.read())).toMatchObject({ ending: 'fin' });
  return { ...ends, errors };
}

/** Writes more than TCP takes. */
function overfill(connection: Connection): void {
  connection.write(Buffer.alloc(10_000_000));
}

describe.each([
  ['destroy()', (connection: Connection) => connection.destroy()],
  ['destroy(error)', (connection: Connection) => connection.destroy(new Error('overheated'))],
  [
    'close() and then destroy()',
    (connection: Connection) => {
      connection.close();
      connection.destroy();
    },
  ],
])('%s after the FIN of the peer', (how, end) => {
  test.each([false, true])('is no failure, with data that waits: %s', async (isFull) => {
    const events = heard<ConnectionEvent>('cotp:connection');
    const { connection, server, errors } = await afterFin();
    if (isFull) {
      overfill(connection);
    }
    end(connection);
    await connection.waitClosed();
    await nextTurn();
    expect(errors).toEqual([]);
    expect(server?.server.stats()).toMatchObject({ open: 0, failed: 0 });
    expect(events.filter(({ event }) => event === 'error')).toEqual([]);
    expect(connection.disconnection).toMatchObject({
      ending: how.startsWith('close') ? 'fin' : 'local',
      confirmed: false,
    });
  });
});

test('destroy(error) after the FIN gives its error to later calls', async () => {
  const { connection } = await afterFin();
  const cause = new Error('overheated');
  connection.destroy(cause);
  expect(() => connection.write(Buffer.of(1))).toThrow(expect.objectContaining({ cause }));
  expect(await rejection(connection.read())).toMatchObject({ ending: 'fin' });
});

test('a writeTimeout after the FIN is reported once, and ends writes and drains', async () => {
  const events = heard<ConnectionEvent>('cotp:connection');
  const { connection, server, errors } = await afterFin({ writeTimeout: 50 });
  overfill(connection);
  const timeout = { code: 'ERR_COTP_TIMEOUT', timer: 'writeTimeout' };
  expect(await rejection(connection.drain())).toMatchObject(timeout);
  await connection.waitClosed();
  await nextTurn();
  expect(errors).toMatchObject([timeout]);
  expect(events.filter(({ event }) => event === 'error')).toHaveLength(1);
  expect(server?.server.stats()).toMatchObject({ failed: 1 });
  expect(() => connection.write(Buffer.of(1))).toThrow(errors[0]);
  expect(connection.disconnection).toMatchObject({ ending: 'timeout', confirmed: false });
});

test('a reset after the FIN is what has ended the connection', async () => {
  const { connection, raw, errors } = await afterFin();
  raw.socket.resetAndDestroy();
  await until(() => connection.isClosed);
  expect(errors).toMatchObject([{ code: 'ERR_COTP_CLOSED', ending: 'reset' }]);
  expect(() => connection.write(Buffer.of(1))).toThrow(errors[0]);
  expect(connection.disconnection).toMatchObject({ ending: 'reset', confirmed: false });
});

test('close() after the FIN is a clean end by that FIN', async () => {
  const { connection, raw, errors } = await afterFin();
  raw.socket.resume();
  connection.close();
  await connection.waitClosed();
  expect(errors).toEqual([]);
  expect(connection.disconnection).toEqual({ ending: 'fin', confirmed: true, unsent: 0 });
});
