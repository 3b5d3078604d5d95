/**
 * A peer whose TCP connection is gone while nobody reads from it: Node notices a reset only as it reads. The
 * connection ends within a bounded time all the same, gives its slot back, and what had arrived is still read.
 */
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/index.js';
import {
  type EndOptions,
  type Ends,
  FORM_TITLE,
  FORMS,
  type Form,
  flood,
  open,
  within,
} from '../support/ends.js';
import { closeLater, rejection } from '../support/life.js';
import { guardProcess, until } from '../support/wire.js';

guardProcess();

/** A reset is looked for every second; a busy machine may take some more. */
const BOUND = 5_000;

const RESET = { code: 'ERR_COTP_CLOSED', ending: 'reset' };
const PLAIN: Form = { role: 'server', service: 'cotp', tls: false };

/** Sends messages and waits until our side has them. */
async function deliver(
  { connection, raw, message }: Ends,
  texts: readonly string[],
): Promise<void> {
  const { socket } = connection as { socket: { bytesRead?: number } };
  const had = socket.bytesRead ?? 0;
  const octets = Buffer.concat(texts.map(message));
  raw.send(octets);
  await until(() => (socket.bytesRead ?? 0) >= had + octets.length);
}

/** Sends FIN and waits until our side has seen it. */
async function finish({ connection, raw }: Ends): Promise<void> {
  const { socket } = connection;
  raw.socket.end();
  await until(() => socket.readableEnded);
}

/** It has ended, and whoever watches was notified. */
async function expectGone({ connection, server }: Ends, signal: AbortSignal): Promise<void> {
  await within(BOUND, connection.waitClosed(), 'the end of a connection that was reset');
  expect(signal.aborted).toBe(true);
  expect(server?.connectionCount ?? 0).toBe(0);
}

/** The same in every form of a connection at the same time, since each waits for its second. */
async function inEveryForm(
  options: EndOptions,
  act: (ends: Ends, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const tried = FORMS.map(async (form) => {
    const ends = await open(form, options);
    try {
      await act(ends, ends.connection.signal);
    } catch (error) {
      throw new Error(`${form.role}, ${form.service}, tls ${form.tls}`, { cause: error });
    }
  });
  await Promise.all(tried);
}

/** The peer floods until reading has paused, and is then reset. */
async function resetFlooding({ connection, raw, tcp, message }: Ends): Promise<void> {
  void flood(raw, Buffer.concat(Array.from({ length: 64 }, () => message('ab'.repeat(1_000)))));
  await until(() => connection.socket.isPaused());
  tcp.resetAndDestroy();
}

describe('in every form, a reset', () => {
  test('behind a message and FIN that nobody reads: it ends, and the message stays', async () => {
    await inEveryForm({}, async (ends, signal) => {
      await deliver(ends, ['0a0b0c', '0d0e0f']);
      await finish(ends);
      ends.tcp.resetAndDestroy();
      await expectGone(ends, signal);
      expect((await ends.connection.read()).toString('hex')).toBe('0a0b0c');
      expect((await ends.connection.read()).toString('hex')).toBe('0d0e0f');
      expect(await rejection(ends.connection.read())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
    });
  });

  test('while a full queue has paused reading: it ends, and reads reject with the reset', async () => {
    await inEveryForm({ readHighWaterMark: 4_096 }, async (ends, signal) => {
      await resetFlooding(ends);
      await expectGone(ends, signal);
      const reading = (async () => {
        for (;;) {
          expect((await ends.connection.read()).length).toBe(1_000);
        }
      })();
      expect(await rejection(reading)).toMatchObject(RESET);
    });
  });

  test('while a full queue has paused reading, after our own end(): it ends', async () => {
    await inEveryForm({ readHighWaterMark: 4_096 }, async (ends, signal) => {
      ends.connection.end();
      await resetFlooding(ends);
      await expectGone(ends, signal);
      expect((await ends.connection.read()).length).toBe(1_000);
    });
  });

  test('behind FIN, where this side stays half open: it ends', async () => {
    await inEveryForm({ allowHalfOpen: true }, async (ends, signal) => {
      await finish(ends);
      ends.tcp.resetAndDestroy();
      await expectGone(ends, signal);
    });
  });

  test('behind a message and FIN, under a stream of messages that nobody reads: it ends', async () => {
    await inEveryForm({}, async (ends, signal) => {
      ends.connection.toDuplex().on('error', () => {});
      await deliver(ends, ['0a0b0c']);
      await finish(ends);
      ends.tcp.resetAndDestroy();
      await expectGone(ends, signal);
    });
  });
});

test.each(FORMS)(
  `a reset right behind a message is no FIN, although Node reports it so (${FORM_TITLE})`,
  async (form) => {
    for (let round = 0; round < 10; round += 1) {
      const { connection, raw, tcp, message, errors } = await open(form);
      raw.send(message('0a0b0c'));
      tcp.resetAndDestroy();
      const reading = (async () => {
        for (;;) {
          await connection.read();
        }
      })();
      expect(await rejection(reading)).toMatchObject(RESET);
      await connection.waitClosed();
      expect(errors).toMatchObject([RESET]);
    }
  },
);

test('onError is called once with the reset', async () => {
  const ends = await open(PLAIN, { readHighWaterMark: 4_096 });
  await resetFlooding(ends);
  await within(BOUND, ends.connection.waitClosed(), 'the end');
  expect(ends.errors).toHaveLength(1);
  expect(ends.errors[0]).toMatchObject({ ...RESET, cause: { code: 'ECONNRESET' } });
});

test('the next client has the slot', async () => {
  const ends = await open(PLAIN, { maxConnections: 1 });
  await deliver(ends, ['0a0b0c']);
  await finish(ends);
  ends.tcp.resetAndDestroy();
  await until(() => ends.server?.connectionCount === 0, BOUND);
  const client = await connect(ends.server?.addresses[0] as { host: string; port: number });
  closeLater(() => client.destroy());
  expect(client.isOpen).toBe(true);
});

test('a peer that has only sent FIN, and waits, keeps its connection', async () => {
  const ends = await open(PLAIN);
  await deliver(ends, ['0a0b0c']);
  await finish(ends);
  const { _handle: handle } = ends.connection.socket as unknown as {
    _handle: { getpeername(out: object): number };
  };
  let looks = 0;
  const look = handle.getpeername.bind(handle);
  handle.getpeername = (out) => {
    looks += 1;
    return look(out);
  };
  await until(() => looks >= 2, BOUND);
  expect(ends.connection.isOpen).toBe(true);
  expect((await ends.connection.read()).toString('hex')).toBe('0a0b0c');
});

test('a reset while reading is paused is reported as a reset, also to a reader that resumes before the check', async () => {
  await inEveryForm({ readHighWaterMark: 4_096 }, async (ends) => {
    await resetFlooding(ends);
    const { connection, tcp } = ends;
    await until(() => tcp.destroyed);
    const reading = (async () => {
      for await (const message of connection) {
        expect(message.length).toBe(1_000);
      }
    })();
    expect(await within(BOUND, rejection(reading), 'reading on')).toMatchObject(RESET);
  });
});
