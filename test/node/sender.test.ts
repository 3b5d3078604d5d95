/** When what was handed to a stream counts as taken: before that its memory is not used again. */
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { allocateZeroed } from '../../src/core/octet-collector.js';
import { Outbox } from '../../src/core/outbox.js';
import { SendBlocks } from '../../src/core/send-blocks.js';
import { Sender } from '../../src/node/sender.js';
import { closeLater } from '../support/life.js';
import { pattern } from '../support/splits.js';

/** A socket of the system whose writes the test takes, one after the other. */
async function held(outbox: Outbox) {
  const server = createServer((peer) => closeLater(() => peer.destroy())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(() => server.close());
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  closeLater(() => socket.destroy());
  await once(socket, 'connect');
  const onWay: ((error?: Error) => void)[] = [];
  socket._write = (_chunk, _encoding, callback) => onWay.push(callback);
  socket._writev = (_chunks, callback) => onWay.push(callback);
  let taken = 0;
  const whole = outbox.taken.bind(outbox);
  outbox.taken = () => {
    taken += 1;
    whole();
  };
  const sender = new Sender(socket, outbox, () => {});
  return { socket, sender, take: (error?: Error) => onWay.shift()?.(error), taken: () => taken };
}

function outboxOf(...payloads: readonly number[]): Outbox {
  const outbox = new Outbox(new SendBlocks(allocateZeroed));
  for (const payload of payloads) {
    outbox.packet([], pattern(payload));
  }
  return outbox;
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe.each<[string, readonly number[]]>([
  ['one small piece', [100]],
  ['one large piece', [8_000, 8_000, 8_000]],
  ['several pieces', [100, 9_000, 100, 9_000]],
])('%s', (_what, payloads) => {
  test('is not taken while the system has not taken it', async () => {
    const { sender, taken } = await held(outboxOf(...payloads));
    sender.flush();
    await turn();
    expect(taken()).toBe(0);
  });

  test('is taken once the system has taken it', async () => {
    const { sender, take, taken } = await held(outboxOf(...payloads));
    sender.flush();
    take();
    take();
    await turn();
    expect([taken(), sender.inFlight]).toEqual([1, 0]);
  });

  test('is never taken when the system fails', async () => {
    const { socket, sender, take, taken } = await held(outboxOf(...payloads));
    socket.on('error', () => {});
    sender.flush();
    take(new Error('EPIPE'));
    take();
    await turn();
    expect(taken()).toBe(0);
  });

  test('is never taken when the socket is destroyed meanwhile', async () => {
    const { socket, sender, take, taken } = await held(outboxOf(...payloads));
    sender.flush();
    socket.destroy();
    take();
    await turn();
    expect(taken()).toBe(0);
  });
});

describe('memory is used again', () => {
  test('for a socket of Node', () => {
    const outbox = outboxOf();
    new Sender(new Socket(), outbox, () => {});
    expect(outbox.tellsTaken).toBe(true);
  });

  class Recorder extends Socket {}

  test.each([
    ["a stream of the user's own", new PassThrough()],
    ['a socket that the user has made another of', new Recorder()],
    ['TLS', new TLSSocket(new Socket())],
  ])('not for %s', (_what, stream) => {
    const outbox = outboxOf();
    new Sender(stream, outbox, () => {});
    expect(outbox.tellsTaken).toBe(false);
    stream.destroy();
  });
});
