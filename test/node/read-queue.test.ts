/** What the queue of arrived messages holds on to. */
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHUNK_OVERHEAD,
  MESSAGE_OVERHEAD,
  ReadQueue,
} from '../../src/node/connection/read-queue.js';
import { memoryHeld } from '../support/growth.js';

/** Lets a read wait, resolves it, and forgets the message. */
async function readOne(queue: ReadQueue, by: 'read' | 'next'): Promise<WeakRef<Buffer>> {
  const reading = by === 'read' ? queue.read() : queue.next();
  const message = Buffer.alloc(100_000);
  queue.onMessage(message);
  await reading;
  return new WeakRef(message);
}

test.each(['read', 'next'] as const)(
  'a message that %s has given is kept by nobody',
  async (by) => {
    const queue = new ReadQueue();
    const message = await readOne(queue, by);
    await memoryHeld();
    expect(message.deref()).toBeUndefined();
    expect(queue.isEmpty).toBe(true);
  },
);

test('a message whose memory was given away while it waited leaves an empty queue', async () => {
  const queue = new ReadQueue();
  const chunk = new ArrayBuffer(100);
  queue.onMessage(Buffer.from(chunk, 0, 50));
  queue.onMessage(Buffer.from(chunk, 50, 50));
  await queue.read();
  structuredClone(chunk, { transfer: [chunk] });
  await queue.read();
  expect(queue.isEmpty).toBe(true);
});

describe('what a chunk holds beside the messages in it', () => {
  const chunk = Buffer.alloc(1_000);
  /** A chunk in memory, without its messages. */
  const wholeChunk = chunk.length + CHUNK_OVERHEAD;

  test('counts as long as one of them waits', async () => {
    const mark = wholeChunk + MESSAGE_OVERHEAD;
    const queue = new ReadQueue();
    queue.onMessage(chunk.subarray(0, 1));
    queue.endChunk(chunk.length);
    expect(queue.held).toBe(mark);
    queue.onMessage(Buffer.from('of the next chunk'));
    await queue.read();
    expect(queue.held).toBe(17 + MESSAGE_OVERHEAD);
  });

  test('is let go with the last of them', async () => {
    const queue = new ReadQueue();
    queue.onMessage(chunk.subarray(0, 1));
    queue.onMessage(chunk.subarray(1, 2));
    queue.endChunk(chunk.length);
    await queue.read();
    queue.onMessage(chunk.subarray(2, 3));
    // Of the two octets of the chunk that were put in, the first is no longer counted as a message.
    expect(queue.held).toBe(wholeChunk - 1 + 2 * MESSAGE_OVERHEAD + 1);
    await queue.read();
    expect(queue.held).toBe(1 + MESSAGE_OVERHEAD);
  });

  test('does not count where a reader has taken them at once', () => {
    const queue = new ReadQueue();
    void queue.read();
    queue.onMessage(chunk.subarray(0, 1));
    queue.endChunk(chunk.length);
    expect(queue.held).toBe(0);
  });

  test('is no more than what every chunk costs where the messages are as long as it', () => {
    const queue = new ReadQueue();
    queue.onMessage(chunk.subarray(7));
    queue.endChunk(chunk.length);
    expect(queue.held).toBe(wholeChunk + MESSAGE_OVERHEAD);
  });

  test('is nothing where the only message has memory of its own', () => {
    const queue = new ReadQueue();
    queue.onMessage(Buffer.alloc(5_000));
    queue.endChunk(chunk.length);
    expect(queue.held).toBe(5_000 + MESSAGE_OVERHEAD);
  });

  test.each([5_000, 20_000])(
    'is all of it beside a message of %i octets that was joined',
    (length) => {
      const queue = new ReadQueue();
      queue.onMessage(Buffer.alloc(length));
      queue.onMessage(chunk.subarray(7, 8));
      queue.endChunk(chunk.length, length);
      expect(queue.held).toBe(length + wholeChunk + 2 * MESSAGE_OVERHEAD);
    },
  );

  test('is counted for each chunk anew', () => {
    const queue = new ReadQueue();
    queue.onMessage(chunk.subarray(7));
    queue.endChunk(chunk.length);
    expect(queue.held).toBe(wholeChunk + MESSAGE_OVERHEAD);
    queue.onMessage(chunk.subarray(0, 1));
    queue.endChunk(chunk.length);
    expect(queue.held).toBe(2 * (wholeChunk + MESSAGE_OVERHEAD));
  });
});

test('what is held follows any order of messages, chunks and reads, and is nothing at the end', async () => {
  const step = fc.oneof(
    fc.nat(3_000).map((length) => ({ kind: 'message' as const, length })),
    fc.nat(70_000).map((length) => ({ kind: 'chunk' as const, length })),
    fc.constant({ kind: 'read' as const, length: 0 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const queue = new ReadQueue();
      const waiting: number[] = [];
      for (const { kind, length } of steps) {
        if (kind === 'message') {
          queue.onMessage(Buffer.alloc(length));
          waiting.push(length);
        } else if (kind === 'chunk') {
          queue.endChunk(length);
        } else if (waiting.length > 0) {
          expect((await queue.read()).length).toBe(waiting.shift());
        }
        const least = waiting.reduce((sum, each) => sum + each + MESSAGE_OVERHEAD, 0);
        expect(queue.held).toBeGreaterThanOrEqual(least);
      }
      for (const length of waiting) {
        expect((await queue.read()).length).toBe(length);
      }
      expect(queue.held).toBe(0);
    }),
  );
});

describe('a read that is given up', () => {
  const later = () => new AbortController();

  test('takes no message', async () => {
    const queue = new ReadQueue();
    const given = later();
    const reading = queue.read(given.signal);
    given.abort(new Error('too late'));
    await expect(reading).rejects.toThrow('too late');
    queue.onMessage(Buffer.from('answer'));
    expect(queue.given).toBe(0);
    await expect(queue.read()).resolves.toEqual(Buffer.from('answer'));
  });

  test('leaves the order of the others as it is', async () => {
    const queue = new ReadQueue();
    const given = later();
    const readings = [queue.read(), queue.read(given.signal), queue.read(), queue.read()];
    given.abort();
    for (const text of ['a', 'b', 'c']) {
      queue.onMessage(Buffer.from(text));
    }
    const settled = await Promise.allSettled(readings);
    expect(
      settled.map((each) => (each.status === 'fulfilled' ? String(each.value) : each.status)),
    ).toEqual(['a', 'rejected', 'b', 'c']);
  });

  test('leaves no listener at the signal, however it ended', async () => {
    const queue = new ReadQueue();
    const { signal } = later();
    const readings = Array.from({ length: 20 }, () => queue.read(signal));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const _ of readings) {
      queue.onMessage(Buffer.alloc(1));
    }
    await Promise.all(readings);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

test('a queue that was closed takes none', async () => {
  const queue = new ReadQueue();
  queue.onMessage(Buffer.from('before'));
  queue.close();
  queue.onMessage(Buffer.from('after'));
  expect(queue.isEmpty).toBe(true);
});
