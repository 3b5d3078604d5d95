/**
 * Runs the simulation of simulate/. It takes the place of Node's timers and sockets, so each run is a process of its own.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Compiles it; `npm test` has built the library. */
export async function buildSimulation(): Promise<void> {
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'simulate']);
}

/** What it printed, and how it ended. */
export async function simulate(
  ...args: readonly string[]
): Promise<{ text: string; code: number }> {
  try {
    // A simulation under coverage takes many times as long, and it tells nothing new.
    const env = { ...process.env, NODE_V8_COVERAGE: '' };
    const { stdout } = await run(process.execPath, ['build/simulate/main.js', ...args], { env });
    return { text: stdout, code: 0 };
  } catch (error) {
    const { stdout = '', code = 1 } = error as { stdout?: string; code?: number };
    return { text: stdout, code };
  }
}
