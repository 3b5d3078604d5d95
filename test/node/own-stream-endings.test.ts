/**
 * Streams of the caller's own that end in unusual ways, or throw where Node's own do not: the connection
 * ends, in time, and nothing else does.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex, type DuplexOptions } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Connection, type ConnectOptions, connect } from '../../src/index.js';
import { References } from '../../src/node/references.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, rejection, serve } from '../support/life.js';
import { cc, dt, hex } from '../support/raw.js';

const uncaught = vi.fn();

beforeEach(() => {
  uncaught.mockClear();
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);
});

afterEach(() => {
  process.off('uncaughtException', uncaught);
  process.off('unhandledRejection', uncaught);
  vi.restoreAllMocks();
});

type Written = (octets: Buffer) => void;

/** A stream in the hands of the test, which is the peer: it gets what is written. */
function ownStream(options: DuplexOptions = {}): {
  stream: Duplex;
  onWritten: (take: Written) => void;
} {
  let take: Written = () => {};
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => {},
    write(chunk: Buffer, _encoding, done) {
      take(chunk);
      done();
    },
    ...options,
  });
  return {
    stream,
    onWritten: (next) => {
      take = next;
    },
  };
}

/** A connection over it. */
async function open(
  own: ReturnType<typeof ownStream>,
  options: ConnectOptions = {},
): Promise<Connection> {
  own.onWritten((cr) => own.stream.push(cc(cr.subarray(8, 10).toString('hex'))));
  const connection = await connect({ host: 'own', port: 1 }, { ...options, socket: own.stream });
  own.onWritten(() => {});
  return connection;
}

const KINDS: [string, DuplexOptions][] = [
  ['emits no close', { emitClose: false }],
  ['is not destroyed by itself', { autoDestroy: false }],
  ['neither', { emitClose: false, autoDestroy: false }],
];

describe.each(KINDS)('a stream that %s', (_kind, options) => {
  test('is closed by asyncClose, once its peer ends too', async () => {
    const own = ownStream(options);
    const connection = await open(own);
    own.stream.once('finish', () => own.stream.push(null));
    await connection.asyncClose();
    expect(own.stream.destroyed).toBe(true);
  });

  test('is closed by asyncClose after closeTimeout, when its peer does not end', async () => {
    const own = ownStream(options);
    const connection = await open(own, { closeTimeout: 50 });
    await connection.asyncClose();
    expect(own.stream.destroyed).toBe(true);
  });

  test('is closed by destroy()', async () => {
    const own = ownStream(options);
    const connection = await open(own);
    connection.destroy();
    await connection.waitClosed();
    expect(own.stream.destroyed).toBe(true);
  });

  test('ends the connection when its owner destroys it', async () => {
    const own = ownStream(options);
    const connection = await open(own);
    own.stream.destroy(new Error('pulled'));
    expect(await rejection(connection.read())).toMatchObject({ cause: { message: 'pulled' } });
    await connection.waitClosed();
  });

  test('gives its reference back', async () => {
    const release = vi.spyOn(References.prototype, 'release');
    const connection = await open(ownStream(options));
    connection.destroy();
    await connection.waitClosed();
    expect(release).toHaveBeenCalledTimes(1);
  });

  test('gives what arrived before its end', async () => {
    const own = ownStream(options);
    const connection = await open(own);
    own.stream.push(dt('01'));
    own.stream.push(dt('02'));
    own.stream.destroy();
    expect(await connection.read()).toEqual(hex('01'));
    expect(await connection.read()).toEqual(hex('02'));
  });

  test('rejects connect when it is destroyed before the CC', async () => {
    const { stream } = ownStream(options);
    const connecting = rejection(connect({ host: 'own', port: 1 }, { socket: stream }));
    stream.destroy();
    expect(await connecting).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });

  test('is closed by asyncClose of cotp/tpkt', async () => {
    const own = ownStream(options);
    const connection = await tpkt.connect(
      { host: 'own', port: 1 },
      { socket: own.stream, closeTimeout: 50 },
    );
    await connection.asyncClose();
    expect(own.stream.destroyed).toBe(true);
  });
});

test('the owner of a stream gets one close event', async () => {
  const own = ownStream();
  const onClose = vi.fn();
  own.stream.on('close', onClose);
  const connection = await open(own);
  connection.destroy();
  await connection.waitClosed();
  await new Promise((resolve) => setImmediate(resolve));
  expect(onClose).toHaveBeenCalledTimes(1);
});

test('a stream whose _destroy throws is closed', async () => {
  const own = ownStream({
    destroy: () => {
      throw new Error('stuck');
    },
  });
  const connection = await open(own, { closeTimeout: 50 });
  await connection.asyncClose();
  expect(uncaught).not.toHaveBeenCalled();
});

test('a stream whose _destroy never ends counts as closed after 5000 ms', async () => {
  const own = ownStream({ destroy: () => {} });
  const connection = await open(own);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
  closeLater(() => vi.useRealTimers());
  connection.destroy();
  const closed = vi.fn();
  void connection.waitClosed().then(closed);
  await vi.advanceTimersByTimeAsync(4_990);
  expect(closed).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(20);
  await connection.waitClosed();
  vi.useRealTimers();
});

type Method = 'read' | 'write' | 'writev' | 'write after its callback' | 'final';

