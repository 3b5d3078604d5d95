/** Bundlers: each makes one file of a program, which must run and write what the program does. */
import { join } from 'node:path';
import nodeResolve from '@rollup/plugin-node-resolve';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import webpack from 'webpack';
import { tryProgram } from './programs.mjs';

async function byEsbuild(input, output) {
  const options = { bundle: true, minify: true, platform: 'node', logLevel: 'silent' };
  // A CommonJS module in an ES module needs `require` for the modules of Node.
  const banner = {
    js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
  };
  await esbuild.build({ ...options, entryPoints: [input], outfile: output, format: 'esm', banner });
}

async function byRollup(input, output) {
  const bundle = await rollup({
    input,
    external: /^node:/,
    plugins: [nodeResolve()],
    onwarn: ({ message }) => {
      throw new Error(message);
    },
  });
  await bundle.write({ file: output, format: 'esm' });
  await bundle.close();
}

function byWebpack(input, output) {
  const options = {
    mode: 'production',
    target: 'node20',
    entry: input,
    experiments: { outputModule: true },
    output: { path: join(output, '..'), filename: output.split('/').at(-1), module: true },
  };
  return new Promise((resolve, reject) => {
    webpack(options, (error, stats) => {
      const { errors = [], warnings = [] } =
        stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
      const [first] = [error, ...errors, ...warnings].filter(Boolean);
      if (first) {
        reject(new Error(first.message));
      } else {
        resolve();
      }
    });
  });
}

/** Rollup by itself takes ES modules alone. */
const BUNDLERS = [
  ['esbuild', byEsbuild, ['talk.mjs', 'talk.cjs', 'both.mjs', 'part.mjs']],
  ['rollup', byRollup, ['talk.mjs', 'part.mjs']],
  ['webpack', byWebpack, ['talk.mjs', 'talk.cjs', 'both.mjs', 'part.mjs']],
];

/** @returns the cells */
export function bundlerCells({ folder }) {
  return BUNDLERS.flatMap(([name, bundle, programs]) =>
    programs.map((program) => ({
      name: `${name}: ${program}`,
      async run() {
        const output = join(folder, `${name}-${program.replace('.', '-')}.mjs`);
        await bundle(join(folder, program), output);
        await tryProgram(program, [process.execPath, output], folder);
      },
    })),
  );
}
