/**
 * What is compared: two ways to carry messages between two ends in this process.
 */
import type { Case } from './cases.js';

/** One side of the comparison, opened for one case. */
export interface Contestant {
  /** Carries `count` messages and checks them; resolves when all have arrived. */
  run(count: number): Promise<void>;
  /** What was agreed on, for the reader of the table. */
  readonly note?: string;
  close(): Promise<void>;
}

export type Open = (benchCase: Case, tpduSize: number) => Promise<Contestant>;

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
