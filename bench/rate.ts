/**
 * How fast a contestant is: one run by the clock, and what several runs come to. It does not know who
 * the contestant is.
 */
import type { Contestant } from './contestant.js';

/** A run that takes longer than this has come to a halt. */
const RUN_LIMIT = 120_000;

/**
 * Messages a second. The young garbage is collected first, so that none pays for who came before. No
 * more is: after a full collection V8 has little room for young objects for a while, and may have dropped
 * the code that it compiled.
 */
export async function rate(contestant: Contestant, count: number): Promise<number> {
  globalThis.gc?.(true);
  const start = performance.now();
  await withinTime(contestant.run(count));
  return (count * 1_000) / (performance.now() - start);
}

/**
 * How many messages take about `milliseconds`. Runs get longer until one takes a quarter of that,
 * which warms up as well: the compiler's work is not what is compared.
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

/** The value under which that share of them lies. */
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
