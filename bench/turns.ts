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

/** The rates of each contestant, turn by turn. */
export async function inTurns(
  contestants: readonly Contestant[],
  { count, warmUp }: Case,
  turns: number,
): Promise<readonly (readonly number[])[]> {
  const rates = contestants.map((): number[] => []);
  // The compiler's work is not what is compared.
  for (const contestant of contestants) {
    await rate(contestant, warmUp);
  }
  for (let turn = 0; turn < turns; turn += 1) {
    const order = contestants.map((contestant, i) => ({ contestant, rates: rates[i] }));
    // To and fro, so that who comes after whom makes no difference.
    for (const each of turn % 2 === 0 ? order : order.toReversed()) {
      each.rates?.push(await rate(each.contestant, count));
    }
  }
  return rates;
}

/** Of each turn, one rate to another. */
export function ratios(rates: readonly number[], to: readonly number[]): number[] {
  return rates.map((value, turn) => value / (to[turn] ?? Number.NaN));
}
