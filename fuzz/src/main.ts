/**
 * `npm run fuzz`: tries mutated packets on every target. See ../README.md.
 */
import { integer, optionsOf, print, runTool, whole } from '../../tools/command-line.mjs';
import { attempt, campaign, type Failure, type Outcome } from './campaign.js';
import { corpus } from './corpus.js';
import { formatChunks, parseChunks } from './octets.js';
import type { Target } from './target.js';
import { TARGETS } from './targets/index.js';

const HELP = `usage: npm run fuzz -- [options]

  --count N        total number of mutated packets (default 2000000, as every night)
  --seed N         0 to 4294967295; the same seed gives the same packets (default: random, printed)
  --target NAME    only this target; can be repeated
  --replay HEX     run one input, with a comma at every cut, in every scenario of the targets
  --scenario NAME  with --replay: only this scenario
  --help           print this help

targets: ${Object.keys(TARGETS).join(', ')}
`;

const NIGHTLY = 2_000_000;

function options() {
  const values = optionsOf({
    count: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true, default: [] },
    replay: { type: 'string' },
    scenario: { type: 'string' },
  });
  const unknown = values.target.find((name) => !(name in TARGETS));
  if (unknown !== undefined) {
    throw new TypeError(
      `--target must be one of ${Object.keys(TARGETS).join(', ')}, not ${unknown}`,
    );
  }
  const targets = values.target.length === 0 ? Object.keys(TARGETS) : values.target;
  return {
    ...values,
    targets,
    count: integer('count', values.count ?? String(NIGHTLY), 1, 2 ** 40),
    seed: integer('seed', values.seed ?? String(Date.now() % 2 ** 32), 0, 2 ** 32 - 1),
  };
}

async function main(chosen: ReturnType<typeof options>): Promise<boolean> {
  const { replay, scenario, targets, count, seed } = chosen;
  if (replay !== undefined) {
    return replayed(targets, parseChunks(replay), scenario);
  }
  const packets = corpus();
  print(`seed ${seed}, ${whole(count)} packets, corpus of ${packets.length}`);
  const all = targets.reduce((sum, name) => sum + (TARGETS[name]?.percent ?? 0), 0);
  const outcomes: Outcome[] = [];
  for (const name of targets) {
    const share = TARGETS[name];
    if (share !== undefined) {
      const part = Math.ceil((count * share.percent) / all);
      const outcome = await campaign(share.make(), { seed, count: part, corpus: packets });
      outcomes.push(outcome);
      print(outcomeLine(outcome));
    }
  }
  const seconds = outcomes.reduce((sum, outcome) => sum + outcome.seconds, 0);
  const tried = outcomes.reduce((sum, outcome) => sum + outcome.packets, 0);
  print(`${'all'.padEnd(9)}${whole(tried).padStart(11)} packets ${rate(tried, seconds)}`);
  const failures = outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  for (const failure of failures) {
    print(story(failure, seed));
  }
  return failures.length === 0;
}

function outcomeLine({ target, packets, inputs, seconds, failure }: Outcome): string {
  const end = failure === undefined ? 'ok' : 'FAILED';
  const numbers = `${whole(packets).padStart(11)} packets ${rate(packets, seconds)}`;
  return `${target.padEnd(9)}${numbers}  ${whole(inputs).padStart(9)} inputs  ${end}`;
}

function rate(packets: number, seconds: number): string {
  return `${seconds.toFixed(1).padStart(7)} s ${whole(packets / seconds).padStart(9)}/s`;
}

/** All that is needed to repeat the failure and to keep it as a test. */
function story({ target, scenario, error, input, shrunk }: Failure, seed: number): string {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    '',
    `${target}, scenario '${scenario}':`,
    what,
    `input     ${input}`,
    `shrunk    ${shrunk}`,
    `again     npm run fuzz -- --target ${target} --scenario '${scenario}' --replay ${shrunk}`,
    `the run   npm run fuzz -- --target ${target} --seed ${seed}`,
    'a line for FOUND in test/properties/fuzzer.test.ts:',
    `  ['${target}', '${scenario}', '${shrunk}'],`,
  ].join('\n');
}

async function replayed(
  names: readonly string[],
  chunks: readonly Uint8Array[],
  only: string | undefined,
): Promise<boolean> {
  let isSound = true;
  for (const name of names) {
    const target = TARGETS[name]?.make();
    if (target !== undefined) {
      isSound = (await replayedOn(target, chunks, only)) && isSound;
    }
  }
  return isSound;
}

async function replayedOn(
  target: Target,
  chunks: readonly Uint8Array[],
  only: string | undefined,
): Promise<boolean> {
  const scenarios = target.scenarios.filter((name) => only === undefined || name === only);
  let isSound = true;
  await target.open?.();
  for (const scenario of scenarios) {
    const error = await attempt(target, scenario, chunks);
    if (error !== undefined) {
      isSound = false;
      print(`${target.name}, scenario '${scenario}': ${String(error)}`);
    }
  }
  await target.close?.();
  print(`${target.name}: ${scenarios.length} scenarios with ${formatChunks(chunks)}`);
  return isSound;
}

await runTool(HELP, options, main);
