/**
 * Shrinks an input that fails, by delta debugging: first the chunks, then the octets, then the values of the
 * octets.
 */
import { join, TPKT_HEADER_LENGTH } from './octets.js';

type Chunks = readonly Uint8Array[];

/** Returns true if the input still fails in the same way. */
export type Fails = (chunks: Chunks) => boolean | Promise<boolean>;

/** Most trials. The result is small enough by then. */
const MOST_TRIALS = 20_000;

/** The smallest input found that still fails. */
export async function shrink(input: Chunks, fails: Fails): Promise<Chunks> {
  let trials = 0;
  const stillFails = async (chunks: Chunks) => {
    trials += 1;
    return trials <= MOST_TRIALS && (await fails(chunks));
  };
  let best = input;
  let size = Number.POSITIVE_INFINITY;
  while (measure(best) < size) {
    size = measure(best);
    best = await withoutCuts(best, stillFails);
    best = await withoutOctets(best, stillFails);
    best = await withZeros(best, stillFails);
  }
  return best;
}

/** Size of an input: fewer octets, fewer chunks and more zeros make it smaller. */
function measure(chunks: Chunks): number {
  const octets = join(...chunks);
  return octets.length * 1_000 + chunks.length * 100 + octets.filter((octet) => octet > 0).length;
}

async function withoutCuts(input: Chunks, fails: Fails): Promise<Chunks> {
  const whole = [join(...input)];
  if (input.length > 1 && (await fails(whole))) {
    return whole;
  }
  let chunks = input;
  for (let i = chunks.length - 1; i > 0; i -= 1) {
    const [one, other] = [chunks[i - 1], chunks[i]];
    if (one !== undefined && other !== undefined) {
      const merged = [...chunks.slice(0, i - 1), join(one, other), ...chunks.slice(i + 1)];
      chunks = (await fails(merged)) ? merged : chunks;
    }
  }
  return chunks;
}

/**
 * Removes runs of octets, long runs first. The cuts stay between the same octets. Pairs are tried again at
 * the end: an empty parameter has two octets, which can be removed only together.
 */
async function withoutOctets(input: Chunks, fails: Fails): Promise<Chunks> {
  let chunks = input;
  for (const run of [...halves(longest(chunks)), 2]) {
    for (let at = 0; at < total(chunks); ) {
      const found = await firstThatFails(withoutRun(chunks, at, run), fails);
      if (found === undefined) {
        at += run;
      } else {
        chunks = found;
      }
    }
  }
  return chunks;
}

function halves(longest: number): readonly number[] {
  return longest <= 1 ? [1] : [longest, ...halves(Math.floor(longest / 2))];
}

async function firstThatFails(
  candidates: readonly Chunks[],
  fails: Fails,
): Promise<Chunks | undefined> {
  for (const candidate of candidates) {
    if (await fails(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

/** Candidates without a run of octets: with unchanged length fields, and with corrected ones. */
function withoutRun(chunks: Chunks, at: number, run: number): Chunks[] {
  const octets = join(...chunks);
  const end = at + run;
  const candidates = [without(chunks, at, end)];
  if (at > 0) {
    candidates.push(without(replaced(chunks, 0, [(octets[0] ?? 0) - run]), at, end));
  }
  let start = 0;
  let length = packetLength(octets, start);
  while (length > 0 && start + length <= at) {
    start += length;
    length = packetLength(octets, start);
  }
  const li = start + TPKT_HEADER_LENGTH;
  if (at >= li && end <= start + length) {
    const shorter = length - run;
    const framed = replaced(chunks, start + 2, [shorter >> 8, shorter & 0xff]);
    candidates.push(without(framed, at, end));
    candidates.push(without(replaced(framed, li, [(octets[li] ?? 0) - run]), at, end));
  }
  return candidates;
}

/** Length of the packet at `start`, according to its header; 0 if there is no packet. */
function packetLength(octets: Uint8Array, start: number): number {
  const isPacket = octets[start] === 3 && start + TPKT_HEADER_LENGTH <= octets.length;
  return isPacket ? (octets[start + 2] ?? 0) * 256 + (octets[start + 3] ?? 0) : 0;
}

/** Replaces the octets from offset `at` of the whole input. */
function replaced(chunks: Chunks, at: number, values: readonly number[]): Chunks {
  let offset = 0;
  return chunks.map((chunk) => {
    const start = offset;
    offset += chunk.length;
    return chunk.map((octet, i) => values[start + i - at] ?? octet);
  });
}

async function withZeros(input: Chunks, fails: Fails): Promise<Chunks> {
  let chunks = input;
  for (let c = 0; c < chunks.length; c += 1) {
    for (let i = 0; i < (chunks[c]?.length ?? 0); i += 1) {
      if (chunks[c]?.[i] !== 0) {
        const copy = chunks.map((chunk) => chunk.slice());
        copy[c]?.fill(0, i, i + 1);
        chunks = (await fails(copy)) ? copy : chunks;
      }
    }
  }
  return chunks;
}

function total(chunks: Chunks): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function longest(chunks: Chunks): number {
  return Math.max(1, Math.floor(total(chunks) / 2));
}

function without(chunks: Chunks, start: number, end: number): Chunks {
  let offset = 0;
  return chunks
    .map((chunk) => {
      const from = Math.max(0, start - offset);
      const to = Math.max(0, end - offset);
      offset += chunk.length;
      return join(chunk.subarray(0, from), chunk.subarray(to));
    })
    .filter(({ length }) => length > 0);
}
