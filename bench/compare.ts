/**
 * Raw, the least and ours in turn, in one process, and what comes of it. What is to be reached is judged in
 * `verdict.ts`.
 */
import type { Case } from './cases.js';
import { openLeast } from './least.js';
import { negotiated, openOurs } from './ours.js';
import type { PeerResult } from './peers.js';
import { median, quantile } from './rate.js';
import { openRaw } from './raw.js';
import { inTurns, type Plan, ratios } from './turns.js';

/** Numbers a second are messages, round trips or connections, whatever the case counts. */
export interface Result {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly tpduSize: number;
  readonly turns: number;
  readonly raw: number;
  /** What bare sockets behind the same interface come to: see `least.ts`. */
  readonly least: number;
  readonly ours: number;
  /** Payload of ours, in one direction. */
  readonly megabytesPerSecond: number;
  /**
   * Ours to raw: the median of the ratios of each turn, whose runs follow one another at once. A machine
   * that is slower for a few seconds is so for all of them.
   */
  readonly ratio: number;
  /** The least to raw, in the same way. */
  readonly leastRatio: number;
  /** Between these lies the middle half of the ratios of ours. */
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
