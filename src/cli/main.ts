#!/usr/bin/env node
/**
 * The `cotp` command as a process: its streams, its signals, its exit code.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './command-line/command-line.js';
import { SIGNALS, Stop } from './exit.js';
import { createIo } from './io.js';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** After a signal the process ends within this many milliseconds, even if something is still open. */
const MAX_TIME_TO_STOP = 6_000;

/** After a signal, busy threads have this many milliseconds to finish. */
const THREAD_TIMEOUT = 300;

/**
 * True while a thread of Node is blocked, for example in a DNS query or a file access that does not
 * return. `process.exit` waits for such threads.
 */
function hasBusyThreads(): boolean {
  return process
    .getActiveResourcesInfo()
    .some((name) => /^(?:GetAddrInfo|GetNameInfo|FS)Req/.test(name));
}

/** Ends the process at once, by the signal itself. A shell reports 128 plus the number of the signal. */
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

/** By default Node writes to a terminal synchronously; Ctrl-S there would block the whole process. */
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
      // A second signal: do not wait for what is still closing.
      end(exitCode);
    }
    stop(new Stop(exitCode));
    setTimeout(() => end(exitCode), MAX_TIME_TO_STOP);
  });
}

const exitCode = await run(process.argv.slice(2), version, io);
await Promise.all([io.stdout.flush(), io.stderr.flush()]);
if (stoppedBy !== undefined && hasBusyThreads()) {
  await sleep(THREAD_TIMEOUT);
}
// An open stdin would keep the process alive.
end(exitCode);
