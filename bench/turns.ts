/**
 * Contestants in turn, so that whatever the machine does besides, it does to all of them.
 */
import type { Case } from './cases.js';
import type { Contestant } from './contestant.js';
import { rate } from './rate.js';

/**
 * Turns of one run. The shorter a turn is, the more alike is the machine to all who take part in it: some
 * of its phases last no longer than seconds.
 */
export const TURNS = 4;

/** How often: all contestants open new connections for each run, and have so many turns on them. */
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
        // The first time for the compiler, whose work is not what is compared; later for the system,
        // which finds out by and by how much a connection carries.
        await rate(contestant, run === 0 ? warmUp : count);
      }
      for (let turn = 0; turn < turns; turn += 1) {
        // To and fro, so that who comes after whom makes no difference.
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

/** Of each turn, one rate to another. */
export function ratios(rates: readonly number[], to: readonly number[]): number[] {
  return rates.map((value, turn) => value / (to[turn] ?? Number.NaN));
}
