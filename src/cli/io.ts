/**
 * The streams, environment and stop signal of a command. A command takes an {@link Io} and returns an exit
 * code, so a test can run it without a process.
 *
 * - `io.stdout.line('text')` writes a line. `await io.stdout.write(octets)` writes data and resolves when
 *   the output has room. Neither throws. `bounded-output.ts` describes what happens with a slow reader.
 * - Some events abort `io.signal` with a `Stop`: a closed pipe (`| head -1`) with exit code 0, a full disk
 *   with exit code 1 and a message, Ctrl-C with exit code 130. The command then closes its connections and
 *   returns, and the process exits with the code of the `Stop`. After the abort, an output whose reader does
 *   not read is abandoned after one second.
 * - `io.stdout.colours` adds colours on a terminal only, and none if `NO_COLOR` is set.
 */
import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import { EXIT, Stop } from './exit.js';
import { BoundedOutput, type Environment, type OutputStream } from './output/bounded-output.js';

/** The stdin of the process. Only a terminal has `isTTY`. */
export type Input = Readable & { readonly isTTY?: boolean };

/** The streams, environment and stop signal of a command. */
export interface Io {
  readonly stdin: Input;
  readonly stdout: BoundedOutput;
  readonly stderr: BoundedOutput;
  readonly env: Environment;
  /** Aborted when the command must stop; the reason is a {@link Stop}. */
  readonly signal: AbortSignal;
}

/** The streams of a process, or their replacements in a test. */
export interface Streams {
  readonly stdin: Input;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Environment;
}

/** After the stop, an output whose reader does not read is abandoned after this many milliseconds. */
const READER_TIMEOUT_ON_STOP = 1_000;

/** Creates an {@link Io}. `stop` aborts its signal; only the first call has an effect. */
export function createIo(streams: Streams): {
  readonly io: Io;
  readonly stop: (reason: Stop) => void;
} {
  const { stdout, stderr, env } = streams;
  const controller = new AbortController();
  // Every connection adds a listener: no warning about a leak.
  setMaxListeners(0, controller.signal);
  const stop = (reason: Stop) => {
    if (!controller.signal.aborted) {
      controller.abort(reason);
      io.stdout.abandonAfter(READER_TIMEOUT_ON_STOP);
      io.stderr.abandonAfter(READER_TIMEOUT_ON_STOP);
    }
  };
  const outputFailed = (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED';
    stop(isClosed ? new Stop(EXIT.ok) : new Stop(EXIT.failed, `cannot write: ${error.message}`));
  };
  const io: Io = {
    // Node opens stdin when it is first asked for, which takes time, and most commands do not read it.
    get stdin() {
      return streams.stdin;
    },
    stdout: new BoundedOutput(stdout, env, outputFailed),
    // Closing stderr (`2>&-`) only silences the messages: the command continues.
    stderr: new BoundedOutput(stderr, env, () => {}),
    env,
    signal: controller.signal,
  };
  return { io, stop };
}
