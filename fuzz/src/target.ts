/**
 * What is fuzzed, and the way in which it says that something is wrong.
 */

/** Something under test. */
export interface Target {
  readonly name: string;
  /** One TPDU, or a stream of packets in chunks. */
  readonly takes: 'tpdu' | 'stream';
  /** Situations that the input is tried in; one of them is chosen for each input. */
  readonly scenarios: readonly string[];
  /** Throws when something that must hold does not: whatever it throws is a finding. */
  run(scenario: string, chunks: readonly Uint8Array[]): void | Promise<void>;
  /** Once before the first input and once after the last. */
  open?(): Promise<void>;
  close?(): Promise<void>;
  /** Inputs that are tried at the same time. Default 1. */
  readonly concurrency?: number;
}

/** Something that must hold does not. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** Fails unless the condition holds. */
export function must(condition: boolean, otherwise: string | (() => string)): asserts condition {
  if (!condition) {
    throw new Finding(typeof otherwise === 'string' ? otherwise : otherwise());
  }
}
