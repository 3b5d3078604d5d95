/**
 * `npm run simulate`: runs the library in simulated worlds. See ../README.md.
 */
import { readFile } from 'node:fs/promises';
import { integer, optionsOf, print, runTool, whole } from '../../tools/command-line.mjs';
import { adapted, campaign } from './campaign.js';
import { type Library, load, real } from './environment.js';
import { FAULTS, faultNamed, withFault } from './faults.js';
import { generate } from './generate.js';
import type { Plan } from './plan.js';
import { type Outcome, runPlan } from './world.js';

const HELP = `usage: npm run simulate -- [options]

  --steps N        total number of steps (default 1000000)
  --seconds N      ends after this time, if it comes first
  --seed N         0 to 4294967295, the seed of the first world (default 1); each next world has the next number
  --all            continues after a finding, and prints the first of each rule
  --list           prints the seed, the steps and the hash of the events of each world
  --replay FILE    runs one plan from a file, such as those in simulate/traces; may be
                   given several times
  --show           with --replay or --seed: runs one world and prints all its events
  --as-found       prints the plan of a finding without shrinking it
  --fault NAME     puts a fault into a copy of the library; the exit code is 0 only if it is found
  --help           print this help

The library is loaded from dist, or from the folder in COTP_DIST.
faults: ${FAULTS.map(({ name }) => name).join(', ')}
`;

const STEPS = 1_000_000;

function options() {
  const values = optionsOf({
    steps: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    all: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    replay: { type: 'string', multiple: true, default: [] },
    show: { type: 'boolean', default: false },
    fault: { type: 'string' },
    'as-found': { type: 'boolean', default: false },
  });
  return {
    ...values,
    steps: integer('steps', values.steps ?? String(STEPS), 1, 2 ** 40),
    seconds: integer('seconds', values.seconds ?? String(2 ** 31), 1, 2 ** 31),
    seed: integer('seed', values.seed ?? '1', 0, 2 ** 32 - 1),
  };
}

async function main(chosen: ReturnType<typeof options>): Promise<boolean> {
  const folder = process.env.COTP_DIST ?? 'dist';
  if (chosen.fault !== undefined) {
    const fault = faultNamed(chosen.fault);
    return withFault(fault, folder, async (copy) => {
      print(`${fault.name}: ${fault.what}`);
      const isSound = await simulated(await load(copy), { ...chosen, rule: fault.rule });
      print(`${fault.name}: ${isSound ? 'NOT found' : 'found'}`);
      return !isSound;
    });
  }
  const library = await load(folder);
  if (chosen.replay.length > 0) {
    return replayedFiles(library, chosen.replay, chosen.show);
  }
  return chosen.show ? replayed(library, generate(chosen.seed), true) : simulated(library, chosen);
}

async function replayedFiles(
  library: Library,
  files: readonly string[],
  isShown: boolean,
): Promise<boolean> {
  let isSound = true;
  for (const file of files) {
    print(`${file}:`);
    const plan = JSON.parse(await readFile(file, 'utf8')) as Plan;
    isSound = (await replayed(library, plan, isShown)) && isSound;
  }
  return isSound;
}

async function replayed(library: Library, plan: Plan, isShown: boolean): Promise<boolean> {
  const log = isShown ? print : undefined;
  const outcome = await runPlan(adapted(plan, library), { library, log });
  print(verdict(outcome));
  return outcome.finding === undefined;
}

function sizeOf({ steps, hash }: Outcome): string {
  return `${steps} steps, hash ${hash.toString(16).padStart(8, '0')}`;
}

function verdict(outcome: Outcome): string {
  const { finding } = outcome;
  const what =
    finding === undefined
      ? 'no rule is broken'
      : `rule '${finding.rule}' is broken at ${finding.at.toFixed(1)} ms: ${finding.message}`;
  return `${what}\n${sizeOf(outcome)}`;
}

async function simulated(
  library: Library,
  chosen: ReturnType<typeof options> & { readonly rule?: string },
): Promise<boolean> {
  const { seed, steps, seconds, all, list, rule, 'as-found': isAsFound } = chosen;
  const onWorld = (one: number, outcome: Outcome) => print(`seed ${one}: ${sizeOf(outcome)}`);
  print(`seed ${seed}, ${whole(steps)} steps`);
  const until = real.now() + seconds * 1_000;
  const result = await campaign(
    library,
    { seed, steps, until, all, rule, shrinks: !isAsFound, onWorld: list ? onWorld : undefined },
    (failure) => {
      print(`\nseed ${failure.seed}: ${verdict(failure.outcome)}`);
      print(`again: npm run simulate -- --seed ${failure.seed} --show`);
      print(`${isAsFound ? 'the plan' : 'shrunk'}, for a file in simulate/traces:`);
      print(JSON.stringify(failure.plan));
    },
  );
  const time = result.milliseconds / 1_000;
  const rate = whole(result.steps / time);
  const count = whole(result.steps);
  print(`\n${result.worlds} worlds, ${count} steps in ${time.toFixed(1)} s, ${rate} a second`);
  for (const [rule, { count, seeds }] of result.findings) {
    print(`${rule}: ${count} worlds, seeds ${seeds.join(' ')}`);
  }
  print(result.findings.size === 0 ? 'no finding' : 'FAILED');
  return result.findings.size === 0;
}

await runTool(HELP, options, main);
