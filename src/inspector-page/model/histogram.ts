/** Counts values in steps of about nine percent, so that percentiles of any number of values take little memory. */

/** Steps for each doubling. */
const STEPS = 8;
/** The first step: all values up to this count as one. */
const SMALLEST = 1 / 1024;

export class Histogram {
  count = 0;
  readonly #steps: number[] = [];

  add(value: number): void {
    const step = value <= SMALLEST ? 0 : 1 + Math.floor(Math.log2(value / SMALLEST) * STEPS);
    this.#steps[step] = (this.#steps[step] ?? 0) + 1;
    this.count += 1;
  }

  /** The value that `share` of all values do not exceed, 0 to 1; `undefined` without values. */
  percentile(share: number): number | undefined {
    if (this.count === 0) {
      return undefined;
    }
    let left = Math.max(1, Math.ceil(share * this.count));
    for (const [step, count = 0] of this.#steps.entries()) {
      left -= count;
      if (left <= 0) {
        // The middle of the step.
        return step === 0 ? SMALLEST : SMALLEST * 2 ** ((step - 0.5) / STEPS);
      }
    }
    return undefined;
  }
}
