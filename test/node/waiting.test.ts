/** Waiting with an end: `receiveTimeout`, `read({ signal })`, `drain({ signal })`, `ref` and `unref`. */
import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { within } from '../support/ends.js';
import { pair, rawClient, rejection, serve } from '../support/life.js';
import { CR, dt, hex } from '../support/raw.js';
import {
  drip,
  guardProcess,
  ROLES,
  sendAlone,
  TOO_MANY,
  timersRun,
  until,
  wire,
} from '../support/wire.js';

guardProcess();

const BOUND = 5_000;

describe('receiveTimeout', () => {
  test.each(ROLES)('resets a connection of our %s on which nothing came', async (role) => {
    const { connection, raw, reports } = await wire(role, { receiveTimeout: 60 });
    const error = await within(BOUND, rejection(connection.read()), 'read');
    expect(error).toMatchObject({
      code: 'ERR_COTP_TIMEOUT',
      timer: 'receiveTimeout',
      message: expect.stringContaining('nothing was received from the peer within 60 ms'),
    });
    expect(await raw.ending()).toBe('reset');
    expect(await reports.next()).toBe(error);
  });

  test('runs out however much is written meanwhile', async () => {
    const { connection } = await wire('client', { receiveTimeout: 80 });
    const timer = setInterval(() => connection.isOpen && connection.write(hex('01')), 10);
    const error = await within(BOUND, rejection(connection.read()), 'read');
    clearInterval(timer);
    expect(error).toMatchObject({ timer: 'receiveTimeout' });
  });

  test('begins anew with whatever comes, a DT without user data too', async () => {
    const { connection, raw } = await wire('server', { receiveTimeout: 150 });
    drip(raw, () => hex('0300000702f080'), 20);
    await timersRun(500);
    expect(connection.isOpen).toBe(true);
  });

  test('does not run while our own reader has paused reading', async () => {
    const { connection, raw } = await wire('server', { receiveTimeout: 60, readHighWaterMark: 1 });
    raw.send(dt('01'));
    await until(() => connection.socket.isPaused());
    await timersRun(250);
    expect(connection.isOpen).toBe(true);
  });

  test('runs again once it reads on', async () => {
    const { connection, raw } = await wire('server', { receiveTimeout: 60, readHighWaterMark: 1 });
    raw.send(dt('01'));
    await until(() => connection.socket.isPaused());
    await connection.read();
    const error = await within(BOUND, rejection(connection.read()), 'read');
    expect(error).toMatchObject({ timer: 'receiveTimeout' });
  });

  test('does not run after the FIN of the peer', async () => {
    const { connection, raw } = await wire('server', { receiveTimeout: 60, allowHalfOpen: true });
    raw.socket.end();
    await until(() => connection.socket.readableEnded);
    await timersRun(250);
    expect(connection.isOpen).toBe(true);
  });

  test('does not run while a call is being decided on', async () => {
    let decide: () => void = () => {};
    const server = await serve({
      receiveTimeout: 60,
      onConnectRequest: (request) =>
        new Promise((resolve) => {
          decide = () => {
            request.accept();
            resolve();
          };
        }),
    });
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    await timersRun(200);
    decide();
    expect((await server.accept()).isOpen).toBe(true);
  });

  test('runs after our own end() as well', async () => {
    const { connection, raw } = await wire('server', { receiveTimeout: 60 });
    connection.end();
    expect(await within(BOUND, rejection(connection.read()), 'read')).toMatchObject({
      timer: 'receiveTimeout',
    });
    expect(await raw.ending()).not.toBe(undefined);
  });

  test.each([0, -1, 1.5, '5', Number.NaN])('of %o is refused', async (receiveTimeout) => {
    await expect(serve({ receiveTimeout } as never)).rejects.toThrow(/receiveTimeout/);
  });
});

