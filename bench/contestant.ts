/**
 * What is compared: two ways to carry messages between two ends in this process.
 */
import type { Case } from './cases.js';

/** One side of the comparison, opened for one case. */
export interface Contestant {
  /** Carries `count` messages and checks them; resolves when all have arrived. */
  run(count: number): Promise<void>;
  /** What was agreed on, where it is not what the case was told. */
  readonly tpduSize?: number;
  close(): Promise<void>;
}

export type Open = (benchCase: Case, tpduSize: number) => Promise<Contestant>;

/** A package that offers the same service, and how it becomes a contestant. */
export interface Peer {
  readonly name: string;
  /** This package itself, which is nowhere to be loaded from. */
  readonly isOurs?: true;
  /** From what the package exports. */
  readonly open: (module: unknown) => Open;
  /** What an error of it means, where that is known. */
  explain(error: Error): string | undefined;
}

/** Connections opened at the same time; more would overflow the queue of the listening socket. */
const LANES = 100;

/** Opens `count` of something, not all at once. */
export async function openMany<T>(count: number, open: () => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const lanes = Math.min(LANES, count - opened.length);
    opened.push(...(await Promise.all(Array.from({ length: lanes }, open))));
  }
  return opened;
}
