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

/** The layers of which tests open connections and start commands. */
const WITH_CONNECTIONS = ['properties', 'node', 'cli', 'package'];

/** Tests of node that measure memory: each file has a process of its own. */
const OF_MEMORY = [
  'test/node/checklist/reassembly.test.ts',
  'test/node/growth.test.ts',
  'test/node/handshake-memory.test.ts',
  'test/node/many-connections.test.ts',
  'test/node/read-queue.test.ts',
  'test/node/trace/sinks.test.ts',
];

/** What all projects have. */
function project(name: string, include: readonly string[], hasConnections: boolean) {
  return {
    name,
    include: [...include],
    setupFiles: [
      'test/support/child-coverage.ts',
      ...(hasConnections ? ['test/support/closing.ts'] : []),
    ],
    testTimeout: TEST_TIMEOUT,
    expect: { poll: { timeout: POLL_TIMEOUT } },
  };
}

export default defineConfig({
  test: {
    // By itself the runner leaves one core free. More workers than cores, because many tests wait for a timer
    // of the library, which takes no processor.
    maxWorkers: 3 * availableParallelism(),
    // Tests that run at the same time mostly wait: see test/support/concurrent.ts.
    maxConcurrency: 16,
    projects: [
      ...layers.map((name) => ({
        test: {
          ...project(name, [`test/${name}/**/*.test.ts`], WITH_CONNECTIONS.includes(name)),
          exclude: OF_MEMORY,
          // The files share processes: to load the library for each one would take a third of the processor time. What a
          // test opens is closed after it: test/support/closing.ts.
          isolate: false,
        },
      })),
      { test: project('memory', OF_MEMORY, true) },
    ],
  },
});
