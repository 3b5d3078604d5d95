/**
 * Import this in a file whose tests run at the same time (`test.concurrent`): each test then closes
 * only what it has opened itself. Tests that mostly wait for a time of the command do so together.
 * Such a test takes `expect` from its context, because `expect.poll` needs to know its test.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { aroundEach } from 'vitest';
import { Closers, closersBy } from './life.js';

const ofTest = new AsyncLocalStorage<Closers>();
closersBy(() => ofTest.getStore());

aroundEach(async (runTest) => {
  const closers = new Closers();
  try {
    await ofTest.run(closers, runTest);
  } finally {
    await closers.closeAll();
  }
});
