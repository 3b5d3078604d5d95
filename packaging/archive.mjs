/** Makes the archive for every Linux: the executable and its documents in one folder. */
import { copyFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { command } from './command.mjs';
import { ARCHIVE, EXECUTABLE, PACKAGES, WORK } from './paths.mjs';
import { normalise, writeTree } from './tree.mjs';

/** What the folder has beside the executable. */
function files({ licence, packages, node, manual, completions }) {
  const scripts = completions.map(({ path, script }) => {
    const name = basename(path) === 'cotp' ? 'cotp.bash' : basename(path);
    return [`completions/${name}`, script];
  });
  return {
    LICENSE: licence,
    'LICENSE-packages.txt': packages,
    'LICENSE-node.txt': node,
    'cotp.1': manual,
    ...Object.fromEntries(scripts),
  };
}

/**
 * Writes the archive.
 *
 * @param {{ level: number, seconds: number }} how the level of xz; the time of all files
 */
export async function makeArchive(documents, { level, seconds }) {
  const parent = join(WORK, 'archive');
  const folder = join(parent, ARCHIVE);
  await rm(parent, { recursive: true, force: true });
  await writeTree(folder, files(documents));
  const executable = join(folder, 'cotp');
  await copyFile(EXECUTABLE, executable);
  await normalise(folder, seconds, [executable]);
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  const form = [
    '--format=ustar',
    '--sort=name',
    ...owner,
    `--use-compress-program=xz -${level} -T0`,
  ];
  await command('tar', [
    '-C',
    parent,
    ...form,
    '-cf',
    join(PACKAGES, `${ARCHIVE}.tar.xz`),
    ARCHIVE,
  ]);
}
