/** Runtimes: this Node in all ways to load the package, Jest, Bun and Deno. */
import { equal, ok } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { installed, run } from '../project.mjs';
import { PROGRAMS, tryProgram } from './programs.mjs';

/** The executable of a runtime, which npm has installed for this system alone. */
function binary(names) {
  const path = names.map((name) => installed(name)).find(existsSync);
  if (path === undefined) {
    throw new Error(`none of ${names.join(', ')} is installed`);
  }
  return path;
}

const bun = () => binary(['@oven/bun-linux-x64/bin/bun', '@oven/bun-linux-x64-baseline/bin/bun']);
const deno = () => binary(['@deno/linux-x64-glibc/deno']);

const RUNTIMES = [
  [`Node ${process.versions.node}`, () => [process.execPath]],
  ['Bun', () => [bun(), 'run']],
  ['Deno', () => [deno(), 'run', '--allow-all', '--no-remote', '--cached-only']],
];

/** A resolver that knows no `exports` takes `main`, as Node does for a folder. */
async function tryMain(folder) {
  const text = `const { formatTsel } = require('./node_modules/cotp'); console.log(formatTsel(258));`;
  equal(await run(process.execPath, ['-e', text], folder), '0x0102\n');
}

async function tryJest(folder) {
  const config = JSON.stringify({ rootDir: folder, transform: {}, testEnvironment: 'node' });
  const args = [installed('jest', 'bin/jest.js'), '--config', config, '--watchman=false', '--ci'];
  await run(process.execPath, args, folder);
}

/** Where `require` cannot load an ES module, as in Node before 20.19, it must get CommonJS. */
async function tryOldRequire(folder) {
  const text = `console.log(require.resolve('cotp')); require('./talk.cjs');`;
  const args = ['--no-experimental-require-module', '-e', text];
  const [path, ...rest] = (await run(process.execPath, args, folder)).split('\n');
  ok(path.endsWith('.cjs'), path);
  equal(rest.join('\n'), PROGRAMS['talk.cjs']);
}

/** @returns the cells */
export function runtimeCells({ folder }) {
  return [
    ...RUNTIMES.flatMap(([name, command]) =>
      Object.keys(PROGRAMS).map((program) => ({
        name: `${name}: ${program}`,
        run: () => tryProgram(program, [...command(), program], folder),
      })),
    ),
    { name: 'Node: require of the folder, by main', run: () => tryMain(folder) },
    { name: 'Node: require without ES modules', run: () => tryOldRequire(folder) },
    { name: 'Jest: CommonJS', run: () => tryJest(folder) },
  ];
}
