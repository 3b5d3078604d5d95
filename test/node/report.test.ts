/** A listener that fails is the user's, and must not end the process. */
import { afterEach, expect, test } from 'vitest';
import { reportTo } from '../../src/node/callbacks.js';

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

afterEach(() => {
  process.off('unhandledRejection', onUnhandled);
});

test.each<[string, () => void]>([
  [
    'throws',
    () => {
      throw new Error('of the listener');
    },
  ],
  ['rejects', () => Promise.reject(new Error('of the listener'))],
])('a listener that %s is called, and that is all', async (_what, fail) => {
  process.on('unhandledRejection', onUnhandled);
  const told: unknown[] = [];
  const report = reportTo((error, { peer }) => {
    told.push([error.message, peer]);
    return fail();
  }, 'peer:102');
  report(new Error('of the connection'));
  // The event comes once the queue of promises is empty, before the loop goes round.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect(told).toEqual([['of the connection', 'peer:102']]);
  expect(unhandled).toEqual([]);
});
