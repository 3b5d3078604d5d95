/**
 * What a ratio is worth beside the one that is to be reached. It measures nothing.
 */

/** What is judged: a case by its name, the ratio of ours to raw, and the one to be reached. */
export interface Judged {
  readonly name: string;
  readonly ratio: number;
  readonly target: number;
}

/** Under this share of what is to be reached, something is broken, however busy the machine was. */
export const FAILING_SHARE = 0.5;

/** A ratio that is not a number has failed too. */
export function isFailing({ ratio, target }: Pick<Judged, 'ratio' | 'target'>): boolean {
  return !(ratio >= target * FAILING_SHARE);
}

/** `ok` when what is to be reached is reached, and else the share of it. */
export function verdict({ ratio, target }: Pick<Judged, 'ratio' | 'target'>): string {
  // Cut and not rounded: what falls short by a little has not reached 100%.
  return ratio >= target ? 'ok' : `${Math.floor((ratio / target) * 100)}%`;
}

/** A line for each case that has failed; none when all hold. */
export function failureLines(results: readonly Judged[]): string[] {
  return results
    .filter(isFailing)
    .map(
      (result) =>
        `FAILED: ${result.name} reached ${result.ratio.toFixed(2)} of ${result.target}, ` +
        `${verdict(result)}; it must be at least ${FAILING_SHARE * 100}%`,
    );
}
