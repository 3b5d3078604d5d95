/** For tests that run at the same time (`test.concurrent`), because they mostly wait for a time of the command. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { aroundEach } from 'vitest';
import { Closers, closersBy } from './life.js';

const ofTest = new AsyncLocalStorage<Closers>();
closersBy(() => ofTest.getStore());

/**
 * Each test of the file closes only what it has opened itself. Such a test takes `expect` from its context, because
 * `expect.poll` needs to know its test.
 */
export function closeOwn(): void {
  aroundEach(async (runTest) => {
    const closers = new Closers();
    try {
      await ofTest.run(closers, runTest);
    } finally {
      await closers.closeAll();
    }
  });
}
