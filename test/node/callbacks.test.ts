/** Whatever a callback of the user's throws or returns, it is reported once and ends nothing. */
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, listen, type TraceEntry } from '../../src/index.js';
import { runCallback, toError } from '../../src/node/callbacks.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { closeLater, pair, rawClient, rejection, serve } from '../support/life.js';
import { CR, hex } from '../support/raw.js';

const HOST = { host: '127.0.0.1', port: 0 };
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', onUnhandled);
});

afterEach(() => {
  process.off('unhandledRejection', onUnhandled);
});

/** A rejection that nobody handles is reported once the queue of promises is empty. */
async function roundOfTheLoop(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const hostile = () =>
  new Proxy(new Error('target'), {
    get: () => {
      throw new Error('trap');
    },
    getPrototypeOf: () => {
      throw new Error('trap');
    },
  });

/** Things that are no Error, and what the message about each shows. */
const THINGS: [string, () => unknown, string][] = [
  ['undefined', () => undefined, 'undefined'],
  ['null', () => null, 'null'],
  ['a number', () => 42, '42'],
  ['a string', () => 'out of paper', 'out of paper'],
  ['an empty string', () => '', "''"],
  ['a symbol', () => Symbol('sign'), 'Symbol(sign)'],
  ['a bigint', () => 7n, '7n'],
  ['a function', () => function jam() {}, 'jam'],
  ['a plain object', () => ({ code: 'EJAM' }), 'EJAM'],
  ['an object without a prototype', () => Object.assign(Object.create(null), { x: 1 }), 'x: 1'],
  [
    'an object whose toString throws',
    () => ({
      tray: 2,
      toString: () => {
        throw new Error('no');
      },
    }),
    'tray: 2',
  ],
  [
    'an object whose properties throw',
    () => ({
      get [Symbol.toStringTag](): string {
        throw new Error('no');
      },
    }),
    'thrown',
  ],
  ['a revoked proxy', revoked, 'Proxy'],
  ['a proxy of an error whose traps throw', hostile, 'target'],
  ['an object that inherits from a revoked proxy', () => Object.create(revoked()), 'thrown'],
  [
    'an error whose message throws',
    () =>
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('no');
        },
      }),
    'Error',
  ],
];

