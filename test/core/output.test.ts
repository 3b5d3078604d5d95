import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EngineEvent, Message } from '../../src/core/engine.js';
import { Output } from '../../src/core/output.js';

const END: EngineEvent = { type: 'end' };

/** What a receiver got, and an output that has it. */
function received(): { readonly output: Output; readonly got: Message[] } {
  const output = new Output();
  const got: Message[] = [];
  output.receiver = { onMessage: (message) => got.push(message) };
  return { output, got };
}

function message(...octets: number[]): Message {
  return Uint8Array.from(octets);
}

test('a message before which nothing waits goes to its receiver at once, and no further', () => {
  const { output, got } = received();
  output.message(message(1));
  expect([got, output.shift()]).toEqual([[message(1)], undefined]);
});

test('a message behind an event waits, and so does the one behind it', () => {
  const { output, got } = received();
  output.push(END);
  output.message(message(1));
  output.message(message(2));
  expect(got).toEqual([]);
  expect([output.shift(), output.shift(), output.shift()]).toEqual([END, message(1), message(2)]);
});

test('a message waits while there is no receiver', () => {
  const output = new Output();
  output.message(message(1));
  expect(output.shift()).toEqual(message(1));
});

test('whoever takes all that waits after each chunk has messages and events in their order', () => {
  const chunk = fc.array(fc.boolean(), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 10 }), (chunks) => {
      const output = new Output();
      const all: (Message | EngineEvent)[] = [];
      output.receiver = { onMessage: (taken) => all.push(taken) };
      let count = 0;
      const expected: (Message | EngineEvent)[] = [];
      for (const outputs of chunks) {
        for (const isMessage of outputs) {
          const one = isMessage ? message(count) : END;
          expected.push(one);
          count += 1;
          if (one instanceof Uint8Array) {
            output.message(one);
          } else {
            output.push(one);
          }
        }
        for (let one = output.shift(); one !== undefined; one = output.shift()) {
          all.push(one);
        }
      }
      expect(all).toEqual(expected);
    }),
  );
});
