/** The build leaves nothing of a source that is gone: see scripts/remove-stale-output.mjs. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeLater } from '../support/life.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Two projects, one of which writes into the output folder of the other, as ours do. */
const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module" }',
  'tsconfig.json': '{ "files": [], "references": [{ "path": "src" }, { "path": "test" }] }',
  'src/tsconfig.json': projectOf('.', '../dist', '../dist/src.tsbuildinfo'),
  'test/tsconfig.json': projectOf('..', '../dist/all', '../dist/all.tsbuildinfo'),
  'src/kept.ts': 'export const kept = 1;',
  'src/gone.ts': 'export const gone = 1;',
  'src/deep/gone.ts': 'export const gone = 1;',
  'test/kept.ts': 'export const kept = 1;',
  'test/gone.ts': 'export const gone = 1;',
};

function projectOf(rootDir: string, outDir: string, tsBuildInfoFile: string): string {
  const options = { rootDir, outDir, tsBuildInfoFile, composite: true, sourceMap: true };
  const compilerOptions = { ...options, declarationMap: true, module: 'nodenext', types: [] };
  return `{
  // A comment, as in our own files.
  "compilerOptions": ${JSON.stringify(compilerOptions)},
  "include": ["**/*.ts"]
}`;
}

/** The project as it is after its first build. */
let template = '';

beforeAll(() => {
  template = mkdtempSync(join(tmpdir(), 'cotp-stale-'));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(template, path)), { recursive: true });
    writeFileSync(join(template, path), text);
  }
  build(template);
});

afterAll(() => rmSync(template, { recursive: true, force: true }));

function build(folder: string): void {
  const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder });
  run(join(ROOT, 'scripts/remove-stale-output.mjs'), folder);
  run(join(ROOT, 'node_modules/typescript/bin/tsc'), '-b');
}

function builtProject(): { outputs(): string[]; remove(path: string): void; build(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'cotp-stale-'));
  closeLater(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(template, folder, { recursive: true, preserveTimestamps: true });
  return {
    build: () => build(folder),
    outputs: () => readdirSync(join(folder, 'dist'), { recursive: true }).map(String).sort(),
    remove: (path) => rmSync(join(folder, path), { recursive: true }),
  };
}

describe('after the deletion of', () => {
  test.each(['src/gone.ts', 'src/deep', 'test/gone.ts'])(
    '%s the build removes its outputs and no other',
    (path) => {
      const project = builtProject();
      const before = project.outputs();
      project.remove(path);
      project.build();
      const output = path
        .replace(/^src\//, '')
        .replace(/^test\//, 'all/test/')
        .replace(/\.ts$/, '');
      const rest = before.filter(
        (each) =>
          !(each === output || each.startsWith(`${output}.`) || each.startsWith(`${output}/`)),
      );
      expect(rest.length).toBeLessThan(before.length);
      expect(project.outputs()).toEqual(rest);
    },
  );

  test('nothing the build keeps every output', () => {
    const project = builtProject();
    const before = project.outputs();
    project.build();
    expect(project.outputs()).toEqual(before);
  });
});

test('npm run build begins with it', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  expect(scripts.build).toMatch(/^node scripts\/remove-stale-output\.mjs && tsc -b /);
});
