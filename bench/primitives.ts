/**
 * Measures single operations: a copy, for several targets, and a promise, for several values.
 */
import { median } from './rate.js';

export interface PrimitiveCost {
  readonly what: string;
  /** Nanoseconds in the median round. */
  readonly nanoseconds: number;
}

const SIZE = 65_536;
const HEADERS = 7;
const COPIES = 4_000;
const AWAITED = 400_000;
const ROUNDS = 5;

export async function primitiveCosts(): Promise<PrimitiveCost[]> {
  const buffer = Buffer.from('TSDU');
  const rows: readonly (readonly [string, () => Promise<number>])[] = [
    ['copy of 64 KiB to new memory of the same size', () => copies(() => newMemory(0))],
    ['copy of 64 KiB to such memory, 64 octets further on', () => copies(() => newMemory(64))],
    ['move of 64 KiB over the headers before them', () => copies((chunk) => chunk)],
    ['await of a promise resolved with a Buffer', () => awaited(() => Promise.resolve(buffer))],
    [
      'await of a promise resolved with a step of an iteration',
      () => awaited(() => Promise.resolve({ done: false, value: buffer })),
    ],
  ];
  const costs: PrimitiveCost[] = [];
  for (const [what, measure] of rows) {
    const rounds: number[] = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      globalThis.gc?.();
      rounds.push(await measure());
    }
    costs.push({ what, nanoseconds: median(rounds) });
  }
  return costs;
}

function newMemory(shift: number): Buffer {
  return Buffer.allocUnsafeSlow(shift + SIZE).subarray(shift);
}

/** Copies chunks the way messages are joined, to the memory that `memoryFor` returns. */
async function copies(memoryFor: (chunk: Buffer) => Buffer): Promise<number> {
  let spent = 0n;
  for (let i = 0; i < COPIES; i += 1) {
    const chunk = Buffer.allocUnsafeSlow(SIZE);
    chunk.fill(i);
    const userData = chunk.subarray(HEADERS);
    const message = memoryFor(chunk);
    const start = process.hrtime.bigint();
    message.set(userData);
    spent += process.hrtime.bigint() - start;
    if (i % 100 === 0) {
      // Between turns the memory is released.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return Number(spent) / COPIES;
}

async function awaited(make: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < AWAITED; i += 1) {
    await make();
  }
  return Number(process.hrtime.bigint() - start) / AWAITED;
}

export function primitiveLines(costs: readonly PrimitiveCost[]): string[] {
  return [
    'Nanoseconds:',
    ...costs.map(({ what, nanoseconds }) => `  ${nanoseconds.toFixed(0).padStart(7)}  ${what}`),
  ];
}
