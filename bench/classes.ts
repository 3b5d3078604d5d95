/**
 * Compares class 2 with class 0: the same messages over this library, both classes in turns in one process.
 */
import assert from 'node:assert/strict';
import { CASES, type Case, DEFAULT_TPDU, type OtherCase, sizeName } from './cases.js';
import { openOurs } from './ours.js';
import { median, quantile } from './rate.js';
import { inTurns, type Plan, ratios } from './turns.js';
import { verdict } from './verdict.js';

/** The rates are messages or round trips per second. */
export interface ClassComparison {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly turns: number;
  readonly class0: number;
  readonly class2: number;
  /** Class 2 to class 0: the median of the ratios of all turns. */
  readonly ratio: number;
  /** The range of the middle half of the ratios. */
  readonly spread: readonly [number, number];
  readonly target: number;
}

/** A DT of class 2 has two octets more, and TPDUs may overtake others. */
const TARGET = 0.95;

/** The name of each comparison begins so; the rest is the name of its case. */
export const CLASS_PREFIX = 'class2-';

/** @param name `class2-rt-64`, for instance */
export async function compareClasses(
  name: OtherCase,
  plan: Plan,
  form: (benchCase: Case) => Case,
): Promise<ClassComparison> {
  const own = `${name.slice(CLASS_PREFIX.length)}-${DEFAULT_TPDU}`;
  const found = CASES.find((candidate) => candidate.name === own);
  assert(found !== undefined);
  const benchCase = form(found);
  const opens = ([0, 2] as const).map(
    (tpClass) => () => openOurs({ ...benchCase, tpClass }, benchCase.maxTpduSize),
  );
  const [class0 = [], class2 = []] = await inTurns(opens, benchCase, plan);
  const all = ratios(class2, class0);
  return {
    name,
    kind: benchCase.kind,
    size: benchCase.size,
    turns: all.length,
    class0: median(class0),
    class2: median(class2),
    ratio: median(all),
    spread: [quantile(all, 0.25), quantile(all, 0.75)],
    target: TARGET,
  };
}

const WIDTHS = [16, 6, 13, 13, 7, 13, 7, 5];

/** The comparisons as lines of text. */
export function classLines(comparisons: readonly ClassComparison[]): string[] {
  return [
    line(['classes', 'size', 'class 0/s', 'class 2/s', 'ratio', 'spread', 'target', '']),
    ...comparisons.map((each) =>
      line([
        each.kind,
        sizeName(each.size),
        whole(each.class0),
        whole(each.class2),
        each.ratio.toFixed(2),
        each.spread.map((value) => value.toFixed(2)).join('..'),
        String(each.target),
        verdict(each),
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
