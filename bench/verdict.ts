/**
 * Compares ratios with their targets.
 */

/** The result of a case: its name, the ratio of ours to raw, and the target. */
export interface Judged {
  readonly name: string;
  readonly ratio: number;
  readonly target: number;
}

/** Below this share of the target something is broken, even on a busy machine. */
export const FAILING_SHARE = 0.5;

/** A ratio that is not a number is a failure too. */
export function isFailing({ ratio, target }: Pick<Judged, 'ratio' | 'target'>): boolean {
  return !(ratio >= target * FAILING_SHARE);
}

/** `ok` if the target is reached, otherwise the share of it. */
export function verdict({ ratio, target }: Pick<Judged, 'ratio' | 'target'>): string {
  // Truncated, not rounded: slightly less than the target must not be 100%.
  return ratio >= target ? 'ok' : `${Math.floor((ratio / target) * 100)}%`;
}

/** One line for each failed case. */
export function failureLines(results: readonly Judged[]): string[] {
  return results
    .filter(isFailing)
    .map(
      (result) =>
        `FAILED: ${result.name} reached ${result.ratio.toFixed(2)} of ${result.target}, ` +
        `${verdict(result)}; it must be at least ${FAILING_SHARE * 100}%`,
    );
}
