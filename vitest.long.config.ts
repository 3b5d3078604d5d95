import { defineConfig } from 'vitest/config';

/** Tests that take too long for `npm test`: `npm run test:long`. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    testTimeout: 60_000,
  },
});
