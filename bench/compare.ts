/**
 * Raw and ours in turn, in one process, and what comes of it. What is to be reached is judged in
 * `verdict.ts`.
 */
import type { Case } from './cases.js';
import { negotiated, openOurs } from './ours.js';
import type { PeerResult } from './peers.js';
import { median, rate } from './rate.js';
import { openRaw } from './raw.js';

/** Numbers a second are messages, round trips or connections, whatever the case counts. */
export interface Result {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly tpduSize: number;
  readonly runs: number;
  readonly raw: number;
  readonly ours: number;
  /** Payload of ours, in one direction. */
  readonly megabytesPerSecond: number;
  /** Of the medians. */
  readonly ratio: number;
  /** Least and greatest ratio of a run of ours to the run of raw just before it. */
  readonly spread: readonly [number, number];
  readonly target: number;
  readonly peers: readonly PeerResult[];
}

export async function compare(benchCase: Case, runs: number): Promise<Result> {
  const { name, kind, size, count, warmUp, collection, target } = benchCase;
  const tpduSize = await negotiated(benchCase.maxTpduSize);
  const raw = await openRaw(benchCase, tpduSize);
  const ours = await openOurs(benchCase, tpduSize);
  const rates: [number, number][] = [];
  try {
    // The compiler's work is not what is compared.
    await rate(raw, warmUp);
    await rate(ours, warmUp);
    for (let i = 0; i < runs; i += 1) {
      rates.push([await rate(raw, count, collection), await rate(ours, count, collection)]);
    }
  } finally {
    await Promise.all([raw.close(), ours.close()]);
  }
  const medianRaw = median(rates.map(([a]) => a));
  const medianOurs = median(rates.map(([, b]) => b));
  const ratios = rates.map(([a, b]) => b / a);
  return {
    name,
    kind,
    size,
    tpduSize,
    runs,
    raw: medianRaw,
    ours: medianOurs,
    megabytesPerSecond: (medianOurs * size) / 1e6,
    ratio: medianOurs / medianRaw,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    target,
    peers: [],
  };
}
