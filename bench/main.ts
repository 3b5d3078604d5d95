/**
 * `npm run bench`: this library beside raw sockets. See README.md.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CASES, MEMORY_CASES, type MemoryCase, shortened } from './cases.js';
import { compare, type Result } from './compare.js';
import {
  costLines,
  flatness,
  flatnessLines,
  type MemorySample,
  type MessageCost,
  messageCosts,
} from './memory.js';
import { headLine, resultLine } from './table.js';
import { type TraceCost, traceCosts, traceLines } from './trace.js';

const HELP = `usage: npm run bench -- [options]

  --case NAME    only this case; may be given several times
  --runs N       runs of each case, raw and ours in turn (default 5; 3 with --short)
  --short        small runs, to see that everything works
  --json [FILE]  results as JSON, to FILE or to standard output instead of the table
  --help         this text

cases: ${[...CASES.map(({ name }) => name), ...MEMORY_CASES].join(', ')}
`;

const MILLION = 1_000_000;

interface Report {
  readonly node: string;
  readonly runs: number;
  readonly short: boolean;
  readonly results: readonly Result[];
  readonly memory: readonly MemorySample[];
  readonly messageCosts: readonly MessageCost[];
  readonly traceCosts: readonly TraceCost[];
}

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      case: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const known: readonly string[] = [...CASES.map(({ name }) => name), ...MEMORY_CASES];
  const unknown = values.case.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`no case ${unknown}; there are ${known.join(', ')}`);
  }
  const runs = Number(values.runs ?? (values.short ? 3 : 5));
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000) {
    throw new RangeError(`--runs must be 1 to 1000, not ${values.runs}`);
  }
  // The FILE of --json may be left out, so it is read as what stands beside the options.
  const [file, ...others] = positionals;
  if (others.length > 0 || (file !== undefined && !values.json)) {
    throw new TypeError(`unexpected argument ${others[0] ?? file}`);
  }
  return { ...values, runs, file };
}

async function main(): Promise<void> {
  const { case: names, runs, short, json, help, file } = options();
  if (help) {
    process.stdout.write(HELP);
    return;
  }
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const isMemoryWanted = (name: MemoryCase) => isWanted(name);
  const toTable = !json || file !== undefined;
  const print = (line: string) => {
    if (toTable) {
      console.log(line);
    }
  };

  const results: Result[] = [];
  const cases = CASES.filter(({ name }) => isWanted(name));
  if (cases.length > 0) {
    print(headLine());
  }
  for (const benchCase of cases) {
    const result = await compare(short ? shortened(benchCase) : benchCase, runs);
    results.push(result);
    print(resultLine(result));
  }

  let memory: MemorySample[] = [];
  if (isMemoryWanted('memory-flat')) {
    const count = short ? MILLION / 20 : MILLION;
    memory = await flatness(count);
    print(['', ...flatnessLines(memory, count)].join('\n'));
  }
  let costs: MessageCost[] = [];
  if (isMemoryWanted('memory-per-message')) {
    costs = await messageCosts([64, 65_536]);
    print(['', ...costLines(costs)].join('\n'));
  }

  let observed: TraceCost[] = [];
  if (isMemoryWanted('trace')) {
    observed = await traceCosts(short ? 5 : 60);
    print(['', ...traceLines(observed)].join('\n'));
  }

  if (json) {
    const node = process.version;
    const report: Report = {
      ...{ node, runs, short, results, memory },
      messageCosts: costs,
      traceCosts: observed,
    };
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    if (file === undefined) {
      process.stdout.write(text);
    } else {
      writeFileSync(file, text);
    }
  }
}

await main();
