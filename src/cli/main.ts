#!/usr/bin/env node
/**
 * The `cotp` command as a process: its streams, its signals, its exit code.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** A thread that is about to be done is waited for this long, in milliseconds. */
const PATIENCE_WITH_THREADS = 300;

/**
 * Threads of Node are busy: with a name that no server resolves, or a file that does not answer. Node
 * waits for them before it exits.
 */
function hasBusyThreads(): boolean {
  return process
    .getActiveResourcesInfo()
    .some((name) => /^(?:GetAddrInfo|GetNameInfo|FS)Req/.test(name));
}

/** Ends the process at once; shells see the exit code of that signal, 128 and its number. */
function endBySignal(signal: NodeJS.Signals, exitCode: number): void {
  process.emit('exit', exitCode);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function end(exitCode: number): void {
  if (stoppedBy !== undefined && hasBusyThreads()) {
    endBySignal(stoppedBy, exitCode);
  } else {
    process.exit(exitCode);
  }
}

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
let stoppedBy: NodeJS.Signals | undefined;
const { io, stop } = createIo(process);
for (const [signal, exitCode] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    stoppedBy = signal as NodeJS.Signals;
    if (io.signal.aborted) {
      // A second signal: whatever is still closing is left as it is.
      end(exitCode);
    }
    stop(new Stop(exitCode));
    setTimeout(() => end(exitCode), MOST_TIME_TO_STOP);
  });
}

const exitCode = await run(process.argv.slice(2), version, io);
await Promise.all([io.stdout.flush(), io.stderr.flush()]);
if (stoppedBy !== undefined && hasBusyThreads()) {
  await sleep(PATIENCE_WITH_THREADS);
}
// A stdin that nobody ends would keep the process.
end(exitCode);
