/**
 * Runs one case in its own process, so that memory and compiled code of one case do not affect the next.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/**
 * Runs a case in a new process and returns its report.
 *
 * @throws {Error} with the output of the process, if it wrote no report
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
  // A ratio that is too low is no failure here: the caller decides.
  if (said === '') {
    throw new Error(`case ${name}: ${failed}`);
  }
  return JSON.parse(said) as Report;
}
