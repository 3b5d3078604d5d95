/**
 * Results as lines of text.
 */
import { sizeName } from './cases.js';
import type { Result } from './compare.js';

const HEAD = ['case', 'size', 'TPDU', 'raw/s', 'ours/s', 'MB/s', 'ratio', 'spread', 'target', ''];
const WIDTHS = [14, 5, 6, 11, 11, 8, 6, 12, 12, 6];

export function headLine(): string {
  return line(HEAD);
}

export function resultLine(result: Result): string {
  const { kind, size, tpduSize, raw, ours, megabytesPerSecond, ratio, spread, target } = result;
  return line([
    kind,
    size === 0 ? '' : sizeName(size),
    String(tpduSize),
    whole(raw),
    whole(ours),
    size === 0 ? '' : megabytesPerSecond.toFixed(1),
    ratio.toFixed(2),
    spread.map((value) => value.toFixed(2)).join('..'),
    `${target.now} / ${target.later}`,
    verdict(result),
  ]);
}

function verdict({ ratio, target }: Result): string {
  if (ratio >= target.later) {
    return 'ok';
  }
  return ratio >= target.now ? 'later' : 'below';
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0)))
    .join(' ')
    .trimEnd();
}
