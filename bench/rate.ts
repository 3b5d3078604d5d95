/**
 * Measures the rate of a contestant, and computes medians of several runs.
 */
import type { Contestant } from './contestant.js';

/** A run that takes longer than this many milliseconds makes no progress. */
const RUN_LIMIT = 120_000;

/**
 * Messages per second. The young generation is collected first, so that no contestant pays for the garbage of
 * another. There is no full collection: after it V8 has less space for young objects for a while, and may
 * have discarded compiled code.
 */
export async function rate(contestant: Contestant, count: number): Promise<number> {
  globalThis.gc?.(true);
  const start = performance.now();
  await withinTime(contestant.run(count));
  return (count * 1_000) / (performance.now() - start);
}

/**
 * The number of messages that take about `milliseconds`. Runs get longer until one takes a quarter of
 * that. This is also the warm-up of the compiler.
 */
export async function countFor(contestant: Contestant, milliseconds: number): Promise<number> {
  let count = 2;
  for (;;) {
    const perSecond = await rate(contestant, count);
    if ((count * 1_000) / perSecond >= milliseconds / 4) {
      return Math.max(2, Math.ceil((perSecond * milliseconds) / 1_000));
    }
    count *= 2;
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quantile of a share: this share of the values is below it. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const lower = sorted[Math.floor(at)] ?? Number.NaN;
  const upper = sorted[Math.ceil(at)] ?? Number.NaN;
  return lower + (upper - lower) * (at % 1);
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