describe('what was thrown becomes an Error', () => {
  test.each(THINGS)('%s, as its cause', (_what, make, text) => {
    const thrown = make();
    const error = toError(thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toContain(text);
    expect(Object.is(error.cause, thrown)).toBe(true);
  });

  test('an Error stays itself, and so does one of another realm', () => {
    const error = new RangeError('x');
    const foreign: unknown = runInNewContext('new Error("foreign")');
    expect(toError(error)).toBe(error);
    expect(toError(foreign)).toBe(foreign);
  });
});

/** Ways to fail with a value. */
const WAYS: [string, (value: unknown) => () => unknown][] = [
  [
    'throws',
    (value) => () => {
      throw value;
    },
  ],
  ['rejects', (value) => () => Promise.reject(value)],
  [
    'returns a thenable that rejects',
    (value) => () => ({
      // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
      then: (_done: unknown, fail: (value: unknown) => void) => fail(value),
    }),
  ],
  [
    'returns a thenable whose then throws',
    (value) => () => ({
      // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
      then: () => {
        throw value;
      },
    }),
  ],
  [
    'returns a function with a then that throws',
    (value) => () =>
      Object.assign(() => {}, {
        // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
        then: () => {
          throw value;
        },
      }),
  ],
  [
    'returns an object whose getter of then throws',
    (value) => () => ({
      // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
      get then(): unknown {
        throw value;
      },
    }),
  ],
  [
    'returns a promise with a then of its own that throws',
    (value) => () =>
      Object.assign(Promise.resolve(), {
        // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
        then: () => {
          throw value;
        },
      }),
  ],
  [
    'returns a promise with a constructor of its own that throws',
    (value) => () =>
      Object.defineProperty(Promise.resolve(), 'constructor', {
        get: () => {
          throw value;
        },
      }),
  ],
  [
    'returns a promise of a subclass whose then rejects',
    (value) => () => {
      class Lazy extends Promise<unknown> {
        // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
        override then(_done: unknown, fail?: unknown): never {
          (fail as (reason: unknown) => void)(value);
          return undefined as never;
        }
      }
      return new Lazy(() => {});
    },
  ],
];

describe.each(WAYS)('a callback that %s', (_way, failing) => {
  test('is reported once', async () => {
    const value = { of: 'the callback' };
    const onFailure = vi.fn();
    const onDone = vi.fn();
    runCallback(failing(value), onFailure, onDone);
    await roundOfTheLoop();
    expect(onFailure.mock.calls).toEqual([[value]]);
    expect(onDone).not.toHaveBeenCalled();
    expect(unhandled).toEqual([]);
  });

  test('as connectionCb closes its connection and reaches onError', async () => {
    const errors: [Error, string][] = [];
    const server = await listen(failing(Object.create(null)) as () => void, HOST, {
      onError: (error, { peer }) => errors.push([error, peer]),
    });
    closeLater(() => server.asyncClose());
    const client = await connect(server.addresses[0]!);
    expect(await rejection(client.read())).toMatchObject({ ending: 'fin' });
    const { host, port } = client.info.localAddr;
    expect(errors).toEqual([
      [expect.objectContaining({ message: expect.stringMatching(/thrown/) }), `${host}:${port}`],
    ]);
    expect(unhandled).toEqual([]);
  });

  test('as connectionCb of cotp/tpkt closes its connection and reaches onError', async () => {
    const errors: Error[] = [];
    const server = await tpkt.listen(failing(undefined) as () => void, HOST, {
      onError: (error) => errors.push(error),
    });
    closeLater(() => server.asyncClose());
    const client = await tpkt.connect(server.addresses[0]!);
    expect(await rejection(client.read())).toMatchObject({ ending: 'fin' });
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/undefined/) }),
    ]);
    expect(unhandled).toEqual([]);
  });

  test('as onConnectRequest refuses, and reaches onError', async () => {
    const server = await serve({ onConnectRequest: failing(Symbol('no')) as () => void });
    const error = await rejection(connect(server.address));
    expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 0 });
    expect(server.errors).toMatchObject([{ message: expect.stringContaining('Symbol(no)') }]);
    expect(unhandled).toEqual([]);
  });

  test('as onError is ignored', async () => {
    const onError = vi.fn(failing(new Error('of the listener')));
    const server = await serve({ onError: onError as () => void });
    const raw = await rawClient(server.address.port);
    raw.send(Buffer.from('garbage'));
    await raw.ending();
    await roundOfTheLoop();
    expect(onError).toHaveBeenCalledTimes(1);
    expect(unhandled).toEqual([]);
  });

  test('as trace breaks nothing and reaches onError once a connection', async () => {
    const value = new Error('of the trace');
    const errors: Error[] = [];
    const trace = vi.fn<(entry: TraceEntry) => void>(failing(value) as () => void);
    const onError = (error: Error) => errors.push(error);
    const { client, peer } = await pair({ trace, onError });
    for (const text of ['01', '02', '03']) {
      client.write(hex(text));
      expect(await peer.read()).toEqual(hex(text));
    }
    await Promise.all([client.asyncClose(), peer.asyncClose()]);
    expect(trace.mock.calls.length).toBe(5);
    expect(errors).toEqual([value]);
    expect(unhandled).toEqual([]);
  });

  test('as trace of a server leaves its connections as they are', async () => {
    const server = await serve({ trace: failing(null) as () => void });
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    await raw.packet();
    expect((await server.accept()).isOpen).toBe(true);
    await roundOfTheLoop();
    expect(unhandled).toEqual([]);
  });
});

test('a callback that fulfils later is done then, and not before', async () => {
  let fulfil: () => void = () => {};
  const onDone = vi.fn();
  runCallback(
    () =>
      new Promise<void>((resolve) => {
        fulfil = resolve;
      }),
    () => {},
    onDone,
  );
  await roundOfTheLoop();
  expect(onDone).not.toHaveBeenCalled();
  fulfil();
  await roundOfTheLoop();
  expect(onDone).toHaveBeenCalledTimes(1);
});
