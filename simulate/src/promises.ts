/**
 * The promises of the library that must settle before a world ends.
 */

export class Promises {
  readonly #unsettled = new Map<number, string>();
  #count = 0;

  /** Registers a promise, and returns it. */
  expect<T>(what: string, promise: Promise<T>): Promise<T> {
    const number = this.#count;
    this.#count += 1;
    this.#unsettled.set(number, what);
    const settled = () => this.#unsettled.delete(number);
    promise.then(settled, settled);
    return promise;
  }

  /** What has not settled, the oldest first. */
  get unsettled(): readonly string[] {
    return [...this.#unsettled.values()];
  }
}