describe('read({ signal })', () => {
  test('rejects with the reason of the signal, and takes no TSDU', async () => {
    const { connection, raw } = await wire('server');
    const abort = new AbortController();
    const reading = connection.read({ signal: abort.signal });
    const reason = new Error('too late');
    abort.abort(reason);
    expect(await rejection(reading)).toBe(reason);
    raw.send(dt('0102'));
    expect(await connection.read()).toEqual(hex('0102'));
  });

  test('gives up a read by AbortSignal.timeout, again and again, and loses nothing', async () => {
    const { connection, raw } = await wire('client');
    for (let i = 0; i < 5; i += 1) {
      const reading = connection.read({ signal: AbortSignal.timeout(5) });
      expect(await rejection(reading)).toMatchObject({ name: 'TimeoutError' });
    }
    raw.send(Buffer.concat([dt('01'), dt('02')]));
    expect([await connection.read(), await connection.read()]).toEqual([hex('01'), hex('02')]);
  });

  test('that has aborted before rejects, though a TSDU is there', async () => {
    const wired = await wire('server');
    await sendAlone(wired, dt('01'));
    const { connection } = wired;
    const reason = new Error('before');
    const error = await rejection(connection.read({ signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect(await connection.read()).toEqual(hex('01'));
  });

  test('that aborts when the TSDU has been taken changes nothing', async () => {
    const wired = await wire('server');
    await sendAlone(wired, dt('01'));
    const abort = new AbortController();
    const reading = wired.connection.read({ signal: abort.signal });
    abort.abort();
    expect(await reading).toEqual(hex('01'));
  });

  test('leaves the order of other reads as it is', async () => {
    const { connection, raw } = await wire('server');
    const abort = new AbortController();
    const first = connection.read();
    const second = connection.read({ signal: abort.signal });
    const third = connection.read();
    abort.abort();
    await rejection(second);
    raw.send(Buffer.concat([dt('01'), dt('03')]));
    expect([await first, await third]).toEqual([hex('01'), hex('03')]);
  });

  test('leaves no listener, whether it was given up, had a TSDU or the connection ended', async () => {
    const { connection, raw } = await wire('server');
    const { signal } = new AbortController();
    const readings = [connection.read({ signal }), connection.read({ signal })];
    raw.send(dt('01'));
    await readings[0];
    connection.close();
    await rejection(readings[1] as Promise<Buffer>);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('on one signal for many connections does not warn', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 12; i += 1) {
      const { connection } = await wire('server');
      connection.read({ signal }).catch(() => {});
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });

  test('rejects with what ended the connection when that comes first', async () => {
    const { connection, raw } = await wire('server');
    const abort = new AbortController();
    const reading = connection.read({ signal: abort.signal });
    raw.reset();
    expect(await rejection(reading)).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'reset' });
    abort.abort();
  });

  test.each([
    [{ signal: 5 }, /signal/],
    [{ signals: undefined }, /signals/],
    [5, /object/],
    [null, /object|null/],
  ])('refuses %o', async (options, text) => {
    const { connection } = await wire('server');
    const error = await rejection(connection.read(options as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(text);
  });
});

describe('drain({ signal })', () => {
  async function full() {
    const { client } = await pair({}, { readHighWaterMark: 1 });
    client.write(Buffer.alloc(TOO_MANY));
    return client;
  }

  test('rejects with the reason of the signal, and what was written stays', async () => {
    const client = await full();
    const abort = new AbortController();
    const reason = new Error('no more patience');
    const draining = client.drain({ signal: abort.signal });
    abort.abort(reason);
    expect(await rejection(draining)).toBe(reason);
    expect(client.isOpen).toBe(true);
    expect(client.writeBuffered).toBeGreaterThan(0);
  });

  test('that has aborted before rejects', async () => {
    const client = await full();
    const error = await rejection(client.drain({ signal: AbortSignal.abort(new Error('before')) }));
    expect(error.message).toBe('before');
  });

  test('resolves once there is room, and leaves no listener', async () => {
    const { client, peer } = await pair();
    const { signal } = new AbortController();
    void (async () => {
      for await (const _tsdu of peer) {
        // Takes all of it.
      }
    })().catch(() => {});
    client.write(Buffer.alloc(8_000_000));
    await client.drain({ signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('rejects with what ended the connection when that comes first', async () => {
    const client = await full();
    const { signal } = new AbortController();
    const draining = client.drain({ signal });
    client.destroy();
    expect(await rejection(draining)).toMatchObject({ code: 'ERR_COTP_CLOSED' });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('refuses a bad option', async () => {
    const { client } = await pair();
    expect(await rejection(client.drain({ signal: 'now' } as never))).toBeInstanceOf(TypeError);
  });
});

/** A process of its own: connects to that port, does something, and says what keeps it from ending. */
async function processWith(port: number, act: string): Promise<'ended' | 'still runs'> {
  const index = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    import { connect } from ${JSON.stringify(index)};
    const connection = await connect({ host: '127.0.0.1', port: ${port} }, { receiveTimeout: 60_000, idleTimeout: 60_000 });
    ${act}
    // A timer that keeps no process alive, so only what else does lets it ring.
    setTimeout(() => {
      process.stdout.write('still runs');
      process.exit();
    }, 200).unref();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  return said === '' ? 'ended' : (said as 'still runs');
}

describe('a process', () => {
  test('ends though a connection is open, after unref()', async () => {
    const { address } = await serve();
    expect(await processWith(address.port, 'connection.unref();')).toBe('ended');
  });

  test('ends after unref(), with a read that waits', async () => {
    const { address } = await serve();
    const act = 'connection.unref().read().catch(() => {});';
    expect(await processWith(address.port, act)).toBe('ended');
  });

  test('does not end after unref() and ref()', async () => {
    const { address } = await serve();
    expect(await processWith(address.port, 'connection.unref().ref();')).toBe('still runs');
  });
});
