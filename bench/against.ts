/**
 * Compares the processor time per message of 64 octets, and per connection, of this build with that of another build,
 * both in turns in one process: shows what a change costs.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CASES, type Case, DEFAULT_TPDU } from './cases.js';
import type { Contestant } from './contestant.js';
import { type Library, OURS, openerOf } from './ours.js';
import { median, quantile } from './rate.js';
import { TURNS } from './turns.js';

/** Microseconds of processor time per message or connection, both ends together. */
export interface BuildComparison {
  readonly name: string;
  readonly turns: number;
  readonly other: number;
  readonly ours: number;
  /** Ours to the other: the median of the ratios of all turns. */
  readonly ratio: number;
  /** The range of the middle half of the ratios. */
  readonly spread: readonly [number, number];
}

const NAMES = [`rt-64-${DEFAULT_TPDU}`, `ow-64-${DEFAULT_TPDU}`, 'connect'];

/** @param folder contains the `dist` of the other build */
export async function compareBuilds(folder: string, runs: number): Promise<BuildComparison[]> {
  // The modules of the package, as ours; an older build has only those of the compiler.
  const files = ['dist/esm/index.js', 'dist/index.js'].map((path) => resolve(folder, path));
  const file = files.find((path) => existsSync(path)) ?? '';
  const other = (await import(pathToFileURL(file).href)) as Library;
  const comparisons: BuildComparison[] = [];
  for (const benchCase of CASES.filter(({ name }) => NAMES.includes(name))) {
    comparisons.push(await compareCase(benchCase, other, runs));
  }
  return comparisons;
}

async function compareCase(
  benchCase: Case,
  library: Library,
  runs: number,
): Promise<BuildComparison> {
  const other: number[] = [];
  const ours: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const lanes: { readonly contestant: Contestant; readonly costs: number[] }[] = [];
    for (const [which, costs] of [
      [library, other],
      [OURS, ours],
    ] as const) {
      const contestant = await openerOf(which)(benchCase, benchCase.maxTpduSize);
      await contestant.run(run === 0 ? benchCase.warmUp : benchCase.count);
      lanes.push({ contestant, costs });
    }
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const { contestant, costs } of turn % 2 === 0 ? lanes : lanes.toReversed()) {
        costs.push(await processorTime(contestant, benchCase.count));
      }
    }
    await Promise.all(lanes.map(({ contestant }) => contestant.close()));
  }
  const all = ours.map((cost, turn) => cost / (other[turn] ?? Number.NaN));
  return {
    name: benchCase.name,
    turns: all.length,
    other: median(other),
    ours: median(ours),
    ratio: median(all),
    spread: [quantile(all, 0.25), quantile(all, 0.75)],
  };
}

/** Microseconds per message or connection. Garbage of earlier messages is collected before. */
async function processorTime(contestant: Contestant, count: number): Promise<number> {
  globalThis.gc?.(true);
  const start = process.cpuUsage();
  await contestant.run(count);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / count;
}

/** The comparisons as lines of text. */
export function buildLines(comparisons: readonly BuildComparison[]): string[] {
  return [
    'Processor time per message or connection, in microseconds:',
    'case             other     ours    ratio  spread',
    ...comparisons.map(({ name, other, ours, ratio, spread }) => {
      const range = spread.map((value) => value.toFixed(3)).join('..');
      const [otherCell, oursCell] = [other, ours].map((cost) => cost.toFixed(2).padStart(9));
      return `${name.padEnd(13)}${otherCell}${oursCell}${ratio.toFixed(3).padStart(9)}  ${range}`;
    }),
  ];
}
