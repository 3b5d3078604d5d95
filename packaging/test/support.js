/** The packages of build/packages, unpacked and run as on a machine without Node. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Nothing of this machine: no folder with programs, no variable of Node. */
const BARE = { PATH: '/nonexistent' };

/** Runs a program to its end, for at most half a minute; never rejects. */
export function run(file, args, { env, cwd, input = '' } = {}) {
  return new Promise((resolve) => {
    const done = (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    const child = execFile(file, args, { env, cwd, timeout: 30_000 }, done);
    child.stdin.on('error', () => {}); // It ended before it had read everything.
    child.stdin.end(input);
  });
}

/** Runs the executable without anything of this machine. */
export const runBare = (file, args, { input, env } = {}) =>
  run(file, args, { input, env: { ...BARE, ...env } });

/** Starts a command that listens; resolves with its address and a function that ends it by a signal. */
export async function startBare(file, args) {
  const child = spawn(file, [...args, '--json'], {
    env: BARE,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const [line] = await once(createInterface(child.stdout), 'line');
  const stop = async () => {
    child.kill('SIGINT');
    const [code] = await closed;
    return code;
  };
  return { address: JSON.parse(line).address, stop };
}

/** A new folder, and what removes it. */
export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'cotp-packages-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
