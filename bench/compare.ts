/**
 * Raw and ours in turn, in one process, and what comes of it.
 */
import type { Case } from './cases.js';
import type { Contestant } from './contestant.js';
import { negotiated, openOurs } from './ours.js';
import { openRaw } from './raw.js';

/** Numbers a second are messages, round trips or connections, whatever the case counts. */
export interface Result {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly tpduSize: number;
  readonly raw: number;
  readonly ours: number;
  /** Payload of ours, in one direction. */
  readonly megabytesPerSecond: number;
  /** Of the medians. */
  readonly ratio: number;
  /** Least and greatest ratio of a run of ours to the run of raw just before it. */
  readonly spread: readonly [number, number];
  readonly target: Case['target'];
}

/** A run that takes longer than this has come to a halt. */
const RUN_LIMIT = 120_000;

export async function compare(benchCase: Case, runs: number): Promise<Result> {
  const { name, kind, size, count, target } = benchCase;
  const tpduSize = await negotiated(benchCase.maxTpduSize);
  const raw = await openRaw(benchCase, tpduSize);
  const ours = await openOurs(benchCase, tpduSize);
  const rates: [number, number][] = [];
  try {
    // The compiler's work is not what is compared.
    const warmUp = Math.max(benchCase.connections * 2, Math.ceil(count / 4));
    await rate(raw, warmUp);
    await rate(ours, warmUp);
    for (let i = 0; i < runs; i += 1) {
      rates.push([await rate(raw, count), await rate(ours, count)]);
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
    raw: medianRaw,
    ours: medianOurs,
    megabytesPerSecond: (medianOurs * size) / 1e6,
    ratio: medianOurs / medianRaw,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    target,
  };
}

/** Messages a second. Each run begins with a clean heap, so that none pays for the one before. */
async function rate(contestant: Contestant, count: number): Promise<number> {
  globalThis.gc?.();
  const start = performance.now();
  await withinTime(contestant.run(count));
  return (count * 1_000) / (performance.now() - start);
}

async function withinTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`a run took more than ${RUN_LIMIT} ms`)), RUN_LIMIT);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
