/**
 * Other packages that offer this service, beside raw and ours. Each runs both its ends in a process
 * of its own, so that one that throws, grows or never ends takes nothing with it.
 */
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Case } from './cases.js';
import type { Peer } from './contestant.js';
import { isoOnTcp } from './iso-on-tcp.js';
import { openOurs } from './ours.js';
import { median } from './rate.js';

/**
 * Ours once more, in a process of its own as peers have it: beside raw and the least it shares the
 * memory, its collector and the sockets of both.
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

/** What a peer came to in a case. */
export interface PeerResult extends InstalledPeer {
  /** Of the runs that ended; undefined where none did. */
  readonly reached?: {
    readonly tpduSize: number;
    readonly runs: number;
    readonly rate: number;
    readonly megabytesPerSecond: number;
    /** Of its rate to that of raw. */
    readonly ratio: number;
  };
  /** Why there are no more runs, or none at all. */
  readonly reason?: string;
}

/** What the process of a peer is told. */
export interface PeerTask {
  readonly peer: string;
  readonly benchCase: Case;
  readonly runs: number;
  /** How long a run takes, where the case has no count of its own. */
  readonly milliseconds?: number;
}

/** What it answers: a rate for each run, then the end; or the reason why there are no more. */
export type PeerAnswer =
  | { readonly rate: number; readonly tpduSize: number }
  | { readonly isDone: true }
  | { readonly reason: string };

/** The package.json that names them stands beside the source, not beside what it is compiled to. */
export const requirePeer = createRequire(new URL('../../bench/package.json', import.meta.url));

export const HOW_TO_INSTALL = 'npm ci --prefix bench';

/** Those of them that are there; ours is when another one is. */
export function installedPeers(): InstalledPeer[] {
  const others = otherPeers();
  return others.length > 0 ? [{ name: OURS.name, version: 'alone' }, ...others] : [];
}

/** Those of them that are packages of others. */
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

/** How a peer is measured: `runs` of them, and none is begun or waited for past `limit` milliseconds. */
export interface PeerPlan {
  readonly runs: number;
  readonly limit: number;
  readonly milliseconds?: number;
}

/** A peer in a case in which raw sockets reached `raw` a second. Never rejects. */
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
      // What it prints about its end is in the reason.
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
