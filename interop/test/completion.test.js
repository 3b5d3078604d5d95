/** The completion scripts, loaded by bash, zsh and fish, and tried with Tab. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LIMIT } from './support.js';
import { Terminal } from './terminal.js';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What is typed before Tab, and the line that is there then; one word alone can follow. */
const COMPLETED = [
  ['cotp ins', 'cotp inspect'],
  ['cotp help pro', 'cotp help pro'],
  ['cotp --ver', 'cotp --version'],
  ['cotp inspect pla', 'cotp inspect plant.pcapng'],
  ['cotp decode pla', 'cotp decode plant.pcapng'],
  ['cotp proxy 1102 h --pcap pla', 'cotp proxy 1102 h --pcap plant.pcapng'],
  ['cotp completion z', 'cotp completion zsh'],
  ['cotp 10.0.0.5 --rang', 'cotp 10.0.0.5 --range'],
  ['cotp connect h --size-offer dep', 'cotp connect h --size-offer deployed'],
  ['cotp connect h --verb', 'cotp connect h --verbose'],
  ['cotp proxy 1102 h --u', 'cotp proxy 1102 h --ui'],
];

const notInstalled = (shell) =>
  spawnSync(shell, ['-c', 'true']).error === undefined
    ? false
    : `${shell} is not installed: apt-get install ${shell}`;

describe('the completion scripts', () => {
  let folder;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cotp-completion-'));
    await symlink(COTP, join(folder, 'cotp'));
    await writeFile(join(folder, 'plant.pcapng'), '');
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = execFileSync(process.execPath, [COTP, 'completion', shell]);
      await writeFile(join(folder, shell === 'zsh' ? '_cotp' : `cotp.${shell}`), script);
    }
    await writeFile(join(folder, '.bashrc'), `cd ${folder}; source ./cotp.bash; PS1='$ '\n`);
    const zshrc = [
      'cd',
      folder,
      '; fpath=(',
      folder,
      '$fpath); autoload -Uz compinit; compinit -u -D',
    ];
    await writeFile(join(folder, '.zshrc'), `${zshrc.join(' ')}\nPS1='$ '\n`);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const SHELLS = {
    bash: () => `bash --rcfile ${join(folder, '.bashrc')}`,
    zsh: () => `env ZDOTDIR=${folder} zsh`,
  };
  for (const [shell, start] of Object.entries(SHELLS)) {
    test(`${shell} completes on Tab`, { ...LIMIT, skip: notInstalled(shell) }, async () => {
      const terminal = await Terminal.open(join(folder, `${shell}.sock`), folder, start());
      try {
        for (const [typed, line] of COMPLETED) {
          await terminal.press('C-l');
          await terminal.enter(typed);
          await terminal.press('Tab');
          await terminal.shows(new RegExp(`^\\$ ${line.replace(/[.]/g, '\\.')} ?$`, 'm'));
          await terminal.press('C-u');
        }
      } finally {
        await terminal.close();
      }
    });
  }

  test('fish completes', { ...LIMIT, skip: notInstalled('fish') }, () => {
    for (const [typed, line] of COMPLETED) {
      const ask = `source ./cotp.fish; complete -C '${typed}'`;
      const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, HOME: folder } };
      const offered = execFileSync('fish', ['--no-config', '-c', ask], options)
        .split('\n')
        .filter(Boolean)
        .map((each) => each.split('\t')[0]);
      const wanted = line.split(' ').at(-1);
      assert.ok(offered.length > 0, `something is offered for ${typed}`);
      assert.ok(
        offered.every((word) => word.startsWith(wanted)),
        `${typed}: ${offered} begin with ${wanted}`,
      );
    }
  });
});
