import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/core/fifo.js';
import { memoryHeld } from '../support/growth.js';

/** A few, where one item and many differ, or a great many. */
const some = fc.oneof(fc.nat(3), fc.nat(3), fc.nat(3000));

test('items come out in the order in which they went in, whatever the mixture of both', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(some, some), { maxLength: 20 }), (bursts) => {
      const fifo = new Fifo<number>();
      let next = 0;
      let expected = 0;
      for (const [pushes, shifts] of bursts) {
        for (let i = 0; i < pushes; i += 1) {
          fifo.push(next);
          next += 1;
        }
        // Compared here: so many calls of `expect` take seconds.
        let isInOrder = true;
        for (let i = 0; i < shifts; i += 1) {
          const item = fifo.shift();
          isInOrder &&= item === (expected < next ? expected : undefined);
          expected += item === undefined ? 0 : 1;
        }
        expect([isInOrder, fifo.length]).toEqual([true, next - expected]);
      }
    }),
    { numRuns: 50 },
  );
});

test.each([1, 2, 100])('cleared of %i items, it is empty and goes on', (count) => {
  const fifo = new Fifo<string>();
  for (let i = 0; i < count; i += 1) {
    fifo.push('old');
  }
  fifo.clear();
  fifo.push('new');
  expect([fifo.length, fifo.shift(), fifo.shift()]).toEqual([1, 'new', undefined]);
});

/** A queue of these items, in which some were before. */
function filled(items: readonly string[], before = 0): Fifo<string> {
  const fifo = new Fifo<string>();
  for (const item of [...Array.from({ length: before }, () => 'before'), ...items]) {
    fifo.push(item);
  }
  for (let i = 0; i < before; i += 1) {
    fifo.shift();
  }
  return fifo;
}

/** What comes out, to the end. */
function drained(fifo: Fifo<string>): readonly (string | undefined)[] {
  return Array.from({ length: fifo.length }, () => fifo.shift());
}

test.each([
  [[], undefined],
  [['a'], 'a'],
  [['a', 'b'], 'a'],
])('the first of %j is %s, and stays in the queue', (items, first) => {
  for (const before of [0, 1, 2]) {
    const fifo = filled(items, before);
    expect(fifo.first).toBe(first);
    expect(fifo.length).toBe(items.length);
  }
});

test.each([
  [['a'], 'a', []],
  [['a', 'b', 'c'], 'a', ['b', 'c']],
  [['a', 'b', 'c'], 'b', ['a', 'c']],
  [['a', 'b', 'c'], 'c', ['a', 'b']],
])('of %j, %s can be taken out, and the others stay in order', (items, item, others) => {
  for (const before of [0, 1, 2]) {
    const fifo = filled(items, before);
    expect(fifo.remove(item)).toBe(true);
    fifo.push('new');
    expect(drained(fifo)).toEqual([...others, 'new']);
  }
});

test.each([[[]], [['a']], [['a', 'b']]])(
  'of %j, an item that is not there is not taken out',
  (items) => {
    for (const before of [0, 1, 2]) {
      const fifo = filled(items, before);
      expect(fifo.remove('before')).toBe(false);
      expect(drained(fifo)).toEqual(items);
    }
  },
);

test.each([[[]], [['a']], [['a', 'b']], [['a', 'b', 'c']]])(
  'the items of %j can be looked through, and stay in the queue',
  (items) => {
    for (const before of [0, 1, 2]) {
      const fifo = filled(items, before);
      expect([...fifo]).toEqual(items);
      expect(drained(fifo)).toEqual(items);
    }
  },
);

test.each([1, 2, 3])('two queues of %i items share nothing', (count) => {
  const one = new Fifo<string>();
  const other = new Fifo<string>();
  for (let i = 0; i < count; i += 1) {
    one.push(`one ${i}`);
    other.push(`other ${i}`);
  }
  expect(drained(one)).toEqual(Array.from({ length: count }, (_, i) => `one ${i}`));
  expect(drained(other)).toEqual(Array.from({ length: count }, (_, i) => `other ${i}`));
});

test.each([2, 3_000])(
  'a queue that never has fewer than %i items keeps few places',
  async (least) => {
    const fifo = new Fifo<number>();
    const before = await memoryHeld();
    for (let i = 0; i < 500_000; i += 1) {
      fifo.push(i);
      if (i >= least) {
        fifo.shift();
      }
    }
    expect((await memoryHeld()) - before).toBeLessThan(1_500_000);
    expect(fifo.length).toBe(least);
  },
);

test('queues that are empty after a burst keep few places', async () => {
  const before = await memoryHeld();
  const fifos = Array.from({ length: 1_000 }, () => filled([], 1_000));
  expect((await memoryHeld()) - before).toBeLessThan(3_000_000);
  expect(fifos.every(({ length }) => length === 0)).toBe(true);
});
