/**
 * The cases as data: the messages, their number, and the target ratio to raw sockets.
 */

export type Kind = 'round trip' | 'one way' | 'many' | 'connect';

export interface Case {
  readonly name: string;
  readonly kind: Kind;
  /** Length of a message in octets; 0 if none is sent. */
  readonly size: number;
  readonly maxTpduSize: number;
  readonly connections: number;
  /** Messages of one turn, over all connections. If `kind` is `connect`: connections of one turn. */
  readonly count: number;
  /** Messages of the warm-up, in which the compiler optimises the code. */
  readonly warmUp: number;
  /** Target ratio of ours to raw. */
  readonly target: number;
  /** Transport class of ours. Default: 0. */
  readonly tpClass?: 0 | 2;
}

/**
 * The largest TPDU in a TPKT is 65531 octets; the largest size that parameter 0xF0 can encode below it
 * is 65408.
 */
export const LARGEST_TPDU = 65_531;
export const DEFAULT_TPDU = 2048;

/**
 * Kind, octets, messages of one turn, turns of the warm-up, target at the largest TPDU size, target at the
 * default size. For the cheapest messages the compiler needs a million of them.
 */
const TRAFFIC: readonly (readonly [Kind, number, number, number, number, number])[] = [
  ['round trip', 64, 1_500, 4, 0.92, 0.92],
  ['round trip', 1_024, 1_500, 4, 0.92, 0.92],
  ['round trip', 65_536, 400, 4, 0.75, 0.6],
  ['one way', 64, 75_000, 20, 5, 5],
  ['one way', 1_024, 40_000, 20, 2.3, 2.3],
  ['one way', 65_536, 1_250, 4, 0.9, 0.55],
  ['one way', 1_048_576, 100, 4, 0.85, 0.6],
];

function traffic(maxTpduSize: number): Case[] {
  return TRAFFIC.map(([kind, size, count, warmUpTurns, atLargest, atDefault]) => ({
    name: `${kind === 'one way' ? 'ow' : 'rt'}-${sizeName(size)}-${maxTpduSize}`,
    kind,
    size,
    maxTpduSize,
    connections: 1,
    count,
    warmUp: warmUpTurns * count,
    target: maxTpduSize === DEFAULT_TPDU ? atDefault : atLargest,
  }));
}

/** A size in the short form of case names. */
export function sizeName(octets: number): string {
  if (octets >= 1_048_576) {
    return `${octets / 1_048_576}M`;
  }
  return octets >= 1_024 ? `${octets / 1_024}K` : `${octets}`;
}

export const CASES: readonly Case[] = [
  ...traffic(LARGEST_TPDU),
  ...traffic(DEFAULT_TPDU),
  {
    name: 'many-64',
    kind: 'many',
    size: 64,
    maxTpduSize: DEFAULT_TPDU,
    connections: 1_000,
    count: 5_000,
    warmUp: 2_000,
    target: 0.9,
  },
  {
    name: 'connect',
    kind: 'connect',
    size: 0,
    maxTpduSize: DEFAULT_TPDU,
    connections: 0,
    count: 250,
    // The rates of all contestants rise during the first thousands of connections.
    warmUp: 6_000,
    target: 0.7,
  },
];

/** Measurements that are not a ratio to raw. */
export const OTHER_CASES = [
  'memory-flat',
  'memory-per-message',
  'trace',
  'primitives',
  'steps-rt-64',
  'steps-rt-64K',
  'steps-many-64',
  'steps-connect',
  'class2-rt-64',
  'class2-rt-1K',
  'class2-rt-64K',
  'class2-ow-64',
  'class2-ow-1K',
  'class2-ow-64K',
  'relay',
] as const;
export type OtherCase = (typeof OTHER_CASES)[number];

/** A one-way case without count and target, for other measurements. */
export function oneWay(size: number, maxTpduSize: number): Case {
  const name = `ow-${sizeName(size)}-${maxTpduSize}`;
  const sent = { kind: 'one way', size, maxTpduSize, connections: 1 } as const;
  return { name, ...sent, count: 0, warmUp: 0, target: 0 };
}

/** The short form of a case, still with a warm-up, so that its ratio is meaningful. */
export function shortened(benchCase: Case): Case {
  const { kind, count, connections } = benchCase;
  switch (kind) {
    case 'many':
      return { ...benchCase, count: connections * 3 };
    case 'connect':
      return benchCase;
    default:
      return { ...benchCase, count: Math.ceil(count / 2) };
  }
}
