/** The declarations, with each compiler, module resolution and kind of module, never with `skipLibCheck`. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installed, ROOT, run } from '../project.mjs';

const VERSIONS = ['5.2', '5.4', '5.6', '5.9', '6', '7'];

const STRICT = {
  target: 'es2022',
  lib: ['es2022'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  // The libraries of the compiler itself: a third of the time.
  skipDefaultLibCheck: true,
  noEmit: true,
  types: ['node'],
};

/** A program that names every export; as `.mts` it imports, as `.cts` and in node10 it requires. */
const PROGRAM = join(ROOT, 'test/package/every-export.mts');

const BOTH_KINDS = ['every-export.mts', 'every-export.cts'];

/** Compilations: what is compiled in what way. */
const RESOLUTIONS = [
  {
    name: 'node10, require',
    files: ['every-export.ts'],
    options: { module: 'commonjs', moduleResolution: 'node10' },
    // Deprecated in 6, where it needs a permission, and gone in 7.
    optionsOf: { 6: { ignoreDeprecations: '6.0' } },
    except: ['7'],
  },
  { name: 'node16, import and require', files: BOTH_KINDS, options: { module: 'node16' } },
  {
    name: 'nodenext, import and require, types of Node by the package',
    files: BOTH_KINDS,
    options: { module: 'nodenext', types: [] },
  },
  {
    name: 'bundler, import, types of pages too',
    files: ['every-export.ts'],
    options: { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'] },
  },
  {
    name: 'bundler, import, without types of Node',
    files: ['no-node.mts'],
    options: { module: 'esnext', moduleResolution: 'bundler', types: [] },
  },
];

async function compile(version, { name, files, options, optionsOf = {} }, folder) {
  const config = join(folder, `${version}-${name.replace(/\W+/g, '-')}.json`);
  const compilerOptions = { ...STRICT, ...options, ...optionsOf[version] };
  await writeFile(config, JSON.stringify({ compilerOptions, files }));
  const tsc = installed(`typescript-${version}`, 'bin/tsc');
  await run(process.execPath, [tsc, '-p', config], folder);
}

/** @returns the cells: each has a name and a function that rejects if it fails */
export async function typeCells({ folder }) {
  for (const ending of ['ts', 'mts', 'cts']) {
    await cp(PROGRAM, join(folder, `every-export.${ending}`));
  }
  return VERSIONS.flatMap((version) =>
    RESOLUTIONS.filter(({ except = [] }) => !except.includes(version)).map((resolution) => ({
      name: `TypeScript ${version}: ${resolution.name}`,
      run: () => compile(version, resolution, folder),
    })),
  );
}
