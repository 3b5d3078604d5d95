/**
 * Compares raw, least and ours in one process. `verdict.ts` compares the result with its target.
 */
import type { Case } from './cases.js';
import { openLeast } from './least.js';
import { negotiated, openOurs } from './ours.js';
import type { PeerResult } from './peers.js';
import { median, quantile } from './rate.js';
import { openRaw } from './raw.js';
import { inTurns, type Plan, ratios } from './turns.js';

/** Rates are messages, round trips or connections per second, depending on the case. */
export interface Result {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly tpduSize: number;
  readonly turns: number;
  readonly raw: number;
  /** The rate of bare sockets behind the same API, see `least.ts`. */
  readonly least: number;
  readonly ours: number;
  /** Payload of ours, in one direction. */
  readonly megabytesPerSecond: number;
  /**
   * Ours to raw: the median of the ratios of all turns. The contestants of a turn run right after each
   * other, so a slow phase of the machine affects all of them.
   */
  readonly ratio: number;
  /** Least to raw, in the same way. */
  readonly leastRatio: number;
  /** The range of the middle half of the ratios of ours. */
  readonly spread: readonly [number, number];
  readonly target: number;
  readonly peers: readonly PeerResult[];
}

export async function compare(benchCase: Case, plan: Plan): Promise<Result> {
  const { name, kind, size, target } = benchCase;
  const tpduSize = await negotiated(benchCase.maxTpduSize);
  const opens = [openRaw, openLeast, openOurs].map((open) => () => open(benchCase, tpduSize));
  const [raw = [], least = [], ours = []] = await inTurns(opens, benchCase, plan);
  const toRaw = ratios(ours, raw);
  return {
    name,
    kind,
    size,
    tpduSize,
    turns: toRaw.length,
    raw: median(raw),
    least: median(least),
    ours: median(ours),
    megabytesPerSecond: (median(ours) * size) / 1e6,
    ratio: median(toRaw),
    leastRatio: median(ratios(least, raw)),
    spread: [quantile(toRaw, 0.25), quantile(toRaw, 0.75)],
    target,
    peers: [],
  };
}
