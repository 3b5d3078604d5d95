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
  /**
   * Ours to raw: the median of the ratios of each turn, whose runs follow one another at once. A machine
   * that is slower for a few seconds is so for all of them.
   */
  readonly ratio: number;
  /** The least to raw, in the same way. */
  readonly leastRatio: number;
  /** Smallest and greatest of the ratios of ours. */
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
  const medianOurs = median(turns.map((turn) => turn.ours));
  const ratios = turns.map((turn) => turn.ours / turn.raw);
  return {
    name,
    kind,
    size,
    tpduSize,
    runs,
    raw: median(turns.map((turn) => turn.raw)),
    least: median(turns.map((turn) => turn.least)),
    ours: medianOurs,
    megabytesPerSecond: (medianOurs * size) / 1e6,
    ratio: median(ratios),
    leastRatio: median(turns.map((turn) => turn.least / turn.raw)),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    target,
    peers: [],
  };
}
