import { defineConfig } from 'vitest/config';

/** Tests that take too long for `npm test`: `npm run test:long`. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts', 'test/properties/**/*.test.ts'],
    setupFiles: ['test/support/closing.ts'],
    env: { COTP_PROPERTY_FACTOR: '5' },
    testTimeout: 60_000,
  },
});
