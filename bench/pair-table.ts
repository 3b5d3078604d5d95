/**
 * A table of pairs: two contestants of a case, their rates, and the ratio of the second to the first.
 */
import { sizeName } from './cases.js';
import { verdict } from './verdict.js';

/** The result of a pair; rates in messages a second. */
export interface Pair {
  readonly kind: string;
  /** Octets of a message. */
  readonly size: number;
  /** The second to the first: the median of the ratios of all turns. */
  readonly ratio: number;
  /** The range of the middle half of the ratios. */
  readonly spread: readonly [number, number];
  readonly target: number;
}

const WIDTHS = [16, 6, 13, 13, 7, 13, 7, 5];

/**
 * The pairs as lines of text.
 *
 * @param title what is compared
 * @param names of the two contestants
 * @param rates of the two contestants of a pair
 */
export function pairLines<P extends Pair>(
  title: string,
  names: readonly [string, string],
  pairs: readonly P[],
  rates: (pair: P) => readonly [number, number],
): string[] {
  return [
    line([title, 'size', ...names.map((name) => `${name}/s`), 'ratio', 'spread', 'target', '']),
    ...pairs.map((pair) =>
      line([
        pair.kind,
        sizeName(pair.size),
        ...rates(pair).map(whole),
        pair.ratio.toFixed(2),
        pair.spread.map((value) => value.toFixed(2)).join('..'),
        String(pair.target),
        verdict(pair),
      ]),
    ),
  ];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0)))
    .join('')
    .trimEnd();
}
