import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/core/fifo.js';

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
        for (let i = 0; i < shifts; i += 1) {
          const item = fifo.shift();
          expect(item).toBe(expected < next ? expected : undefined);
          expected += item === undefined ? 0 : 1;
        }
        expect(fifo.length).toBe(next - expected);
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
