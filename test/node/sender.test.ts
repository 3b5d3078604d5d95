/** When what was handed to a stream counts as taken: before that its memory is not used again. */
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SendBuffer } from '../../src/core/data-transfer/send-buffer.js';
import { SendPool } from '../../src/core/data-transfer/send-pool.js';
import { allocateZeroed } from '../../src/core/octets/collector.js';
import { Sender } from '../../src/node/stream/sender.js';
import { closeLater } from '../support/life.js';
import { pattern } from '../support/splits.js';

/** A socket of the system whose writes the test takes, one after the other. */
async function held(outbox: SendBuffer) {
  const server = createServer((peer) => closeLater(() => peer.destroy())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(() => server.close());
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  closeLater(() => socket.destroy());
  await once(socket, 'connect');
  const onWay: ((error?: Error) => void)[] = [];
  const batches: number[] = [];
  socket._write = (chunk: Buffer, _encoding, callback) => {
    batches.push(chunk.length);
    onWay.push(callback);
  };
  socket._writev = (chunks: readonly { readonly chunk: Buffer }[], callback) => {
    batches.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
    onWay.push(callback);
  };
  let taken = 0;
  const whole = outbox.sent.bind(outbox);
  outbox.sent = () => {
    taken += 1;
    whole();
  };
  const sender = new Sender(socket, outbox, { onTaken: () => sender.flush() });
  const take = (error?: Error) => onWay.shift()?.(error);
  return { socket, sender, take, taken: () => taken, batches };
}

function outboxOf(...payloads: readonly number[]): SendBuffer {
  const outbox = new SendBuffer(new SendPool(allocateZeroed));
  for (const payload of payloads) {
    outbox.addPacket([], pattern(payload));
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
    expect([taken(), sender.pending]).toEqual([1, 0]);
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

/** The clock of the tests below, which they move themselves. */
function stoppedClock() {
  const clock = { time: 1_000 };
  vi.spyOn(performance, 'now').mockImplementation(() => clock.time);
  return clock;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a peer that is slow', () => {
  /** Packets of 8 KiB to the sum of 4 MiB. */
  const backlog = () => outboxOf(...Array.from({ length: 512 }, () => 8_192));
  const kibibytes = (octets: number) => Math.round(octets / 1024);

  test('is seen to take octets of a batch while a stream takes it piece by piece', () => {
    const clock = stoppedClock();
    const onWay: (() => void)[] = [];
    const stream = new Duplex({
      read: () => {},
      write: (_chunk, _encoding, callback) => onWay.push(callback),
    });
    closeLater(() => stream.destroy());
    const sender = new Sender(stream, outboxOf(9_000, 9_000, 9_000), { onTaken() {} });
    sender.flush();
    expect(sender.since).toBe(1_000);
    clock.time = 1_500;
    onWay.shift()?.();
    clock.time = 1_600;
    expect(sender.since).toBe(1_600);
    clock.time = 1_700;
    expect([sender.since, sender.pending > 0]).toEqual([1_600, true]);
  });

  test('is given 64 KiB at first, then twice as many as it took briskly, up to 1 MiB', async () => {
    stoppedClock();
    const { sender, take, batches } = await held(backlog());
    sender.flush();
    for (let batch = 1; batch < 7; batch += 1) {
      take();
      await turn();
    }
    const sizes = batches.map((octets) => 2 ** Math.round(Math.log2(kibibytes(octets))));
    expect(sizes).toEqual([64, 128, 256, 512, 1024, 1024, 1024]);
  });

  test('is given 64 KiB again once it took long', async () => {
    const clock = stoppedClock();
    const { sender, take, batches } = await held(backlog());
    sender.flush();
    take();
    await turn();
    take();
    await turn();
    clock.time += 100;
    take();
    await turn();
    expect(batches).toHaveLength(4);
    expect(kibibytes(batches[3] as number)).toBeLessThan(80);
  });
});

describe('with expedited data', () => {
  const LISTENER = { onExpeditedSent: () => {}, onDataSent: () => {} };

  test('a batch stays small, for what the stream has got cannot be overtaken', async () => {
    const outbox = outboxOf();
    outbox.allowUrgent('unacknowledged', LISTENER);
    for (let i = 0; i < 100; i += 1) {
      outbox.addPacket([], pattern(8_192));
    }
    const { sender, take, batches } = await held(outbox);
    sender.flush();
    for (let i = 0; i < 4; i += 1) {
      take();
      await turn();
    }
    expect(Math.max(...batches)).toBeLessThan(80 * 1024);
  });

  test('data that waits for an EA is not written before it has come', async () => {
    const outbox = outboxOf();
    outbox.allowUrgent('acknowledged', LISTENER);
    outbox.addExpedited(pattern(6));
    outbox.addPacket([], pattern(100));
    const { sender, take, batches } = await held(outbox);
    sender.flush();
    take();
    await turn();
    sender.flush();
    expect(batches).toEqual([10]);
    outbox.acknowledged();
    sender.flush();
    expect(batches).toEqual([10, 104]);
  });
});

describe('memory is used again', () => {
  test('for a socket of Node', () => {
    const outbox = outboxOf();
    new Sender(new Socket(), outbox, { onTaken() {} });
    expect(outbox.reportsSent).toBe(true);
  });

  class Recorder extends Socket {}

  test.each([
    ["a stream of the user's own", new PassThrough()],
    ['a socket that the user has made another of', new Recorder()],
    ['TLS', new TLSSocket(new Socket())],
  ])('not for %s', (_what, stream) => {
    const outbox = outboxOf();
    new Sender(stream, outbox, { onTaken() {} });
    expect(outbox.reportsSent).toBe(false);
    stream.destroy();
  });
});
