/** The texts that go with the executable: licences, manual page, completions. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { thirdPartyTexts } from '../scripts/sbom.mjs';
import { command } from './command.mjs';
import { EXECUTABLE, ROOT } from './paths.mjs';

/** The shells that have a completion script, and the path that Debian gives it. */
const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/cotp',
  zsh: 'usr/share/zsh/vendor-completions/_cotp',
  fish: 'usr/share/fish/vendor_completions.d/cotp.fish',
};

/** Between the licences of the packages in the command and of those in the page of the inspector. */
const RULER = `\n${'-'.repeat(72)}\n\n`;

/** Where the licence of Node may be, from the folder of its executable. */
const NODE_LICENCES = [
  '../LICENSE', // the archives of nodejs.org
  '../share/doc/nodejs/LICENSE', // the packages of NodeSource
  '../share/doc/node/LICENSE',
];

/** The licence of the Node in the executable, and of everything that Node contains. */
export async function nodeLicence() {
  const { NODE_LICENSE } = process.env;
  const folder = dirname(process.execPath);
  const places =
    NODE_LICENSE === undefined ? NODE_LICENCES.map((path) => join(folder, path)) : [NODE_LICENSE];
  for (const path of places) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.includes('Copyright Node.js contributors')) {
      return text;
    }
  }
  throw new Error(
    `the licence of Node is in none of ${places.join(', ')}: set NODE_LICENSE to the file`,
  );
}

/** All documents: the licence of cotp, of the packages in the command and of Node; the manual page; completions. */
export async function documents() {
  const read = (path) => readFile(join(ROOT, path), 'utf8');
  const completions = Object.entries(COMPLETIONS).map(async ([shell, path]) => {
    const script = await command(EXECUTABLE, ['completion', shell]);
    return { path, script: script.toString() };
  });
  return {
    licence: await read('LICENSE'),
    packages: (await thirdPartyTexts()).join(RULER),
    node: await nodeLicence(),
    manual: await read('man/cotp.1'),
    changes: await read('CHANGELOG.md'),
    completions: await Promise.all(completions),
  };
}
