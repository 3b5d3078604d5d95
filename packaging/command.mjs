/** Runs the programs that make the packages. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/**
 * Runs a program and returns what it wrote on stdout. It throws with what the program wrote on stderr if the program
 * fails, and with the Debian package to install if the program does not exist.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, from?: string, input?: Uint8Array }} [options]
 * `from` is the Debian package that has the program.
 */
export async function command(file, args, { cwd, env, from = file, input } = {}) {
  const child = spawn(file, args, { cwd, env });
  const spawned = once(child, 'spawn').catch((error) => {
    const hint = error.code === 'ENOENT' ? `; it is in the Debian package ${from}` : '';
    throw new Error(`${file} cannot be started: ${error.message}${hint}`);
  });
  const closed = once(child, 'close').catch(() => []);
  await spawned;
  child.stdin.on('error', () => {}); // The program ended before it had read everything: its exit code counts.
  child.stdin.end(input);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    closed,
  ]);
  if (code !== 0) {
    const ending = signal ?? `exit code ${code}`;
    throw new Error(`${file} ${args.join(' ')} failed with ${ending}:\n${stderr}${stdout}`);
  }
  return stdout;
}
