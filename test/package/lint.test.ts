/** What the linter refuses in core, tried on a file that does it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { closeLater } from '../support/life.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the linter says about a file of this content in that folder. */
function lint(folder: string, text: string): string {
  const root = mkdtempSync(join(tmpdir(), 'cotp-lint-'));
  closeLater(() => rmSync(root, { recursive: true, force: true }));
  execFileSync('git', ['init', '--quiet'], { cwd: root });
  for (const path of ['biome.json', '.gitignore', 'scripts/no-math-random.grit']) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, 'tried.ts'), text);
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--reporter=github', '--error-on-warnings', '.'];
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).stdout;
}

test.each([
  ['Math.random()', 'Randomness is an argument in core.'],
  ["Math['random']()", 'Randomness is an argument in core.'],
  ['crypto.getRandomValues(new Uint8Array(1))', 'crypto'],
  ['Date.now()', 'Date'],
  ['new Date()', 'Date'],
  ['performance.now()', 'performance'],
  ['globalThis.Date', 'globalThis'],
  ['setTimeout(() => {}, 1)', 'setTimeout'],
  ['setInterval(() => {}, 1)', 'setInterval'],
])('%s is refused in core, and in core alone', (expression, message) => {
  const text = `export const tried: unknown = ${expression};\n`;
  expect(lint('src/core/tpdu', text)).toContain(message);
  expect(lint('src/node', text)).not.toContain('::error');
});

test('Math.random under another name is refused in core', () => {
  const text = 'const { random } = Math;\nexport const tried: number = random();\n';
  expect(lint('src/core', text)).toContain('Randomness is an argument in core.');
});

test('the rest of Math is welcome in core', () => {
  expect(lint('src/core', 'export const tried: number = Math.min(1, 2);\n')).toBe('');
});
