/**
 * Makes the executable: the Node that runs this, stripped, with the command in it.
 * https://nodejs.org/docs/latest-v20.x/api/single-executable-applications.html describes the steps.
 */
import { chmod, copyFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleCommand } from './bundle.mjs';
import { command } from './command.mjs';
import { EXECUTABLE, ROOT, WORK } from './paths.mjs';

/** What writes the file into the executable. */
const POSTJECT = join(ROOT, 'packaging/node_modules/postject/dist/cli.js');

/** Node looks for the command if this string in it ends in 1; the injection changes that. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Throws if the Node that runs this cannot become an executable of its own. */
function checkNode() {
  const found = `${process.platform}-${process.arch}`;
  if (found !== 'linux-x64') {
    throw new Error(`the packages are made on linux-x64, with its Node; this is ${found}`);
  }
  if (process.config.variables.node_shared === true) {
    throw new Error(
      `${process.execPath} keeps most of Node in libnode.so, so it does not run alone: use Node from nodejs.org`,
    );
  }
}

/** What Node runs when it starts as the executable: the command, and a cache of its compiled code. */
async function makeBlob() {
  const main = join(ROOT, 'packaging/start.cjs');
  const source = join(WORK, 'command.bundle');
  const cache = join(WORK, 'command.cache');
  const output = join(WORK, 'cotp.blob');
  const config = join(WORK, 'sea-config.json');
  await writeFile(source, await bundleCommand());
  const warmUp = join(ROOT, 'packaging/cache-code.cjs');
  // A small packet: decoding it runs the parts that every command has.
  await command(process.execPath, [warmUp, source, cache, 'decode', '0300000702f080']);
  const assets = { command: source, cache };
  const options = { disableExperimentalSEAWarning: true, useCodeCache: false, assets };
  await writeFile(config, JSON.stringify({ main, output, ...options }));
  await command(process.execPath, ['--experimental-sea-config', config]);
  return output;
}

/** Writes the executable to {@link EXECUTABLE}; its folder exists. */
export async function makeExecutable() {
  checkNode();
  const blob = await makeBlob();
  await copyFile(process.execPath, EXECUTABLE);
  await chmod(EXECUTABLE, 0o755);
  const { size } = await stat(EXECUTABLE);
  await command('strip', ['--strip-all', EXECUTABLE], { from: 'binutils' });
  // A process of its own, because it warns of sections that strip has left without a name.
  await command(process.execPath, [
    POSTJECT,
    EXECUTABLE,
    'NODE_SEA_BLOB',
    blob,
    '--sentinel-fuse',
    FUSE,
  ]);
  return { node: size, executable: (await stat(EXECUTABLE)).size };
}
