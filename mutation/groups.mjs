/**
 * What is mutated together and by which tests: each group by its own tests alone, so that a rule is
 * tried where it is stated and a run takes minutes. `floor` is the least score in percent.
 */
export const GROUPS = {
  tpdu: {
    sources: ['src/core/tpdu/**/*.ts'],
    tests: ['test/core/tpdu/**/*.test.ts', 'test/vectors/**/*.test.ts'],
    floor: 90,
  },
  negotiation: {
    sources: ['src/core/negotiation/**/*.ts'],
    tests: ['test/core/negotiation/**/*.test.ts', 'test/vectors/**/*.test.ts'],
    floor: 100,
  },
  tpkt: {
    sources: ['src/core/tpkt/**/*.ts'],
    tests: ['test/core/tpkt/**/*.test.ts', 'test/core/copies.test.ts', 'test/vectors/**/*.test.ts'],
    floor: 80,
  },
  connection: {
    sources: [
      'src/core/class0/**/*.ts',
      'src/core/class2/**/*.ts',
      'src/core/connection/**/*.ts',
      'src/core/data-transfer/**/*.ts',
      'src/core/octets/**/*.ts',
    ],
    tests: [
      'test/core/class0/**/*.test.ts',
      'test/core/class2/**/*.test.ts',
      'test/core/connection/**/*.test.ts',
      'test/core/data-transfer/**/*.test.ts',
      'test/core/octets/**/*.test.ts',
      'test/vectors/**/*.test.ts',
    ],
    floor: 80,
  },
  basics: {
    sources: ['src/core/*.ts'],
    tests: ['test/core/*.test.ts'],
    floor: 80,
  },
};

/** What `--bounded` runs: rules that everything else depends on, within three minutes on two cores. */
export const BOUNDED = {
  negotiation: { sources: ['src/core/negotiation/**/*.ts'], floor: 100 },
  basics: { sources: ['src/core/tsel.ts'], floor: 90 },
};
