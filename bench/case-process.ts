/**
 * One case in a process of its own: what a case leaves behind, memory and compiled code, is no part of
 * the next.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/**
 * The report of a process that is asked for this case and nothing else.
 *
 * @throws {Error} with what the process said, when it came to no report
 */
export async function reportAlone<Report>(
  name: string,
  runs: number,
  short: boolean,
): Promise<Report> {
  const args = ['--case', name, '--runs', String(runs), ...(short ? ['--short'] : []), '--json'];
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, failed] = await Promise.all([text(child.stdout), text(child.stderr)]);
  // A ratio that is too low is no failure here: whoever asked judges it.
  if (said === '') {
    throw new Error(`case ${name}: ${failed}`);
  }
  return JSON.parse(said) as Report;
}
