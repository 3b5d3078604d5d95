/**
 * The cases, as data: what is sent, how often, and the ratio to raw sockets that is to be
 * reached.
 */

export type Kind = 'round trip' | 'one way' | 'many' | 'connect';

export interface Case {
  readonly name: string;
  readonly kind: Kind;
  /** Octets of a message; 0 where none is sent. */
  readonly size: number;
  readonly maxTpduSize: number;
  readonly connections: number;
  /** Messages of one turn, over all connections; connections of one turn where `kind` is `connect`. */
  readonly count: number;
  /** Messages beforehand, so that the compiler has done its work. */
  readonly warmUp: number;
  /** Ratio of ours to raw that is to be reached. */
  readonly target: number;
}

/** The largest that 0xF0 can say is 65408; 65531 is the most that a TPKT holds. */
export const LARGEST_TPDU = 65_531;
export const DEFAULT_TPDU = 2048;

/**
 * kind, octets, messages of one turn, turns of warming up, to be reached at the largest TPDU, and at the
 * default one. Where a message costs least, the compiler is at work for a million of them.
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

/** Octets in a short form that a case name can carry. */
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
    // For some thousands of connections the rates of all contestants still rise.
    warmUp: 6_000,
    target: 0.7,
  },
];

/** What is measured beside the cases, not as a ratio to raw. */
export const OTHER_CASES = [
  'memory-flat',
  'memory-per-message',
  'trace',
  'primitives',
  'steps-rt-64',
  'steps-rt-64K',
  'steps-many-64',
  'steps-connect',
] as const;
export type OtherCase = (typeof OTHER_CASES)[number];

/** Messages in one direction for what measures something else than the cases: no count, no target. */
export function oneWay(size: number, maxTpduSize: number): Case {
  const name = `ow-${sizeName(size)}-${maxTpduSize}`;
  const sent = { kind: 'one way', size, maxTpduSize, connections: 1 } as const;
  return { name, ...sent, count: 0, warmUp: 0, target: 0 };
}

/** The same case in small, warmed up as well, so that the ratio still means something. */
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
