/**
 * Formats results as lines of text.
 */
import { sizeName } from './cases.js';
import type { Result } from './compare.js';
import type { PeerResult } from './peers.js';
import { verdict } from './verdict.js';

const HEAD = [
  ...['case', 'size', 'TPDU', 'raw/s', 'ours/s', 'MB/s', 'ratio', 'spread', 'target', ''],
  'least',
];
const WIDTHS = [14, 5, 6, 11, 11, 8, 6, 12, 7, 5, 6];

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
    String(target),
    verdict(result),
    result.leastRatio.toFixed(2),
  ]);
}

/** The result of a peer, as a line below that of its case. */
export function peerLine({ name, reached, reason }: PeerResult): string {
  if (reached === undefined) {
    return `  ${name}: ${reason}`;
  }
  const { tpduSize, runs, rate, megabytesPerSecond, ratio } = reached;
  const megabytes = megabytesPerSecond === 0 ? '' : megabytesPerSecond.toFixed(1);
  const stopped = reason === undefined ? '' : `  run ${runs + 1}: ${reason}`;
  const cells = [`  ${name}`, '', String(tpduSize), '', whole(rate), megabytes, ratio.toFixed(2)];
  return line(cells) + stopped;
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
