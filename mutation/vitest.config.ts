import { defineConfig } from 'vitest/config';

/** The tests of one group of groups.mjs: run.mjs says which. */
export default defineConfig({
  test: {
    include: (process.env.MUTATION_TESTS ?? 'test/core/**/*.test.ts').split(','),
    testTimeout: 20_000,
  },
});
