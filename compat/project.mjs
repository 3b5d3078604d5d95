/** The project of a user: the packed package in an empty folder, and the programs that try it. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This folder, and that of the repository. */
export const HERE = fileURLToPath(new URL('.', import.meta.url));
export const ROOT = join(HERE, '..');

/** Milliseconds that a program may run. */
const TIMEOUT = 300_000;

/** Runs a program to its end and gives what it wrote to stdout. Rejects with all that it wrote if it fails. */
export function run(file, args, cwd, options = {}) {
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd, timeout: TIMEOUT, ...options }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        reject(new Error(`${file} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error }));
      }
    });
  });
}

/** Where a package of this folder is installed. */
export function installed(name, path = '') {
  return join(HERE, 'node_modules', name, path);
}

/** Packs what is built, and installs it beside the programs. */
export async function createProject() {
  const folder = await mkdtemp(join(tmpdir(), 'cotp-compat-'));
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(await run('npm', pack, ROOT));
  const tarball = join(folder, filename);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  const install = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', [...install, tarball], folder);
  await cp(join(HERE, 'programs'), folder, { recursive: true });
  const types = join(folder, 'node_modules/@types');
  await mkdir(types);
  await symlink(installed('@types/node'), join(types, 'node'), 'junction');
  return { folder, tarball, remove: () => rm(folder, { recursive: true, force: true }) };
}
