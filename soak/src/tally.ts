/**
 * Counters and faults.
 */

/** Counters of one run. */
export class Tally {
  /** Octets of TSDUs that were received and compared, in both directions. */
  octets = 0;
  tsdus = 0;
  /** Number of clients started, by kind. */
  readonly lives = new Map<string, number>();
  readonly #faults: string[] = [];
  #faultCount = 0;

  /** Number of clients started. */
  get begun(): number {
    return [...this.lives.values()].reduce((sum, count) => sum + count, 0);
  }

  begin(kind: string): void {
    this.lives.set(kind, (this.lives.get(kind) ?? 0) + 1);
  }

  arrived(octets: number): void {
    this.octets += octets;
    this.tsdus += 1;
  }

  /** Counts a fault. The first ten are kept. */
  fault(what: string): void {
    this.#faultCount += 1;
    if (this.#faults.length < 10) {
      this.#faults.push(what);
    }
  }

  get faultCount(): number {
    return this.#faultCount;
  }

  get faults(): readonly string[] {
    return this.#faults;
  }
}
