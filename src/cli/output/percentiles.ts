/**
 * Computes percentiles of measured times.
 */

/** Percentiles, in the unit of the times. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Percentiles by the nearest-rank method; all 0 for an empty array. Sorts `times` in place. */
export function percentiles(times: number[]): Percentiles {
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
