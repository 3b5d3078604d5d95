/**
 * Mutation testing of core by Stryker, one group of groups.mjs after the other:
 * `npm run test:mutation -- [--bounded] [GROUP...] [--mutate FILES] [--concurrency N]`. Fails where a
 * score is below its floor. Reports are in mutation/output; N is 2 if not given.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BOUNDED, GROUPS } from './groups.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const stryker = join(
  dirname(require.resolve('@stryker-mutator/core/package.json')),
  'bin/stryker.js',
);
const output = 'mutation/output';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bounded: { type: 'boolean' },
    mutate: { type: 'string' },
    concurrency: { type: 'string', default: '2' },
  },
});
const chosen = values.bounded ? BOUNDED : positionals;
const names = chosen.length === 0 ? Object.keys(GROUPS) : chosen;
const unknown = names.filter((name) => !(name in GROUPS));
if (unknown.length > 0) {
  process.stderr.write(
    `no group ${unknown.join(', ')}: the groups are ${Object.keys(GROUPS).join(', ')}\n`,
  );
  process.exit(2);
}

const failed = names.filter((name) => run(name) !== 0);
if (failed.length > 0) {
  process.stderr.write(`below the floor, or did not run: ${failed.join(', ')}\n`);
  process.exit(1);
}

/** Runs one group; gives the exit code, which is not 0 below the floor. */
function run(name) {
  const { sources, tests, floor } = GROUPS[name];
  const config = {
    plugins: ['@stryker-mutator/vitest-runner'],
    testRunner: 'vitest',
    vitest: { configFile: 'mutation/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    mutate: values.mutate?.split(',') ?? sources,
    concurrency: Number(values.concurrency),
    tempDirName: join(output, `sandbox-${name}`),
    ignorePatterns: ['/dist', '/build', '/docs', '/interop', '/mutation/output'],
    // Stryker reads tsconfig files by an interface that this compiler lacks; nothing needs it.
    tsconfigFile: 'none',
    reporters: ['clear-text', 'json', 'html'],
    jsonReporter: { fileName: join(output, `${name}.json`) },
    htmlReporter: { fileName: join(output, `${name}.html`) },
    clearTextReporter: {
      allowColor: false,
      allowEmojis: false,
      logTests: false,
      reportTests: false,
    },
    allowConsoleColors: false,
    thresholds: { high: 100, low: floor, break: values.mutate === undefined ? floor : null },
    timeoutMS: 3_000,
    warnings: { slow: false },
  };
  const file = resolve(root, output, `${name}.config.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(config, null, 2));
  process.stdout.write(`\n== ${name}: ${tests.join(', ')}\n`);
  const { status } = spawnSync(process.execPath, [stryker, 'run', file], {
    cwd: root,
    env: { ...process.env, MUTATION_TESTS: tests.join(',') },
    stdio: 'inherit',
  });
  rmSync(resolve(root, output, `sandbox-${name}`), { recursive: true, force: true });
  return status ?? 1;
}
