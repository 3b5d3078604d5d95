/**
 * The time that the peer has for a message it has begun, whatever a message is to the engine: it
 * runs from the first octet, and octets that drip in do not move it. Knows no clock of its own.
 */

/** The clock of one connection. */
export class ReassemblyClock {
  readonly #timeout: number;
  #deadline: number | undefined;

  /** @param timeout for one message, in milliseconds; 0 for no limit */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** A message is complete: the next one has a time of its own. */
  completed(): void {
    this.#deadline = undefined;
  }

  /**
   * When the message that is begun must be complete, after octets have come; `undefined` between
   * two messages.
   */
  deadline(begun: boolean, now: number): number | undefined {
    if (begun && this.#timeout > 0) {
      this.#deadline ??= now + this.#timeout;
    } else {
      this.#deadline = undefined;
    }
    return this.#deadline;
  }
}
