/** What the queue of arrived messages holds on to. */
import { expect, test } from 'vitest';
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
