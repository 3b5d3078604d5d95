/**
 * Measures memory: whether it stays constant over a million messages, and how much one message allocates.
 * Both ends are in this process, so every number includes both.
 */
import { LARGEST_TPDU, oneWay, sizeName } from './cases.js';
import type { Contestant, Open } from './contestant.js';
import { negotiated, openOurs } from './ours.js';
import { median } from './rate.js';
import { openRaw } from './raw.js';

export interface MemorySample {
  readonly at: string;
  /** Heap in octets after a garbage collection. */
  readonly heapUsed: number;
  readonly rss: number;
}

export interface MessageCost {
  readonly size: number;
  readonly contestant: string;
  /** Octets that a message allocates, on the heap and in array buffers. */
  readonly heap: number;
  readonly buffers: number;
}

/** Octets of one batch: few enough that no garbage collection runs during it. */
const BATCH_OCTETS = 1_048_576;
const MOST_PER_BATCH = 2_000;
const BATCHES = 21;

/** Sends `count` messages of 64 octets in one direction and measures at the start, middle and end. */
export async function flatness(count: number): Promise<MemorySample[]> {
  const ours = await openOurs(oneWay(64, LARGEST_TPDU), await negotiated(LARGEST_TPDU));
  try {
    await ours.run(Math.ceil(count / 10));
    const samples = [sample('start')];
    await ours.run(Math.ceil(count / 2));
    samples.push(sample('middle'));
    await ours.run(Math.floor(count / 2));
    samples.push(sample('end'));
    return samples;
  } finally {
    await ours.close();
  }
}

/** Measures the allocation of a message of each size, for raw and ours. */
export async function messageCosts(sizes: readonly number[]): Promise<MessageCost[]> {
  const costs: MessageCost[] = [];
  const contestants: readonly (readonly [string, Open])[] = [
    ['raw', openRaw],
    ['ours', openOurs],
  ];
  for (const size of sizes) {
    const benchCase = oneWay(size, LARGEST_TPDU);
    const tpduSize = await negotiated(benchCase.maxTpduSize);
    for (const [contestant, open] of contestants) {
      const opened = await open(benchCase, tpduSize);
      try {
        costs.push({ size, contestant, ...(await messageCost(opened, size)) });
      } finally {
        await opened.close();
      }
    }
  }
  return costs;
}

/** The median batch. A batch with a garbage collection in it would show less; such batches are rare. */
async function messageCost(contestant: Contestant, size: number) {
  const count = Math.min(MOST_PER_BATCH, BATCH_OCTETS / size);
  await contestant.run(count * 20);
  const heap: number[] = [];
  const buffers: number[] = [];
  for (let i = 0; i < BATCHES; i += 1) {
    globalThis.gc?.();
    const before = process.memoryUsage();
    await contestant.run(count);
    const after = process.memoryUsage();
    heap.push((after.heapUsed - before.heapUsed) / count);
    buffers.push((after.arrayBuffers - before.arrayBuffers) / count);
  }
  return { heap: median(heap), buffers: median(buffers) };
}

function sample(at: string): MemorySample {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { at, heapUsed, rss };
}

/** The lines to print. */
export function flatnessLines(samples: readonly MemorySample[], count: number): string[] {
  return [
    `Memory over ${count.toLocaleString('en')} messages of 64 octets, one way, ours:`,
    ...samples.map(
      ({ at, heapUsed, rss }) =>
        `  ${at.padEnd(8)} heap ${mebibytes(heapUsed)} MiB   rss ${mebibytes(rss)} MiB`,
    ),
  ];
}

export function costLines(costs: readonly MessageCost[]): string[] {
  return [
    'Octets allocated for a message, one way, both ends together:',
    ...costs.map(
      ({ size, contestant, heap, buffers }) =>
        `  ${sizeName(size).padEnd(5)} ${contestant.padEnd(5)} heap ${whole(heap)}   array buffers ${whole(buffers)}`,
    ),
  ];
}

function mebibytes(octets: number): string {
  return (octets / 1_048_576).toFixed(1).padStart(7);
}

function whole(octets: number): string {
  return Math.round(octets).toLocaleString('en').padStart(9);
}
