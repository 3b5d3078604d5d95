/**
 * Runs one target: generates inputs, tries them, and shrinks the first that fails.
 */
import { class2Stream } from './class2-streams.js';
import type { Corpus } from './corpus.js';
import { mutatedStream, mutatedTpdu, type Stream } from './mutate.js';
import { formatChunks } from './octets.js';
import { Prng } from './prng.js';
import { shrink } from './shrink.js';
import type { Target } from './target.js';

/** A failure, with all that is needed to repeat it. */
export interface Failure {
  readonly target: string;
  readonly scenario: string;
  readonly error: unknown;
  /** The chunks in hexadecimal with a comma at every cut: as they were generated, and shrunk. */
  readonly input: string;
  readonly shrunk: string;
}

export interface Outcome {
  readonly target: string;
  /** Mutated packets that were tried. */
  readonly packets: number;
  readonly inputs: number;
  readonly seconds: number;
  readonly failure: Failure | undefined;
}

export interface CampaignOptions {
  readonly seed: number;
  /** Least number of mutated packets to try. */
  readonly count: number;
  readonly corpus: Corpus;
}

const STACK_FRAMES = 10;

/** Tries mutated packets on a target until `count` is reached or one fails. */
export async function campaign(target: Target, options: CampaignOptions): Promise<Outcome> {
  const { seed, count, corpus } = options;
  const prng = new Prng(seed, target.name);
  const started = performance.now();
  let packets = 0;
  let inputs = 0;
  let failure: Failure | undefined;
  const work = async () => {
    while (packets < count && failure === undefined) {
      const { chunks, mutated } = nextInput(target, prng, corpus);
      const scenario = prng.pick(target.scenarios);
      packets += mutated;
      inputs += 1;
      const running = attempt(target, scenario, chunks);
      const error = running instanceof Promise ? await running : running;
      if (error !== undefined) {
        failure ??= await shrunkFailure(target, scenario, chunks, error);
      }
    }
  };
  await target.open?.();
  // Most inputs end in an error that nobody reads. Creating its stack would take most of the time.
  Error.stackTraceLimit = 0;
  try {
    await Promise.all(Array.from({ length: target.concurrency ?? 1 }, work));
  } finally {
    Error.stackTraceLimit = STACK_FRAMES;
    await target.close?.();
  }
  const seconds = (performance.now() - started) / 1_000;
  return { target: target.name, packets, inputs, seconds, failure };
}

function nextInput({ takes }: Target, prng: Prng, corpus: Corpus): Stream {
  switch (takes) {
    case 'tpdu':
      return { chunks: [mutatedTpdu(prng, corpus)], mutated: 1 };
    case 'stream':
      return mutatedStream(prng, corpus);
    case 'class 2 stream':
      return class2Stream(prng, corpus);
    case 'either stream':
      return (prng.chance(60) ? mutatedStream : class2Stream)(prng, corpus);
  }
}

/** Runs one input. Returns `undefined` or the thrown value; a promise only if the target returns one. */
export function attempt(target: Target, scenario: string, chunks: readonly Uint8Array[]): unknown {
  try {
    const running = target.run(scenario, chunks);
    return running instanceof Promise
      ? running.then(
          () => undefined,
          (error: unknown) => error ?? new Error('the target rejected with undefined'),
        )
      : undefined;
  } catch (error) {
    return error ?? new Error('the target threw undefined');
  }
}

/**
 * Shrinks the input as long as it fails in the same way. An input that fails only together with others is not
 * shrunk.
 */
async function shrunkFailure(
  target: Target,
  scenario: string,
  chunks: readonly Uint8Array[],
  error: unknown,
): Promise<Failure> {
  Error.stackTraceLimit = STACK_FRAMES;
  const kind = kindOf(error);
  let last = error;
  const smallest = await shrink(chunks, async (candidate) => {
    const outcome = await attempt(target, scenario, candidate);
    const same = outcome !== undefined && kindOf(outcome) === kind;
    last = same ? outcome : last;
    return same;
  });
  return {
    target: target.name,
    scenario,
    error: last,
    input: formatChunks(chunks),
    shrunk: formatChunks(smallest),
  };
}

/** The class of an error and its message, without the numbers and octets in it. */
function kindOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message.replace(/[0-9a-f]{2,}|\d+/gi, '#').slice(0, 60)}`
    : String(error);
}
