/**
 * Whether the cost of work grows as the work does. The same work is done twice: in one, and in parts
 * of which everything is kept until the last is done. So both take the same memory, the caches of the
 * processor and the collector have the same to do, and what is left is how the cost grows.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';

/** The parts that the whole is in. Where the cost grew with the square, it would be so many times. */
const PARTS = 16;
/**
 * How much dearer the work may be in one. First a quarter of it is done: where that is too dear
 * already, nobody has to wait for all.
 */
const STEPS = [
  { parts: PARTS / 4, most: 3 },
  { parts: PARTS, most: 5 },
] as const;
/**
 * The least cost of a few tries counts, since noise only ever adds: two of them, more where those
 * were too dear, but none begun after so many milliseconds, in which noise has no part to speak of.
 */
const LEAST_TRIES = 2;
const MOST_TRIES = 6;
const TIME_FOR_TRIES = 3_000;

/** Microseconds of processor time that something takes, whatever else the machine has to do. */
export async function processorTime(act: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/**
 * Fails when so much work in one is far dearer than in 16 parts.
 *
 * @param run does so much of the work and gives what is to be kept
 */
export async function expectLinear(
  whole: number,
  run: (size: number) => unknown,
  costOf: (act: () => unknown) => Promise<number> = processorTime,
): Promise<void> {
  const part = whole / PARTS;
  await run(part);
  for (const { parts, most } of STEPS) {
    const until = performance.now() + TIME_FOR_TRIES;
    let inParts = Number.POSITIVE_INFINITY;
    let inOne = Number.POSITIVE_INFINITY;
    const isTooDear = () => inOne > most * inParts;
    const mayTryAgain = (tries: number) =>
      tries < LEAST_TRIES || (isTooDear() && tries < MOST_TRIES && performance.now() < until);
    for (let tries = 0; mayTryAgain(tries); tries += 1) {
      inParts = Math.min(inParts, await costOf(() => allOf(parts, () => run(part))));
      inOne = Math.min(inOne, await costOf(() => run(parts * part)));
    }
    expect(
      inOne / inParts,
      `${parts * part} in one cost ${inOne}, in ${parts} parts ${inParts}`,
    ).toBeLessThanOrEqual(most);
  }
}

async function allOf(parts: number, run: () => unknown): Promise<unknown> {
  const kept: unknown[] = [];
  for (let i = 0; i < parts; i += 1) {
    kept.push(await run());
  }
  return kept;
}

/** Octets that the process holds, with everything that nobody needs collected. */
export async function memoryHeld(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a callback of this turn still holds is free in the next.
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The same of octet strings alone, without the objects and the code that come and go beside them. */
export async function buffersHeld(): Promise<number> {
  await memoryHeld();
  return process.memoryUsage().arrayBuffers;
}
