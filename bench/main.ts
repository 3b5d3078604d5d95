/**
 * `npm run bench`: this library beside raw sockets and beside other packages. See README.md.
 */
import { writeFileSync } from 'node:fs';
import { reportAlone } from './case-process.js';
import { CASES, type Case, type OtherCase, shortened } from './cases.js';
import { compare, type Result } from './compare.js';
import { type Machine, machine } from './machine.js';
import {
  costLines,
  flatness,
  flatnessLines,
  type MemorySample,
  type MessageCost,
  messageCosts,
} from './memory.js';
import { HELP, type Options, options } from './options.js';
import { HOW_TO_INSTALL, installedPeers, otherPeers, type PeerPlan, runPeer } from './peers.js';
import { type PrimitiveCost, primitiveCosts, primitiveLines } from './primitives.js';
import { profile, profileLines } from './profile.js';
import { STEPS, type StepCost, stepCosts, stepLines } from './steps.js';
import { sweep, sweepLines } from './sweep.js';
import { headLine, peerLine, resultLine } from './table.js';
import { type TraceCost, traceCosts, traceLines } from './trace.js';
import { TURNS } from './turns.js';
import { failureLines, isFailing } from './verdict.js';

const MILLION = 1_000_000;

/**
 * A case of the short form that would fail is measured again, by so many times as many turns, up to so
 * many times: what is broken fails each time, what met a busy moment of the machine does not.
 */
const AGAIN = { turns: 3, times: 3 };
const NOT_AGAIN = { turns: 1, times: 0 };

const PEER_PLAN: PeerPlan = { runs: 3 * TURNS, limit: 6_000 };
const SHORT_PEER_PLAN: PeerPlan = { runs: 1, limit: 2_000 };

type Print = (line: string) => void;

interface Report {
  readonly machine: Machine;
  readonly runs: number;
  readonly short: boolean;
  readonly results: readonly Result[];
  readonly memory: readonly MemorySample[];
  readonly messageCosts: readonly MessageCost[];
  readonly traceCosts: readonly TraceCost[];
  readonly primitives: readonly PrimitiveCost[];
  readonly steps: readonly StepCost[];
}

async function main(): Promise<void> {
  const asked = options();
  if (asked.help) {
    process.stdout.write(HELP);
    return;
  }
  const { json, file, runs } = asked;
  const print: Print = json && file === undefined ? () => {} : (line) => console.log(line);
  printPeers(print);
  if (asked.sweep) {
    const report = { machine: machine(), ...(await sweep(runs, otherPeers())) };
    print(sweepLines(report).join('\n'));
    write(report, asked);
    return;
  }
  if (asked.profile) {
    for (const benchCase of CASES.filter(({ name }) => asked.case.includes(name))) {
      print(profileLines(benchCase.name, await profile(benchCase)).join('\n'));
    }
    return;
  }
  const report = await measure(asked, print);
  write(report, asked);
  if (asked.short) {
    const failures = failureLines(report.results);
    for (const failure of failures) {
      console.error(failure);
    }
    process.exitCode = failures.length > 0 ? 1 : 0;
  }
}

async function measure({ case: names, runs, short }: Options, print: Print): Promise<Report> {
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const isOtherWanted = (name: OtherCase) => isWanted(name);

  // What is asked for beside other things gets a process of its own, which is asked for it alone.
  const isAlone = names.length === 1;
  const turns = short ? runs : runs * TURNS;
  const results: Result[] = [];
  const cases = CASES.filter(({ name }) => isWanted(name));
  if (cases.length > 0) {
    print(headLine());
  }
  for (const benchCase of cases) {
    if (!isAlone) {
      const { results: alone } = await reportAlone<Report>(benchCase.name, runs, short);
      results.push(...alone);
      print(alone.flatMap(linesOf).join('\n'));
      continue;
    }
    results.push(
      short
        ? await oneResult(shortened(benchCase), turns, print, SHORT_PEER_PLAN, AGAIN)
        : await oneResult(benchCase, turns, print, PEER_PLAN),
    );
  }

  let memory: MemorySample[] = [];
  if (isOtherWanted('memory-flat')) {
    const count = short ? MILLION / 20 : MILLION;
    memory = await flatness(count);
    print(['', ...flatnessLines(memory, count)].join('\n'));
  }
  let costs: MessageCost[] = [];
  if (isOtherWanted('memory-per-message')) {
    costs = await messageCosts([64, 65_536]);
    print(['', ...costLines(costs)].join('\n'));
  }
  let observed: readonly TraceCost[] = [];
  if (isOtherWanted('trace')) {
    observed = isAlone
      ? await traceCosts(short ? 5 : 60)
      : (await reportAlone<Report>('trace', runs, short)).traceCosts;
    print(['', ...traceLines(observed)].join('\n'));
  }
  let primitives: PrimitiveCost[] = [];
  if (isOtherWanted('primitives')) {
    primitives = await primitiveCosts();
    print(['', ...primitiveLines(primitives)].join('\n'));
  }
  const steps: StepCost[] = [];
  for (const name of STEPS.filter(isOtherWanted)) {
    const costs = isAlone
      ? await stepCosts(name, turns, (benchCase) => (short ? shortened(benchCase) : benchCase))
      : (await reportAlone<Report>(name, runs, short)).steps;
    steps.push(...costs);
    print(['', ...stepLines(costs)].join('\n'));
  }
  return {
    ...{ machine: machine(), runs, short, results, memory },
    messageCosts: costs,
    traceCosts: observed,
    primitives,
    steps,
  };
}

/** A result that came with its peers, as lines. */
function linesOf(result: Result): string[] {
  return [resultLine(result), ...result.peers.map(peerLine)];
}

/** A case and its lines. */
async function oneResult(
  benchCase: Case,
  turns: number,
  print: Print,
  plan: PeerPlan,
  again = NOT_AGAIN,
): Promise<Result> {
  let result = await compare(benchCase, turns);
  print(resultLine(result));
  for (let left = again.times; left > 0 && isFailing(result); left -= 1) {
    print(`  again, ${turns * again.turns} turns`);
    result = await compare(benchCase, turns * again.turns);
    print(resultLine(result));
  }
  const peers: Result['peers'][number][] = [];
  for (const peer of installedPeers()) {
    const measured = await runPeer(peer, benchCase, result.raw, plan);
    peers.push(measured);
    print(peerLine(measured));
  }
  return { ...result, peers };
}

function printPeers(print: Print): void {
  const names = otherPeers().map(({ name, version }) => `${name} ${version}`);
  print(
    names.length > 0
      ? `Peers: ${names.join(', ')}`
      : `No peers are installed; \`${HOW_TO_INSTALL}\` installs them.`,
  );
}

function write(report: object, { json, file }: Options): void {
  if (!json) {
    return;
  }
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  if (file === undefined) {
    process.stdout.write(text);
  } else {
    writeFileSync(file, text);
  }
}

await main();
