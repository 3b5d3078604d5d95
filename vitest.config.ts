import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Milliseconds that a test has; more where coverage slows it down. A condition that a test polls has nearly as long, so that a slow
 * machine delays a test but does not fail it; a condition that never holds still has its own message.
 */
const TEST_TIMEOUT = process.env.COTP_CHILD_COVERAGE === undefined ? 20_000 : 60_000;
const POLL_TIMEOUT = 15_000;

/** One project for each layer, so that `vitest run --project core` runs the tests of that layer. */
const layers = ['core', 'vectors', 'properties', 'node', 'cli', 'inspector-page', 'package'];

/** Core has no state of its own, so the files of its tests share a process, which saves nine seconds of processor time. */
const WITHOUT_STATE = ['core', 'vectors', 'properties', 'inspector-page'];

export default defineConfig({
  test: {
    // By itself the runner leaves one core free. More workers than cores, because many tests wait for a timer
    // of the library, which takes no processor.
    maxWorkers: 2 * availableParallelism(),
    // Tests that run at the same time mostly wait: see test/support/concurrent.ts.
    maxConcurrency: 16,
    projects: layers.map((name) => ({
      test: {
        name,
        isolate: !WITHOUT_STATE.includes(name),
        include: [`test/${name}/**/*.test.ts`],
        setupFiles: ['test/support/child-coverage.ts'],
        testTimeout: TEST_TIMEOUT,
        expect: { poll: { timeout: POLL_TIMEOUT } },
      },
    })),
  },
});
