/**
 * Random connections of both roles with the reference peer, which judges every TPDU (`npm run test:class2`). The seed of
 * each that has a finding is printed; the same seed makes the same connection, but for its timing.
 */
import { parseArgs } from 'node:util';
import { run } from './random/connection.js';
import { judge } from './random/judge.js';
import { PeerProcess } from './random/peer-process.js';
import { planOf } from './random/plan.js';

const USAGE = `Usage: npm run test:class2 -- [options]
  --count N         connections (1000)
  --seconds N       starts no connection after so long (300); fewer connections are no failure
  --seed N          0 to 4294967295, the first connection; each one after it is one more (1)
  --parallel N      connections at the same time (8)
  --verbose         prints the plan of each connection and the notes of the peer`;

/** A connection that is not over by then is a finding; milliseconds. */
const LIMIT = 60_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      parallel: { type: 'string', default: '8' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const numbers = ['count', 'seconds', 'seed', 'parallel'].map((name) => [
    name,
    Number(values[name]),
  ]);
  for (const [name, value] of numbers) {
    if (!Number.isInteger(value) || value < (name === 'seed' ? 0 : 1)) {
      throw new Error(`--${name} must be a whole number, not "${values[name]}"\n${USAGE}`);
    }
  }
  return { ...Object.fromEntries(numbers), verbose: values.verbose };
}

async function findingsOf(plan, peers, verbose) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, LIMIT, undefined);
  });
  const seen = await Promise.race([run(plan, peers), late]);
  clearTimeout(timer);
  const findings = seen ? judge(plan, seen) : [`not over within ${LIMIT / 1000} s`];
  if (verbose || findings.length > 0) {
    console.log(JSON.stringify(plan));
    console.log(seen);
    console.log(seen?.peer?.notes?.join('\n'));
  }
  return findings;
}

function report(tally, { seed, parallel }, seconds) {
  const { started, findings, byKind } = tally;
  console.log(
    `seeds ${seed} to ${seed + started - 1}, ${parallel} at a time, ${seconds.toFixed(0)} s`,
  );
  for (const [kind, count] of [...byKind].sort()) {
    console.log(`  ${String(count).padStart(6)}  ${kind}`);
  }
  console.log(`${started} connections, ${findings} with a finding`);
}

function kindOf({ role, agreed }) {
  if (agreed === undefined) {
    return `our ${role}, refused: no class in common`;
  }
  const { tpClass, expedited, ack } = agreed;
  const options = expedited ? ` with expedited data${ack ? ' and EA' : ''}` : '';
  return `our ${role}, class ${tpClass}${options}`;
}

async function main() {
  const options = readOptions();
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  const peers = new PeerProcess();
  const tally = { started: 0, findings: 0, byKind: new Map() };
  const worker = async () => {
    while (tally.started < options.count && elapsed() < options.seconds) {
      const plan = planOf(options.seed + tally.started);
      tally.started += 1;
      const kind = kindOf(plan);
      tally.byKind.set(kind, (tally.byKind.get(kind) ?? 0) + 1);
      const findings = await findingsOf(plan, peers, options.verbose);
      for (const finding of findings) {
        console.log(`seed ${plan.seed}: ${finding}`);
      }
      tally.findings += findings.length > 0 ? 1 : 0;
    }
  };
  try {
    await Promise.all(Array.from({ length: options.parallel }, worker));
  } finally {
    peers.stop();
  }
  report(tally, options, elapsed());
  process.exitCode = tally.findings > 0 ? 1 : 0;
}

await main();
