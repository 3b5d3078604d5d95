/**
 * Profiles a case by function, with the V8 profiler over runs of ours.
 */
import { type Profiler, Session } from 'node:inspector/promises';
import type { Case } from './cases.js';
import { negotiated, openOurs } from './ours.js';
import { TURNS } from './turns.js';

export interface ProfileLine {
  readonly name: string;
  /** Share of the time, and microseconds for one message, round trip or connection. */
  readonly share: number;
  readonly microseconds: number;
}

/** Microseconds between two samples. */
const INTERVAL = 100;

/** Number of functions to print, and length of a profiled run in runs of the case. */
const MOST = 16;
const RUNS = 5 * TURNS;

/** The functions that took the most time, over some runs after a warm-up of the same length. */
export async function profile(benchCase: Case): Promise<ProfileLine[]> {
  const count = benchCase.count * RUNS;
  const ours = await openOurs(benchCase, await negotiated(benchCase.maxTpduSize));
  const session = new Session();
  session.connect();
  try {
    await ours.run(count);
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL });
    await session.post('Profiler.start');
    await ours.run(count);
    const { profile: taken } = await session.post('Profiler.stop');
    return lines(taken, count).slice(0, MOST);
  } finally {
    session.disconnect();
    await ours.close();
  }
}

function lines({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, count: number) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id) ?? '';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0));
  });
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([name, time]) => ({ name, share: time / total, microseconds: time / count }))
    .sort((a, b) => b.share - a.share);
}

/** The function and the last part of its file path; `(idle)` and similar entries have no file. */
function nameOf({
  functionName,
  url,
  lineNumber,
}: {
  functionName: string;
  url: string;
  lineNumber: number;
}) {
  const file = url.split('/').slice(-2).join('/');
  return file === '' ? functionName : `${functionName || 'anonymous'} ${file}:${lineNumber + 1}`;
}

export function profileLines(name: string, taken: readonly ProfileLine[]): string[] {
  return [
    `Time by function, ${name}, ours, both ends:`,
    ...taken.map(
      ({ name: where, share, microseconds }) =>
        `  ${(share * 100).toFixed(1).padStart(5)}%  ${microseconds.toFixed(2).padStart(8)} us  ${where}`,
    ),
  ];
}
