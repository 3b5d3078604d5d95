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

/** Once it was asked to stop it ends after so many milliseconds, whatever has not closed by then. */
const MOST_TIME_TO_STOP = 6_000;

/** Node writes to a terminal synchronously, so a stopped one (Ctrl-S) would stop the whole process. */
function writeWithoutBlocking(stream: { readonly isTTY?: boolean }): void {
  const { _handle: handle } = stream as {
    _handle?: { setBlocking?: (isBlocking: boolean) => void };
  };
  if (stream.isTTY === true && process.platform !== 'win32') {
    handle?.setBlocking?.(false);
  }
}

writeWithoutBlocking(process.stdout);
writeWithoutBlocking(process.stderr);
const { io, stop } = createIo(process);
for (const [signal, exitCode] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    if (io.signal.aborted) {
      // A second signal: whatever is still closing is left as it is.
      process.exit(exitCode);
    }
    stop(new Stop(exitCode));
    setTimeout(() => process.exit(exitCode), MOST_TIME_TO_STOP);
  });
}

const exitCode = await run(process.argv.slice(2), version, io);
await Promise.all([io.stdout.flush(), io.stderr.flush()]);
// A stdin that nobody ends would keep the process.
process.exit(exitCode);
