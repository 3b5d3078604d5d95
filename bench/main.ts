/**
 * `npm run bench`: compares this library with raw sockets and other packages. See README.md.
 */
import { writeFileSync } from 'node:fs';
import { buildLines, compareBuilds } from './against.js';
import { callLines, countCalls } from './calls.js';
import { reportAlone } from './case-process.js';
import { CASES, type Case, type OtherCase, shortened } from './cases.js';
import { CLASS_PREFIX, type ClassComparison, classLines, compareClasses } from './classes.js';
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
import { HELP, NAMES, type Options, optionsOf } from './options.js';
import { HOW_TO_INSTALL, installedPeers, otherPeers, type PeerPlan, runPeer } from './peers.js';
import { type PrimitiveCost, primitiveCosts, primitiveLines } from './primitives.js';
import { profile, profileLines } from './profile.js';
import { compareRelays, RELAY_CASE, type RelayComparison, relayLines } from './relay.js';
import { type StepCost, stepCosts, stepLines } from './steps.js';
import { sweep, sweepLines } from './sweep.js';
import { headLine, peerLine, resultLine } from './table.js';
import { type TraceCost, traceCosts, traceLines } from './trace.js';
import { type Plan, TURNS } from './turns.js';
import { failureLines, isFailing } from './verdict.js';

const MILLION = 1_000_000;

/**
 * A failing case of the short form is measured again, with three times as many turns, up to three times. A
 * broken case fails every time; a case that was disturbed by a busy machine does not.
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
  readonly results: Result[];
  readonly memory: MemorySample[];
  readonly messageCosts: MessageCost[];
  readonly traceCosts: TraceCost[];
  readonly primitives: PrimitiveCost[];
  readonly steps: StepCost[];
  readonly classes: ClassComparison[];
  readonly relays: RelayComparison[];
}

/** Parses the command line; `undefined` if it is invalid, after printing why. */
function understood(args: readonly string[]): Options | undefined {
  try {
    return optionsOf(args);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function main(): Promise<void> {
  const asked = understood(process.argv.slice(2));
  if (asked === undefined) {
    return;
  }
  if (asked.help) {
    process.stdout.write(HELP);
    return;
  }
  if (asked.calls) {
    console.log(callLines(await countCalls()).join('\n'));
    return;
  }
  if (asked.against !== undefined) {
    console.log(buildLines(await compareBuilds(asked.against, asked.runs)).join('\n'));
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
    judge(report);
  }
}

/** Prints the cases that fail, and sets the exit code. */
function judge({ results, classes, relays }: Report): void {
  const failures = failureLines([...results, ...classes, ...relays]);
  for (const failure of failures) {
    console.error(failure);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}

/** Runs a single case in this process, and several cases each in its own process. */
async function measure(asked: Options, print: Print): Promise<Report> {
  const { case: names, runs, short } = asked;
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) {
    return measureOne(only, asked, print);
  }
  const report = nothingYet(asked);
  for (const name of NAMES.filter((candidate) => names.length === 0 || names.includes(candidate))) {
    const part = await reportAlone<Report>(name, runs, short);
    printReport(part, report.results.length === 0, print);
    for (const key of PARTS) {
      (report[key] as unknown[]).push(...part[key]);
    }
  }
  return report;
}

async function measureOne(name: string, asked: Options, print: Print): Promise<Report> {
  const { runs, short } = asked;
  const plan: Plan = short ? { runs: 1, turns: runs } : { runs, turns: TURNS };
  const form = (benchCase: Case) => (short ? shortened(benchCase) : benchCase);
  const report = nothingYet(asked);
  const benchCase = CASES.find((candidate) => candidate.name === name);
  if (benchCase !== undefined) {
    const peerPlan = short ? SHORT_PEER_PLAN : PEER_PLAN;
    const again = short ? AGAIN : NOT_AGAIN;
    report.results.push(await oneResult(form(benchCase), plan, print, peerPlan, again));
  } else if (name === 'memory-flat') {
    report.memory.push(...(await flatness(flatnessCount(short))));
  } else if (name === 'memory-per-message') {
    report.messageCosts.push(...(await messageCosts([64, 65_536])));
  } else if (name === 'trace') {
    report.traceCosts.push(...(await traceCosts(short ? 5 : 60)));
  } else if (name === 'primitives') {
    report.primitives.push(...(await primitiveCosts()));
  } else if (name === RELAY_CASE) {
    report.relays.push(...(await compareRelays(plan, form)));
  } else if (name.startsWith(CLASS_PREFIX)) {
    report.classes.push(await compareClasses(name as OtherCase, plan, form));
  } else {
    report.steps.push(...(await stepCosts(name as OtherCase, plan, form)));
  }
  printReport(report, true, print);
  return report;
}

function nothingYet({ runs, short }: Options): Report {
  const nothing = {
    memory: [],
    messageCosts: [],
    traceCosts: [],
    primitives: [],
    steps: [],
    classes: [],
    relays: [],
  };
  return { machine: machine(), runs, short, results: [], ...nothing };
}

const PARTS = [
  'results',
  'memory',
  'messageCosts',
  'traceCosts',
  'primitives',
  'steps',
  'classes',
  'relays',
] as const satisfies readonly (keyof Report)[];

function flatnessCount(short: boolean): number {
  return short ? MILLION / 20 : MILLION;
}

/** Formats a result as lines. */
function printReport(report: Report, isFirst: boolean, print: Print): void {
  const { results, memory, messageCosts: costs, traceCosts: observed, primitives, steps } = report;
  const sections: readonly (readonly [readonly unknown[], () => string[]])[] = [
    [memory, () => flatnessLines(memory, flatnessCount(report.short))],
    [costs, () => costLines(costs)],
    [observed, () => traceLines(observed)],
    [primitives, () => primitiveLines(primitives)],
    [steps, () => stepLines(steps)],
    [report.classes, () => classLines(report.classes)],
    [report.relays, () => relayLines(report.relays)],
  ];
  const lines = [
    ...(results.length > 0 && isFirst ? [headLine()] : []),
    ...results.flatMap(linesOf),
    ...sections.flatMap(([part, linesOfPart]) => (part.length > 0 ? ['', ...linesOfPart()] : [])),
  ];
  print(lines.join('\n'));
}

/** Formats a result and its peers as lines. */
function linesOf(result: Result): string[] {
  return [resultLine(result), ...result.peers.map(peerLine)];
}

/** Measures a case and its peers. */
async function oneResult(
  benchCase: Case,
  plan: Plan,
  print: Print,
  peerPlan: PeerPlan,
  again: typeof AGAIN,
): Promise<Result> {
  const longer = { ...plan, turns: plan.turns * again.turns };
  let result = await compare(benchCase, plan);
  for (let left = again.times; left > 0 && isFailing(result); left -= 1) {
    print([resultLine(result), `  again, ${longer.turns} turns`].join('\n'));
    result = await compare(benchCase, longer);
  }
  const peers: Result['peers'][number][] = [];
  for (const peer of installedPeers()) {
    peers.push(await runPeer(peer, benchCase, result.raw, peerPlan));
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
