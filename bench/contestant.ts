/**
 * The interface of a contestant: it sends messages between two ends in this process.
 */
import type { Case } from './cases.js';

/** A contestant, opened for one case. */
export interface Contestant {
  /** Sends `count` messages and checks them; resolves when all have arrived. */
  run(count: number): Promise<void>;
  /** The negotiated TPDU size, if it differs from that of the case. */
  readonly tpduSize?: number;
  close(): Promise<void>;
}

export type Open = (benchCase: Case, tpduSize: number) => Promise<Contestant>;

/** A package that offers the same service, and its contestant. */
export interface Peer {
  readonly name: string;
  /** True for this library, which is not loaded from `bench/node_modules`. */
  readonly isOurs?: true;
  /** Creates the contestant from the exports of the package. */
  readonly open: (module: unknown) => Open;
  /** Explains an error of the package, if it is known. */
  explain(error: Error): string | undefined;
}

/** Connections that are opened at the same time; more would overflow the listen backlog. */
const LANES = 100;

/** Opens `count` connections in batches. */
export async function openMany<T>(count: number, open: () => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const lanes = Math.min(LANES, count - opened.length);
    opened.push(...(await Promise.all(Array.from({ length: lanes }, open))));
  }
  return opened;
}
