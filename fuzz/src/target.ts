/**
 * The interface of a target, and the error that it throws when a rule is violated.
 */

/** Something under test. */
export interface Target {
  readonly name: string;
  /** One TPDU, a stream of packets in chunks, one of class 2, or one of either kind of stream. */
  readonly takes: 'tpdu' | 'stream' | 'class 2 stream' | 'either stream';
  /** Situations in which the input is tried. One is chosen for each input. */
  readonly scenarios: readonly string[];
  /** Throws if a rule is violated. Whatever it throws is a finding. */
  run(scenario: string, chunks: readonly Uint8Array[]): void | Promise<void>;
  /** `open` runs once before the first input, `close` once after the last. */
  open?(): Promise<void>;
  close?(): Promise<void>;
  /** Number of inputs that are tried at the same time. Default 1. */
  readonly concurrency?: number;
}

/** A rule is violated. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** Fails unless the condition holds. */
export function must(condition: boolean, otherwise: string | (() => string)): asserts condition {
  if (!condition) {
    throw new Finding(typeof otherwise === 'string' ? otherwise : otherwise());
  }
}
