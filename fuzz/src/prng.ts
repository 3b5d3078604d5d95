/**
 * A random generator for repeatable runs: the same seed gives the same run on every machine.
 */

/** The generator sfc32, four words of state. */
export class Prng {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /** @param seeds numbers and names; a change of any of them changes the sequence */
  constructor(...seeds: readonly (number | string)[]) {
    const words = seeds.map((seed) => (typeof seed === 'string' ? hash(seed) : seed >>> 0));
    for (const word of words) {
      this.#a = (this.#a ^ word) >>> 0;
      for (let i = 0; i < 8; i += 1) {
        this.word();
      }
    }
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    const result = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) >>> 0;
    return result;
  }

  /** 0 to `limit` - 1; 0 if `limit` is 0. */
  below(limit: number): number {
    return limit <= 1 ? 0 : Math.floor((this.word() / 2 ** 32) * limit);
  }

  /** `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True in `percent` cases of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One element of an array. */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) {
      throw new RangeError('there is nothing to pick from');
    }
    return picked;
  }

  octets(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return value;
}
