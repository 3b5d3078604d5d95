/**
 * Deletes what the compiler wrote for sources that are gone: `tsc -b` leaves it, and tests and the
 * packed package would still see it. Reads the projects of tsconfig.json; deletes nothing else.
 * `node scripts/remove-stale-output.mjs [ROOT]`
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));

/** What the compiler may write for a source, longest ending first. */
const OUTPUT = /\.(?:d\.([cm]?)ts|([cm]?)js)(?:\.map)?$/;

/** Folders that another program clears and fills; the files in them have no source. */
const WRITTEN_BY_OTHERS = [
  'build/packages',
  'build/packaging',
  'build/reference',
  'dist/esm',
  'dist/cjs',
  'dist/cli',
].map((path) => join(root, path));

/** Our tsconfig files have comments on lines of their own; nothing else in them is not JSON. */
function readConfig(path) {
  return JSON.parse(readFileSync(path, 'utf8').replace(/^\s*\/\/.*$/gm, ''));
}

const projects = readConfig(join(root, 'tsconfig.json')).references.map(({ path }) => {
  const folder = join(root, path);
  const { rootDir, outDir, tsBuildInfoFile } = readConfig(
    join(folder, 'tsconfig.json'),
  ).compilerOptions;
  return {
    rootDir: resolve(folder, rootDir),
    outDir: resolve(folder, outDir),
    buildInfo: resolve(folder, tsBuildInfoFile),
  };
});
const rootDirs = new Map(projects.map(({ outDir, rootDir }) => [outDir, rootDir]));
const buildInfos = new Set(projects.map(({ buildInfo }) => buildInfo));

function isStale(file, outDir) {
  if (file.endsWith('.tsbuildinfo')) {
    return !buildInfos.has(file);
  }
  const match = OUTPUT.exec(file);
  if (match === null) {
    return false;
  }
  const [ending, ofDeclaration, ofScript] = match;
  const source = join(rootDirs.get(outDir), relative(outDir, file)).slice(0, -ending.length);
  const kind = ofDeclaration ?? ofScript;
  // What a bundler makes has a declaration beside the sources instead.
  const sources = [`.${kind}ts`, `.${kind}tsx`, `.d.${kind}ts`];
  return !sources.some((end) => existsSync(`${source}${end}`));
}

/** Goes through a folder; a folder that is the output of another project has its own sources. */
function clean(folder, parent) {
  const outDir = rootDirs.has(folder) ? folder : parent;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (WRITTEN_BY_OTHERS.includes(path)) {
      continue;
    }
    if (entry.isDirectory()) {
      clean(path, outDir);
    } else if (isStale(path, outDir)) {
      rmSync(path);
      process.stdout.write(`removed ${relative(root, path)}: its source is gone\n`);
    }
  }
  if (readdirSync(folder).length === 0) {
    rmdirSync(folder);
  }
}

/** An output folder inside another one is reached from there. */
for (const outDir of rootDirs.keys()) {
  const isInner = [...rootDirs.keys()].some((other) => isInside(outDir, other));
  if (!isInner && existsSync(outDir)) {
    clean(outDir, outDir);
  }
}

function isInside(folder, other) {
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    if (above === other) {
      return true;
    }
  }
  return false;
}
