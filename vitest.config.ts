import { defineConfig } from 'vitest/config';

/** One project a floor, so that `vitest run --project core` runs that floor alone. */
const floors = ['core', 'vectors', 'properties', 'node', 'cli', 'package'];

export default defineConfig({
  test: {
    // By itself the runner leaves one core free, which doubles the time on a machine of two.
    maxWorkers: '100%',
    projects: floors.map((name) => ({
      test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 20_000 },
    })),
  },
});