/** A stream of which one method throws, once the test says so; it answers the CR. */
class FaultyStream extends Duplex {
  isFaulty = false;
  readonly #method: Method;

  constructor(method: Method) {
    super({ allowHalfOpen: true });
    this.#method = method;
    if (method === 'writev') {
      this._writev = (_chunks, callback) => this.#do('writev', callback);
    }
  }

  override _read(): void {
    this.#do('read');
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    if (this.#method === 'write after its callback') {
      callback();
      this.#do(this.#method);
    } else {
      this.#do('write', callback);
    }
    if (chunk[5] === 0xe0) {
      this.push(cc(chunk.subarray(8, 10).toString('hex')));
    }
  }

  override _final(callback: () => void): void {
    this.#do('final', callback);
  }

  #do(method: Method, callback?: () => void): void {
    if (this.isFaulty && method === this.#method) {
      throw new Error('of the stream');
    }
    callback?.();
  }
}

describe.each<[Method]>([['write'], ['writev'], ['write after its callback'], ['final'], ['read']])(
  'a stream that throws in %s',
  (method) => {
    test('ends its connection with that error and throws at nobody', async () => {
      const stream = new FaultyStream(method);
      const errors: Error[] = [];
      const connection = await connect(
        { host: 'own', port: 1 },
        { socket: stream, onError: (error) => errors.push(error) },
      );
      stream.isFaulty = true;
      connection.write(hex('01'));
      connection.write(Buffer.alloc(300_000));
      if (method === 'final') {
        connection.end();
      }
      if (method === 'read') {
        stream.push(dt('02'));
        await connection.read();
      }
      expect(await rejection(connection.read())).toMatchObject({
        code: 'ERR_COTP_CLOSED',
        cause: { message: 'of the stream' },
      });
      await connection.asyncClose();
      await new Promise((resolve) => setImmediate(resolve));
      expect(errors).toMatchObject([{ code: 'ERR_COTP_CLOSED' }]);
      expect(uncaught).not.toHaveBeenCalled();
    });
  },
);

test('a stream that throws at the CR rejects connect', async () => {
  const stream = new FaultyStream('write');
  stream.isFaulty = true;
  const error = await rejection(connect({ host: 'own', port: 1 }, { socket: stream }));
  expect(error).toMatchObject({ phase: 'cr-sent', cause: { message: 'of the stream' } });
  expect(uncaught).not.toHaveBeenCalled();
});

test('a stream that throws what is no Error ends its connection with one', async () => {
  const own = ownStream();
  const connection = await open(own);
  own.onWritten(() => {
    throw Object.create(null);
  });
  connection.write(hex('01'));
  const error = await rejection(connection.read());
  expect(error.cause).toBeInstanceOf(Error);
  await connection.waitClosed();
});

test('a stream whose own write() throws ends its connection', async () => {
  const own = ownStream();
  const connection = await open(own);
  own.stream.write = () => {
    throw new Error('of the stream');
  };
  connection.write(hex('01'));
  const error = await rejection(connection.read());
  expect(error).toMatchObject({ cause: { message: 'of the stream' } });
  await connection.asyncClose();
  expect(uncaught).not.toHaveBeenCalled();
});

describe('TLS over a stream of the caller', () => {
  let made: Certificates;

  beforeAll(async () => {
    made = await certificates();
  });

  /** A stream that passes on what goes through a socket. */
  async function over(port: number, options: DuplexOptions): Promise<Duplex & { socket: Socket }> {
    const socket = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    closeLater(() => socket.destroy());
    const stream = new Duplex({
      allowHalfOpen: true,
      read: () => {},
      write: (chunk, encoding, done) => void socket.write(chunk, encoding, done),
      final: (done) => void socket.end(done),
      destroy(error, done) {
        socket.destroy();
        done(error);
      },
      ...options,
    });
    socket.on('data', (chunk) => stream.push(chunk));
    socket.on('end', () => stream.push(null));
    return Object.assign(stream, { socket });
  }

  test.each([...KINDS, ['is as usual', {}] as [string, DuplexOptions]])(
    'is closed by asyncClose, where the stream %s',
    async (_kind, options) => {
      const server = await serve({ tls: made.server });
      const socket = await over(server.address.port, options);
      const tls = { ca: made.ca, servername: 'localhost' };
      const connection = await connect(server.address, { socket, tls, closeTimeout: 200 });
      const peer = await server.accept();
      connection.write(hex('0102'));
      expect(await peer.read()).toEqual(hex('0102'));
      await connection.asyncClose();
      expect(socket.destroyed).toBe(true);
    },
  );

  test('that throws when it is written ends the connection', async () => {
    const server = await serve({ tls: made.server });
    let isFaulty = false;
    const socket = await over(server.address.port, {
      write(chunk, encoding, done) {
        if (isFaulty) {
          throw new Error('of the stream');
        }
        (this as unknown as { socket: Socket }).socket.write(chunk, encoding, done);
      },
    });
    const tls = { ca: made.ca, servername: 'localhost' };
    const connection = await connect(server.address, { socket, tls, closeTimeout: 200 });
    isFaulty = true;
    connection.write(hex('01'));
    expect(await rejection(connection.read())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
    await connection.asyncClose();
    expect(uncaught).not.toHaveBeenCalled();
  });
});
