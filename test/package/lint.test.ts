/** What the linter refuses in core, tried on a file that does it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Expressions that core may not have, and what the message about each says. */
const REFUSED = [
  ['Math.random()', 'Randomness is an argument in core.'],
  ["Math['random']()", 'Randomness is an argument in core.'],
  ['crypto.getRandomValues(new Uint8Array(1))', 'crypto'],
  ['Date.now()', 'Date'],
  ['new Date()', 'Date'],
  ['performance.now()', 'performance'],
  ['globalThis.Date', 'globalThis'],
  ['setTimeout(() => {}, 1)', 'setTimeout'],
  ['setInterval(() => {}, 1)', 'setInterval'],
  ['new Uint8Array(2).slice(1)', 'slice of a Buffer is a view'],
] as const;

const exported = (expression: string) => `export const tried: unknown = ${expression};\n`;

/** Files to lint, by path; all of them in one run. */
const FILES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    REFUSED.flatMap(([expression], index) => [
      [`src/core/tpdu/tried-${index}.ts`, exported(expression)],
      [`src/node/tried-${index}.ts`, exported(expression)],
    ]),
  ),
  'src/core/renamed.ts': 'const { random } = Math;\nexport const tried: number = random();\n',
  'src/core/welcome.ts': 'export const tried: number = Math.min(1, 2);\n',
};

let root = '';
let lines: readonly string[] = [];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'cotp-lint-'));
  execFileSync('git', ['init', '--quiet'], { cwd: root });
  for (const path of ['biome.json', '.gitignore', 'scripts/core.grit']) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
  const args = ['lint', '--reporter=github', '--error-on-warnings', '--max-diagnostics=none', '.'];
  const { stdout } = spawnSync(process.execPath, [biome, ...args], { cwd: root, encoding: 'utf8' });
  lines = stdout.split('\n').filter((line) => line !== '');
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the linter says about that file. */
function said(path: string): string {
  expect(Object.keys(FILES)).toContain(path);
  return lines.filter((line) => line.includes(`/${path},`)).join('\n');
}

test.each(REFUSED.map(([expression, message], index) => [expression, message, index] as const))(
  '%s is refused in core, and in core alone',
  (_expression, message, index) => {
    expect(said(`src/core/tpdu/tried-${index}.ts`)).toContain(message);
    expect(said(`src/node/tried-${index}.ts`)).not.toContain('::error');
  },
);

test('Math.random under another name is refused in core', () => {
  expect(said('src/core/renamed.ts')).toContain('Randomness is an argument in core.');
});

test('the rest of Math is welcome in core', () => {
  expect(said('src/core/welcome.ts')).toBe('');
});

test('every message is about one of the files', () => {
  const about = Object.keys(FILES).flatMap((path) => said(path).split('\n'));
  expect(lines.filter((line) => !about.includes(line))).toEqual([]);
});
