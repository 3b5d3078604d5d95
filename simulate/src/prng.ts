/**
 * A random generator for repeatable worlds: the same seed gives the same choices on every machine.
 */

/** The generator mulberry32: one word of state. */
export class Prng {
  #state: number;

  /** @param seeds numbers; a change of any of them or of their order changes the sequence */
  constructor(...seeds: readonly number[]) {
    this.#state = 0x9e3779b9;
    for (const seed of seeds) {
      this.#state = (Math.imul(this.#state ^ (seed >>> 0), 0x85ebca6b) + 0xc2b2ae35) >>> 0;
      this.word();
    }
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 up to, not including, 1. */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  /** `least` to `most`, both included, in whole numbers. */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  /** True in `percent` cases of a hundred. */
  chance(percent: number): boolean {
    return this.fraction() * 100 < percent;
  }

  /** One element of an array. */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.between(0, from.length - 1)];
    if (picked === undefined) {
      throw new RangeError('there is nothing to pick from');
    }
    return picked;
  }
}
