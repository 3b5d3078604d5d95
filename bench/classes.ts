/**
 * Compares class 2 with class 0: the same messages over this library, both classes in turns in one process.
 */
import assert from 'node:assert/strict';
import { CASES, type Case, DEFAULT_TPDU, type OtherCase } from './cases.js';
import { openOurs } from './ours.js';
import { type Pair, pairLines } from './pair-table.js';
import { median, quantile } from './rate.js';
import { inTurns, type Plan, ratios } from './turns.js';

/** The rates are messages or round trips per second. */
export interface ClassComparison extends Pair {
  readonly name: string;
  readonly turns: number;
  readonly class0: number;
  readonly class2: number;
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

/** The comparisons as lines of text. */
export function classLines(comparisons: readonly ClassComparison[]): string[] {
  return pairLines('classes', ['class 0', 'class 2'], comparisons, ({ class0, class2 }) => [
    class0,
    class2,
  ]);
}
