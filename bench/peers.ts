/**
 * Measures other packages that offer the same service. Each runs with both ends in its own process, so
 * that an exception, a leak or an endless run affects nothing else.
 */
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Case } from './cases.js';
import type { Peer } from './contestant.js';
import { isoOnTcp } from './iso-on-tcp.js';
import { openOurs } from './ours.js';
import { median } from './rate.js';

/**
 * This library in its own process, like a peer. In the comparison with raw and least it shares memory,
 * garbage collector and sockets with both.
 */
const OURS: Peer = {
  name: 'ours, alone',
  isOurs: true,
  open: () => openOurs,
  explain: () => undefined,
};

export const PEERS: readonly Peer[] = [OURS, isoOnTcp];

export interface InstalledPeer {
  readonly name: string;
  readonly version: string;
}

/** The result of a peer in a case. */
export interface PeerResult extends InstalledPeer {
  /** The median rate of the completed runs; `undefined` if there is none. */
  readonly reached?: {
    readonly tpduSize: number;
    readonly runs: number;
    readonly rate: number;
    readonly megabytesPerSecond: number;
    /** The ratio of its rate to that of raw. */
    readonly ratio: number;
  };
  /** Why there are fewer runs, or none. */
  readonly reason?: string;
}

/** The task of the process of a peer. */
export interface PeerTask {
  readonly peer: string;
  readonly benchCase: Case;
  readonly runs: number;
  /** Duration of a run in milliseconds, if the case has no count. */
  readonly milliseconds?: number;
}

/** Its answers: a rate for each run, then the end; or the reason why there are no more runs. */
export type PeerAnswer =
  | { readonly rate: number; readonly tpduSize: number }
  | { readonly isDone: true }
  | { readonly reason: string };

/** The folder of the package.json with the peers: the source folder, not the build folder. */
export const requirePeer = createRequire(new URL('../../bench/package.json', import.meta.url));

export const HOW_TO_INSTALL = 'npm ci --prefix bench';

/** The installed peers, and ours if there is another one. */
export function installedPeers(): InstalledPeer[] {
  const others = otherPeers();
  return others.length > 0 ? [{ name: OURS.name, version: 'alone' }, ...others] : [];
}

/** The peers that are packages of others. */
export function otherPeers(): InstalledPeer[] {
  return PEERS.filter((peer) => peer !== OURS).flatMap(({ name }) => {
    try {
      const { version } = requirePeer(`${name}/package.json`) as { version: string };
      return [{ name, version }];
    } catch {
      return [];
    }
  });
}

/** How to measure a peer: `runs` runs. After `limit` milliseconds no run is started or awaited. */
export interface PeerPlan {
  readonly runs: number;
  readonly limit: number;
  readonly milliseconds?: number;
}

/** Measures a peer in a case in which raw sockets have the rate `raw`. Never rejects. */
export async function runPeer(
  peer: InstalledPeer,
  benchCase: Case,
  raw: number,
  { limit, ...plan }: PeerPlan,
): Promise<PeerResult> {
  const task = { peer: peer.name, benchCase, ...plan };
  const { rates, tpduSize, reason } = await answers(task, limit);
  const stopped = reason === undefined ? {} : { reason };
  if (rates.length === 0) {
    return { ...peer, ...stopped };
  }
  const rate = median(rates);
  const megabytesPerSecond = (rate * benchCase.size) / 1e6;
  const runs = rates.length;
  return {
    ...peer,
    reached: { tpduSize, runs, rate, megabytesPerSecond, ratio: rate / raw },
    ...stopped,
  };
}

interface Answers {
  readonly rates: readonly number[];
  readonly tpduSize: number;
  readonly reason?: string;
}

function answers(task: PeerTask, limit: number): Promise<Answers> {
  const rates: number[] = [];
  let tpduSize = 0;
  let reason: string | undefined;
  let isDone = false;
  return new Promise((resolve) => {
    const child = fork(new URL('peer-process.js', import.meta.url), {
      execArgv: ['--expose-gc'],
      // Its output about its end is in the reason.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const timer = setTimeout(() => {
      isDone = rates.length > 0;
      reason ??= isDone ? undefined : `no run ended within ${limit / 1_000} s`;
      child.kill('SIGKILL');
    }, limit);
    child.on('message', (answer: PeerAnswer) => {
      if ('rate' in answer) {
        rates.push(answer.rate);
        tpduSize = answer.tpduSize;
      } else if ('reason' in answer) {
        reason ??= answer.reason;
      } else {
        isDone = true;
      }
    });
    child.on('error', (error) => {
      reason ??= error.message;
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (!isDone) {
        reason ??= `its process ended with ${signal ?? code}`;
      }
      resolve({ rates, tpduSize, ...(reason === undefined ? {} : { reason }) });
    });
    child.send(task);
  });
}
