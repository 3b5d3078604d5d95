#!/usr/bin/env node
/**
 * The `cotp` command as a process: its streams, its signals, its exit code.
 */
import { readFileSync } from 'node:fs';
import { EXIT, Stop } from './exit.js';
import { createIo } from './io.js';
import { run } from './program.js';

/** Exit codes of the signals that ask a process to stop: 128 and the number of the signal. */
const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 } as const;

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const { io, stop } = createIo(process);
for (const [signal, exitCode] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    if (io.signal.aborted) {
      // Asked twice: whatever still closes is left as it is.
      process.exit(exitCode);
    }
    stop(new Stop(exitCode));
  });
}

const exitCode = await run(process.argv.slice(2), version, io);
await Promise.all([io.stdout.flush(), io.stderr.flush()]);
// A stdin that nobody ends would keep the process.
process.exit(exitCode);
