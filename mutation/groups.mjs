/**
 * What is mutated together and by which tests: each group by its own tests alone, so that a rule is
 * tested next to its code and a run takes minutes. `floor` is the least score in percent: what was
 * measured, rounded down.
 */

const VECTORS = 'test/vectors/**/*.test.ts';
const TPDU = [
  'codec',
  'encode',
  'faults',
  'wire',
  'tables',
  'values',
  'er',
  'checksum',
  'remote-desktop',
  'loading',
].map((name) => `test/core/tpdu/${name}.test.ts`);

/** The states of a connection, as data, and how it is opened. */
const TABLES = [
  'src/core/class0/procedure.ts',
  'src/core/class2/procedure.ts',
  'src/core/class2/table.ts',
  'src/core/connection/class-procedure.ts',
  'src/core/connection/establishment.ts',
  'src/core/connection/stream-life.ts',
  'src/core/connection/transition.ts',
];

/** What a received TPDU means for a connection. */
const CLASSIFICATION = [
  'src/core/class2/classify.ts',
  'src/core/class2/concatenation.ts',
  'src/core/connection/classify.ts',
  'src/core/connection/received-tpdu.ts',
];

/** The tests of connections without sockets. */
const CONNECTION = ['class0', 'class2', 'connection'].map(
  (name) => `test/core/${name}/**/*.test.ts`,
);

export const GROUPS = {
  octets: {
    sources: ['src/core/octets/octets.ts'],
    tests: ['test/core/octets/octets.test.ts'],
    floor: 100,
  },
  collector: {
    sources: ['src/core/octets/collector.ts'],
    tests: ['test/core/octets/**/*.test.ts', 'test/core/copies.test.ts'],
    floor: 98,
  },
  tpkt: {
    sources: ['src/core/tpkt/**/*.ts'],
    tests: ['test/core/tpkt/**/*.test.ts'],
    floor: 98,
  },
  reassembly: {
    sources: ['src/core/data-transfer/reassembly.ts'],
    tests: ['test/core/data-transfer/reassembly.test.ts'],
    floor: 96,
  },
  'send-buffer': {
    sources: ['src/core/data-transfer/*.ts', '!src/core/data-transfer/reassembly.ts'],
    tests: ['test/core/data-transfer/**/*.test.ts', 'test/core/class0/**/*.test.ts', VECTORS],
    floor: 96,
  },
  fifo: { sources: ['src/core/fifo.ts'], tests: ['test/core/fifo.test.ts'], floor: 90 },
  faults: {
    sources: ['src/core/faults.ts', 'src/core/other-protocol.ts'],
    tests: ['test/core/faults.test.ts', 'test/core/other-protocol.test.ts'],
    floor: 100,
  },
  tsel: { sources: ['src/core/tsel.ts'], tests: ['test/core/tsel.test.ts'], floor: 98 },
  errors: {
    sources: ['src/core/errors.ts', 'src/core/engine.ts', 'src/core/disconnection.ts'],
    tests: ['test/core/errors.test.ts'],
    floor: 97,
  },
  'tpdu-parameters': {
    sources: [
      'src/core/tpdu/parameters.ts',
      'src/core/tpdu/parameter-list.ts',
      'src/core/tpdu/values.ts',
    ],
    tests: TPDU,
    floor: 98,
  },
  'tpdu-decode': {
    sources: [
      'src/core/tpdu/reading.ts',
      'src/core/tpdu/decode.ts',
      'src/core/tpdu/encode.ts',
      'src/core/tpdu/er.ts',
      'src/core/tpdu/checksum.ts',
      'src/core/tpdu/codes.ts',
    ],
    tests: TPDU,
    floor: 99,
  },
  'tpdu-codecs': { sources: ['src/core/tpdu/codecs/*.ts'], tests: TPDU, floor: 99 },
  'remote-desktop': {
    sources: ['src/core/tpdu/remote-desktop.ts'],
    tests: ['test/core/tpdu/remote-desktop.test.ts'],
    floor: 98,
  },
  'tpdu-describe': {
    sources: ['src/core/tpdu/describe.ts', 'src/core/tpdu/meanings.ts'],
    tests: ['test/core/tpdu/describe.test.ts'],
    floor: 98,
  },
  'tpdu-explain': {
    sources: ['src/core/tpdu/explain.ts'],
    tests: ['test/core/tpdu/explain.test.ts'],
    floor: 98,
  },
  'proxy-protocol': {
    sources: ['src/core/proxy-protocol/*.ts'],
    tests: ['test/core/proxy-protocol/**/*.test.ts'],
    floor: 97,
  },
  negotiation: {
    sources: ['src/core/negotiation/**/*.ts'],
    tests: ['test/core/negotiation/**/*.test.ts', VECTORS],
    floor: 99,
  },
  states: { sources: TABLES, tests: CONNECTION, floor: 97 },
  classify: { sources: CLASSIFICATION, tests: CONNECTION, floor: 99 },
  connection: {
    sources: [
      'src/core/class0/*.ts',
      'src/core/class2/*.ts',
      'src/core/connection/*.ts',
      ...[...TABLES, ...CLASSIFICATION].map((path) => `!${path}`),
    ],
    tests: [...CONNECTION, VECTORS],
    floor: 98,
  },
};

/** What `--bounded` runs: rules that everything else depends on, within three minutes on two cores. */
export const BOUNDED = ['negotiation', 'tsel'];
