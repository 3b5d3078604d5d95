/**
 * One case in a process of its own: what a case leaves behind, memory and compiled code, is no part of
 * the next.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Result } from './compare.js';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/** @throws {Error} with what the process said, when it came to no result */
export async function resultAlone(name: string, runs: number, short: boolean): Promise<Result> {
  const args = ['--case', name, '--runs', String(runs), ...(short ? ['--short'] : []), '--json'];
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, failed] = await Promise.all([text(child.stdout), text(child.stderr)]);
  // A ratio that is too low is no failure here: whoever asked judges it.
  if (said === '') {
    throw new Error(`case ${name}: ${failed}`);
  }
  const { results } = JSON.parse(said) as { results: readonly [Result] };
  return results[0];
}
