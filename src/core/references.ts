/**
 * Transport references: which are in use, so that two open connections never share one
 * (X.224 6.5.4 a).
 */

/** References are 16 bits and 0 stands for none. */
const REFERENCE_COUNT = 0xffff;

/** The references of one transport entity. */
export class References {
  readonly #inUse = new Set<number>();

  /** References in use. */
  get size(): number {
    return this.#inUse.size;
  }

  /**
   * Takes a free reference 1 to 65535, at or after the one that `random` (0 up to, not including,
   * 1) points at: some peers mind a reference seen shortly before, and a guess is made harder.
   *
   * @returns `undefined` when all 65535 are in use
   */
  //= X.224 6.5.4 a 1
  //= X.224 6.5.4 a 2
  take(random: number): number | undefined {
    if (this.#inUse.size === REFERENCE_COUNT) {
      return undefined;
    }
    let reference = 1 + Math.floor(random * REFERENCE_COUNT);
    while (this.#inUse.has(reference)) {
      reference = (reference % REFERENCE_COUNT) + 1;
    }
    this.#inUse.add(reference);
    return reference;
  }

  /** Gives a reference back. Freezing is not required in class 0 (X.224 6.18). */
  //= X.224 6.18.2.1
  release(reference: number): void {
    this.#inUse.delete(reference);
  }
}
