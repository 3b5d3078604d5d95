/** The completion scripts and the manual page, which are written from the table of commands. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-line/command-line.js';
import { completionScript, SHELLS } from '../../src/cli/command-line/completion-scripts.js';
import { manPage } from '../../src/cli/command-line/man-page.js';
import { longFlag } from '../../src/cli/options/option.js';
import { cotp } from './support.js';

const PAGE = fileURLToPath(new URL('../../man/cotp.1', import.meta.url));

function isInstalled(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { input: '' }).error === undefined;
}

/** The shells of this machine. */
const installed = SHELLS.filter((shell) => isInstalled(shell, '-c', 'true'));

const flags = COMMANDS.flatMap(({ options }) => Object.values(options).map(longFlag));

describe.each(SHELLS)('cotp completion %s', (shell) => {
  test('prints the script', async () => {
    const { code, stdout, stderr } = await cotp(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(completionScript(shell, COMMANDS));
  });

  test('knows every command and every option', () => {
    const script = completionScript(shell, COMMANDS);
    for (const { name } of COMMANDS) {
      expect(script).toContain(name);
    }
    for (const flag of flags) {
      expect(script).toContain(shell === 'fish' ? `-l ${flag.slice(2)} ` : flag);
    }
  });
});

test.each(installed)('%s accepts the syntax of its script', async (shell) => {
  // fish reads no script from a pipe with -n.
  const folder = await mkdtemp(join(tmpdir(), 'cotp-completion-'));
  const file = join(folder, shell);
  await writeFile(file, completionScript(shell, COMMANDS));
  const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
  await rm(folder, { recursive: true });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('another shell is a wrong call', async () => {
  const { code, stderr } = await cotp(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^cotp completion: the shell must be bash or zsh or fish, not "tcsh"\n/);
});

describe.runIf(installed.includes('bash'))('bash completes', () => {
  /** What is offered for the last word. */
  const offered = (...words: readonly string[]): string[] => {
    const line = ['cotp', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _cotp 2>/dev/null; echo "\${COMPREPLY[*]}"`;
    const { stdout } = spawnSync('bash', ['-c', `${completionScript('bash', COMMANDS)}${ask}`], {
      encoding: 'utf8',
    });
    return stdout.split(/\s+/).filter(Boolean);
  };

  test.each([
    [['p'], ['probe', 'proxy']],
    [
      ['probe', '--t'],
      ['--tsel', '--timeout', '--tls', '--tls-ca', '--tls-cert', '--tls-key', '--tls-insecure'],
    ],
    [['connect', 'host', '--ver'], ['--verbose']],
    [['connect', '--size', ''], []],
    [['help', 'li'], ['listen']],
    [['completion', 'z'], ['zsh']],
    [['10.0.0.5', '--ra'], ['--range']],
    [['connect', '--size-offer', 'de'], ['deployed']],
    [['connect', ''], []],
  ] as const)('%j', (words, wanted) => {
    expect(offered(...words)).toEqual(expect.arrayContaining([...wanted]));
    expect(offered(...words).every((word) => word.startsWith(words.at(-1) ?? ''))).toBe(true);
    expect(offered(...words).length === 0).toBe(wanted.length === 0);
  });
});

describe('the manual page', () => {
  test('is that of the table of commands: npm run docs:man writes it', async () => {
    const root = new URL('../../', import.meta.url);
    const { version, man } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
      version: string;
      man: string;
    };
    expect(fileURLToPath(new URL(man, root))).toBe(PAGE);
    expect(await readFile(PAGE, 'utf8')).toBe(manPage(version));
  });

  test('names every option with its hyphens', () => {
    for (const flag of flags) {
      expect(manPage('1.2.3')).toContain(flag.replaceAll('-', '\\-'));
    }
  });

  test.runIf(isInstalled('groff', '--version'))('has no warning of groff', () => {
    const { status, stderr } = spawnSync('groff', ['-man', '-ww', '-z', PAGE], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
