/**
 * What a command has of the world outside: three streams, the environment and the wish to stop. A
 * command takes an {@link Io} and gives an exit code, so it runs in a test without a process.
 *
 * - `io.stdout.line('text')` for a line, `await io.stdout.write(octets)` for data: it resolves when
 *   there is room again. Neither ever throws. `output.ts` says what a slow reader costs.
 * - A closed pipe (`| head -1`) aborts `io.signal` with a `Stop` of exit code 0, a full disk with one
 *   of exit code 1 and a sentence; Ctrl-C with one of 130. A command listens to `io.signal`, closes
 *   its connections, and returns: the frame then takes the exit code of the `Stop`. From then on an
 *   output whose reader takes nothing is given up after a second.
 * - `io.stdout.colours` colours only where it may: on a terminal, unless `NO_COLOR` says no.
 */
import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import { EXIT, Stop } from './exit.js';
import { type Environment, Output, type OutputStream } from './output.js';

/** What a command has of the world outside. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  /** Aborted when the command is to stop; the reason is a {@link Stop}. */
  readonly signal: AbortSignal;
}

/** The streams of a process, or what a test has instead. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Environment;
}

/** A command that is to stop waits so many milliseconds for a reader that takes nothing. */
const PATIENCE_WITH_READER = 1_000;

/** Makes an Io; `stop` makes its command stop, the first call counts. */
export function createIo({ stdin, stdout, stderr, env }: Streams): {
  readonly io: Io;
  readonly stop: (reason: Stop) => void;
} {
  const controller = new AbortController();
  // Each connection listens to it, and there are many.
  setMaxListeners(0, controller.signal);
  const stop = (reason: Stop) => {
    if (!controller.signal.aborted) {
      controller.abort(reason);
      io.stdout.giveUpAfter(PATIENCE_WITH_READER);
      io.stderr.giveUpAfter(PATIENCE_WITH_READER);
    }
  };
  const outputFailed = (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED';
    stop(isClosed ? new Stop(EXIT.ok) : new Stop(EXIT.failed, `cannot write: ${error.message}`));
  };
  const io: Io = {
    stdin,
    stdout: new Output(stdout, env, outputFailed),
    // Who closes stderr does not want to hear more; that is no reason to stop.
    stderr: new Output(stderr, env, () => {}),
    env,
    signal: controller.signal,
  };
  return { io, stop };
}
