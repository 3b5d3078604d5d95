/**
 * Raw, the least and ours in turn, in one process, and what comes of it. What is to be reached is judged in
 * `verdict.ts`.
 */
import type { Case } from './cases.js';
import { openLeast } from './least.js';
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
  /** What bare sockets behind the same interface come to: see `least.ts`. */
  readonly least: number;
  readonly ours: number;
  /** Payload of ours, in one direction. */
  readonly megabytesPerSecond: number;
  /** Of the medians. */
  readonly ratio: number;
  /** The least to raw, of the medians. */
  readonly leastRatio: number;
  /** Smallest and greatest ratio of a run of ours to the run of raw in the same turn. */
  readonly spread: readonly [number, number];
  readonly target: number;
  readonly peers: readonly PeerResult[];
}

export async function compare(benchCase: Case, runs: number): Promise<Result> {
  const { name, kind, size, count, warmUp, collection, target } = benchCase;
  const tpduSize = await negotiated(benchCase.maxTpduSize);
  const raw = await openRaw(benchCase, tpduSize);
  const least = await openLeast(benchCase, tpduSize);
  const ours = await openOurs(benchCase, tpduSize);
  const turns: { readonly raw: number; readonly least: number; readonly ours: number }[] = [];
  try {
    // The compiler's work is not what is compared.
    await rate(raw, warmUp);
    await rate(least, warmUp);
    await rate(ours, warmUp);
    for (let i = 0; i < runs; i += 1) {
      turns.push({
        raw: await rate(raw, count, collection),
        least: await rate(least, count, collection),
        ours: await rate(ours, count, collection),
      });
    }
  } finally {
    await Promise.all([raw.close(), least.close(), ours.close()]);
  }
  const medianRaw = median(turns.map((turn) => turn.raw));
  const medianLeast = median(turns.map((turn) => turn.least));
  const medianOurs = median(turns.map((turn) => turn.ours));
  const ratios = turns.map((turn) => turn.ours / turn.raw);
  return {
    name,
    kind,
    size,
    tpduSize,
    runs,
    raw: medianRaw,
    least: medianLeast,
    ours: medianOurs,
    megabytesPerSecond: (medianOurs * size) / 1e6,
    ratio: medianOurs / medianRaw,
    leastRatio: medianLeast / medianRaw,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    target,
    peers: [],
  };
}
