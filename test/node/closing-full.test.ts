/**
 * A connection that is closed while its read queue is full and its peer goes on sending. What comes is
 * dropped, and the connection ends within `closeTimeout`, however it was closed.
 */
import { describe, expect, test } from 'vitest';
import { connect, listen } from '../../src/index.js';
import { type Ends, FORM_TITLE, FORMS, flood, open, within } from '../support/ends.js';
import { closeLater } from '../support/life.js';
import { CR, dt, RawPeer } from '../support/raw.js';
import { guardProcess, until } from '../support/wire.js';

guardProcess();

const CLOSE_TIMEOUT = 100;
/** A busy machine may take so much longer. */
const BOUND = 5_000;
const OPTIONS = { closeTimeout: CLOSE_TIMEOUT, readHighWaterMark: 4_096 };

/** The queue is full: reading from the stream has paused. The peer goes on sending. */
async function full(ends: Ends): Promise<void> {
  const block = Buffer.concat(Array.from({ length: 64 }, () => ends.message('ab'.repeat(1_000))));
  void flood(ends.raw, block);
  await until(() => ends.connection.socket.isPaused());
}

describe.each(FORMS)(`at a full queue (${FORM_TITLE})`, (form) => {
  test('asyncClose resolves', async () => {
    const ends = await open(form, OPTIONS);
    await full(ends);
    await within(BOUND, ends.connection.asyncClose(), 'asyncClose');
    await until(() => (ends.server?.connectionCount ?? 0) === 0);
  });

  test('asyncClose after end resolves', async () => {
    const ends = await open(form, OPTIONS);
    await full(ends);
    ends.connection.end();
    await within(BOUND, ends.connection.asyncClose(), 'asyncClose after end');
  });

  test('destroy closes at once', async () => {
    const ends = await open(form, OPTIONS);
    await full(ends);
    ends.connection.destroy();
    await within(BOUND, ends.connection.waitClosed(), 'destroy');
  });

  test('what was in the queue is still read after asyncClose', async () => {
    const ends = await open(form, OPTIONS);
    await full(ends);
    await within(BOUND, ends.connection.asyncClose(), 'asyncClose');
    expect((await ends.connection.read()).length).toBe(1_000);
  });

  test('a stream of messages that is never read and is destroyed closes', async () => {
    const ends = await open(form, OPTIONS);
    const stream = ends.connection.toDuplex();
    await full(ends);
    stream.destroy();
    await within(BOUND, ends.connection.waitClosed(), 'toDuplex().destroy()');
  });

  test('a stream of messages that is ended, then destroyed, closes', async () => {
    const ends = await open(form, OPTIONS);
    const stream = ends.connection.toDuplex();
    await full(ends);
    stream.end();
    await until(() => stream.writableFinished);
    stream.destroy();
    await within(BOUND, ends.connection.waitClosed(), 'toDuplex().end(), destroy()');
  });
});

/** A peer that calls our server and then floods it with TSDUs that nobody asked for. */
async function floodingPeer(port: number): Promise<RawPeer> {
  const raw = await RawPeer.connect(port);
  closeLater(() => raw.socket.destroy());
  raw.socket.on('error', () => {});
  raw.send(CR);
  await raw.packet();
  void flood(raw, Buffer.concat(Array.from({ length: 64 }, () => dt('ab'.repeat(1_000)))));
  return raw;
}

describe('a server', () => {
  const address = { host: '127.0.0.1', port: 0 };

  test('gives the slot back of a callback that throws while its peer floods', async () => {
    let isThrown = false;
    const server = await listen(
      async (connection) => {
        await until(() => connection.socket.isPaused());
        isThrown = true;
        throw new Error('no use for it');
      },
      address,
      { ...OPTIONS, maxConnections: 1, onError: () => {} },
    );
    closeLater(() => server.asyncClose());
    await floodingPeer(server.addresses[0]?.port ?? 0);
    await until(() => isThrown);
    await until(() => server.connectionCount === 0, BOUND);
    const client = await connect(server.addresses[0] as { host: string; port: number });
    await client.asyncClose();
    await until(() => server.connectionCount === 0, BOUND);
  });

  test('with bindConnections closes while all its peers flood', async () => {
    const connections: { readonly socket: { isPaused(): boolean } }[] = [];
    const server = await listen((connection) => void connections.push(connection), address, {
      ...OPTIONS,
      bindConnections: true,
      onError: () => {},
    });
    const { port = 0 } = server.addresses[0] ?? {};
    await Promise.all(Array.from({ length: 4 }, () => floodingPeer(port)));
    await until(
      () => connections.length === 4 && connections.every(({ socket }) => socket.isPaused()),
    );
    await within(BOUND, server.asyncClose(), 'asyncClose of the server');
    expect(server.connectionCount).toBe(0);
  });
});

test('reading on while it closes neither hangs nor resumes anything', async () => {
  const ends = await open({ role: 'server', service: 'cotp', tls: false }, OPTIONS);
  await full(ends);
  const closed = ends.connection.asyncClose();
  let taken = 0;
  for await (const message of ends.connection) {
    taken += message.length;
  }
  await within(BOUND, closed, 'asyncClose');
  expect(taken).toBeGreaterThan(0);
});
