/**
 * Draws measured times as a histogram: text bars with counts. The buckets are on a logarithmic scale, because a few
 * round trips take a hundred times as long as most.
 */

/** The times from `from` up to, not including, `to`, in the unit of the times. */
export interface Bucket {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const MOST_BUCKETS = 12;

/** Buckets in a power of ten, the finest first. */
const STEPS = [24, 12, 6, 3, 1];

/** Columns of the longest bar, at most. */
const LONGEST_BAR = 60;

/** Sorts times into at most 12 buckets, or more if they span more powers of ten. Times of 0 count as the shortest other. */
export function bucketsOf(times: readonly number[]): readonly Bucket[] {
  const positive = times.filter((time) => time > 0);
  if (positive.length === 0) {
    return [];
  }
  const shortest = positive.reduce((one, other) => Math.min(one, other));
  const longest = positive.reduce((one, other) => Math.max(one, other));
  const at = (time: number, steps: number) => Math.floor(Math.log10(time) * steps);
  const size = (steps: number) => at(longest, steps) - at(shortest, steps) + 1;
  const steps = STEPS.find((each) => size(each) <= MOST_BUCKETS) ?? 1;
  const first = at(shortest, steps);
  const counts = Array.from({ length: size(steps) }, () => 0);
  for (const time of times) {
    const index = at(Math.max(time, shortest), steps) - first;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  const edge = (index: number) => 10 ** ((first + index) / steps);
  return counts.map((count, index) => ({ from: edge(index), to: edge(index + 1), count }));
}

/** The buckets as lines of at most so many columns. Each bucket with a count has a bar. */
export function histogram(buckets: readonly Bucket[], columns: number): readonly string[] {
  const most = Math.max(...buckets.map(({ count }) => count));
  const rows = buckets.map(({ from, to, count }) => ({
    range: `${shortNumber(from)} - ${shortNumber(to)}`,
    count,
  }));
  const rangeWidth = Math.max(...rows.map(({ range }) => range.length));
  const countWidth = String(most).length;
  const room = Math.max(1, Math.min(LONGEST_BAR, columns - rangeWidth - countWidth - 6));
  return rows.map(({ range, count }) => {
    const bar = '#'.repeat(Math.ceil((count / most) * room));
    return `  ${range.padStart(rangeWidth)}  ${String(count).padStart(countWidth)}  ${bar}`.trimEnd();
  });
}

/** A number with about three digits: `0.0215`, `1.47`, `316`. */
function shortNumber(value: number): string {
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(value) + 1e-9));
  return value.toFixed(Math.min(6, decimals));
}
