/**
 * What a command has of the world outside: three streams, the environment and the wish to stop. A
 * command takes an {@link Io} and gives an exit code, so it runs in a test without a process.
 *
 * - `io.stdout.line('text')` for a line, `await io.stdout.write(octets)` for data: it resolves when
 *   there is room again. Neither ever throws.
 * - A closed pipe (`| head -1`) aborts `io.signal` with a `Stop` of exit code 0, a full disk with one
 *   of exit code 1 and a sentence; Ctrl-C with one of 130. A command listens to `io.signal`, closes
 *   its connections, and returns: the frame then takes the exit code of the `Stop`.
 * - `io.stdout.colours` colours only where it may: on a terminal, unless `NO_COLOR` says no.
 */
import type { Readable, Writable } from 'node:stream';
import pico from 'picocolors';
import { EXIT, Stop } from './exit.js';

export type Colours = ReturnType<typeof pico.createColors>;

/** The variables of the environment that are looked at. */
export interface Environment {
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
  /** The locale: the first of these that is set. */
  readonly LC_ALL?: string | undefined;
  readonly LC_CTYPE?: string | undefined;
  readonly LANG?: string | undefined;
}

/** A stream as a process has it; `isTTY` and `columns` are there on a terminal only. */
type MaybeTerminal = { readonly isTTY?: boolean; readonly columns?: number };

/** What a command has of the world outside. */
export interface Io {
  readonly stdin: Readable & MaybeTerminal;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  /** Aborted when the command is to stop; the reason is a {@link Stop}. */
  readonly signal: AbortSignal;
}

/** One of the two streams that a command writes to. */
export class Output {
  readonly isTTY: boolean;
  readonly colours: Colours;
  /** Where it is one; where the locale names other characters, some of UTF-8 would be controls. */
  readonly terminal: { readonly takesUtf8: boolean } | undefined;
  /** The stream itself, for libraries that draw on it. */
  readonly stream: Writable & MaybeTerminal;
  #failed = false;

  /** @param onError called once, when the stream takes nothing more */
  constructor(
    stream: Writable & MaybeTerminal,
    env: Environment,
    onError: (error: NodeJS.ErrnoException) => void,
  ) {
    this.stream = stream;
    this.isTTY = stream.isTTY === true;
    const takesUtf8 = !/\.(?!utf-?8)/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '');
    this.terminal = this.isTTY ? { takesUtf8 } : undefined;
    this.colours = pico.createColors(this.isTTY && !env.NO_COLOR && env.TERM !== 'dumb');
    stream.on('error', (error) => {
      if (!this.#failed) {
        this.#failed = true;
        onError(error);
      }
    });
  }

  /** Columns of the terminal, 80 where there is none. */
  get columns(): number {
    return this.stream.columns ?? 80;
  }

  /** Writes a line of text. */
  line(text = ''): void {
    void this.write(`${text}\n`);
  }

  /** Writes; resolves when there is room for more. */
  write(data: string | Uint8Array): Promise<void> {
    if (this.#failed || this.stream.destroyed || data.length === 0) {
      return Promise.resolve();
    }
    if (this.stream.write(data)) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const settled = () => {
        this.stream.off('drain', settled).off('close', settled).off('error', settled);
        resolve();
      };
      this.stream.on('drain', settled).on('close', settled).on('error', settled);
    });
  }

  /** Resolves when everything written has left this process, or never will. */
  flush(): Promise<void> {
    if (this.#failed || this.stream.destroyed) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.stream.once('error', () => resolve());
      this.stream.write('', () => resolve());
    });
  }
}

/** The streams of a process, or what a test has instead. */
export interface Streams {
  readonly stdin: Readable & MaybeTerminal;
  readonly stdout: Writable & MaybeTerminal;
  readonly stderr: Writable & MaybeTerminal;
  readonly env: Environment;
}

/** Makes an Io; `stop` makes its command stop, the first call counts. */
export function createIo({ stdin, stdout, stderr, env }: Streams): {
  readonly io: Io;
  readonly stop: (reason: Stop) => void;
} {
  const controller = new AbortController();
  const stop = (reason: Stop) => {
    if (!controller.signal.aborted) {
      controller.abort(reason);
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
