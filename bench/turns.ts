/**
 * Runs contestants in turns, so that other load of the machine affects all of them.
 */
import type { Case } from './cases.js';
import type { Contestant } from './contestant.js';
import { rate } from './rate.js';

/**
 * Turns of one run. The shorter a turn is, the more equal are the conditions of the contestants: some slow
 * phases of a machine last only seconds.
 */
export const TURNS = 4;

/** Numbers of runs and turns: all contestants open new connections for each run. */
export interface Plan {
  readonly runs: number;
  readonly turns: number;
}

/** The rates of each contestant, turn by turn. */
export async function inTurns(
  opens: readonly (() => Promise<Contestant>)[],
  { count, warmUp }: Case,
  { runs, turns }: Plan,
): Promise<readonly (readonly number[])[]> {
  const lanes = opens.map((open) => ({ open, rates: [] as number[] }));
  for (let run = 0; run < runs; run += 1) {
    const opened: { readonly contestant: Contestant; readonly rates: number[] }[] = [];
    try {
      for (const { open, rates } of lanes) {
        opened.push({ contestant: await open(), rates });
      }
      for (const { contestant } of opened) {
        // The first warm-up is for the compiler, later ones are for TCP, whose windows grow with use.
        await rate(contestant, run === 0 ? warmUp : count);
      }
      for (let turn = 0; turn < turns; turn += 1) {
        // Alternate the order, so that it makes no difference.
        for (const { contestant, rates } of turn % 2 === 0 ? opened : opened.toReversed()) {
          rates.push(await rate(contestant, count));
        }
      }
    } finally {
      await Promise.all(opened.map(({ contestant }) => contestant.close()));
    }
  }
  return lanes.map(({ rates }) => rates);
}

/** The ratio of two rates in each turn. */
export function ratios(rates: readonly number[], to: readonly number[]): number[] {
  return rates.map((value, turn) => value / (to[turn] ?? Number.NaN));
}
