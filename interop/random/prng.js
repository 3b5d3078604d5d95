/** Random numbers from a seed: the generator mulberry32. */
export class Prng {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** 0 to just below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both bounds included. */
  between(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(share) {
    return this.next() < share;
  }

  pick(choices) {
    return choices[this.between(0, choices.length - 1)];
  }
}
