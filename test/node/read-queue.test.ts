/** What the queue of arrived messages holds on to. */
import { describe, expect, test } from 'vitest';
import { ReadQueue } from '../../src/node/read-queue.js';
import { memoryHeld } from '../support/growth.js';

/** Lets a read wait, resolves it, and forgets the message. */
async function readOne(queue: ReadQueue, by: 'read' | 'next'): Promise<WeakRef<Buffer>> {
  const reading = by === 'read' ? queue.read() : queue.next();
  const message = Buffer.alloc(100_000);
  queue.push(message);
  await reading;
  return new WeakRef(message);
}

test.each(['read', 'next'] as const)(
  'a message that %s has given is kept by nobody',
  async (by) => {
    const queue = new ReadQueue(1_000_000, () => {});
    const message = await readOne(queue, by);
    await memoryHeld();
    expect(message.deref()).toBeUndefined();
    expect(queue.isEmpty).toBe(true);
  },
);

test('a message whose memory was given away while it waited leaves an empty queue', async () => {
  const queue = new ReadQueue(1_000_000, () => {});
  const chunk = new ArrayBuffer(100);
  queue.push(Buffer.from(chunk, 0, 50));
  queue.push(Buffer.from(chunk, 50, 50));
  await queue.read();
  structuredClone(chunk, { transfer: [chunk] });
  await queue.read();
  expect(queue.isEmpty).toBe(true);
});

describe('what a chunk holds beside the messages in it', () => {
  const chunk = Buffer.alloc(1_000);

  test('counts as long as one of them waits', async () => {
    const rooms: number[] = [];
    const queue = new ReadQueue(1_000, () => rooms.push(1));
    queue.push(chunk.subarray(0, 1));
    expect(queue.endChunk(chunk.length)).toBe(false);
    expect(queue.push(Buffer.from('of the next chunk'))).toBe(false);
    await queue.read();
    expect(rooms).toEqual([1]);
    expect(queue.endChunk(17)).toBe(true);
  });

  test('is let go with the last of them', async () => {
    const queue = new ReadQueue(1_200, () => {});
    queue.push(chunk.subarray(0, 1));
    queue.push(chunk.subarray(1, 2));
    expect(queue.endChunk(chunk.length)).toBe(true);
    await queue.read();
    queue.push(chunk.subarray(2, 3));
    expect(queue.push(chunk.subarray(3, 4))).toBe(true);
    expect(queue.push(chunk.subarray(4, 5))).toBe(false);
  });

  test('does not count where a reader has taken them at once', () => {
    const queue = new ReadQueue(1_000, () => {});
    void queue.read();
    queue.push(chunk.subarray(0, 1));
    expect(queue.endChunk(chunk.length)).toBe(true);
    expect(queue.push(Buffer.alloc(1))).toBe(true);
  });

  test('is nothing where the messages are as long as the chunk', () => {
    const queue = new ReadQueue(1_300, () => {});
    queue.push(chunk);
    expect(queue.endChunk(chunk.length)).toBe(true);
    expect(queue.push(Buffer.alloc(50))).toBe(false);
  });

  test('is reckoned for each chunk anew', () => {
    const queue = new ReadQueue(2_000, () => {});
    queue.push(chunk);
    expect(queue.endChunk(chunk.length)).toBe(true);
    expect(queue.push(chunk.subarray(0, 1))).toBe(true);
    expect(queue.endChunk(chunk.length)).toBe(false);
  });
});

test('a queue that was closed takes none', async () => {
  const queue = new ReadQueue(1_000, () => {});
  queue.push(Buffer.from('before'));
  queue.close();
  queue.push(Buffer.from('after'));
  expect(queue.isEmpty).toBe(true);
});
