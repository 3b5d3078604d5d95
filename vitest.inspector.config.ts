import { defineConfig } from 'vitest/config';

/** The tests of the inspector's page in Chromium: `npm run test:inspector`. */
export default defineConfig({
  test: {
    include: ['test/inspector/**/*.test.ts'],
    // Each file has a browser of its own.
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
  },
});
