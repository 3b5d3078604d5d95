/**
 * A program of the shell and whatever it starts: a process group, so that all of it can be ended. Knows
 * no connection.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './exit.js';

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

const HAS_GROUPS = process.platform !== 'win32';

/** After each signal the group has so many milliseconds to end before the next one follows. */
const SIGNALS: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGTERM', 2_000],
  ['SIGKILL', 1_000],
];

/** The system reports the end of our child only, so the others are looked for this often. */
const LOOK_EVERY = 50;

/** What to try, by the name of the error. */
const HINTS: Readonly<Record<string, string>> = {
  EMFILE: ': fewer --max-programs, or more open files (ulimit -n), may help',
  ENFILE: ': the system has no file descriptor left',
  EAGAIN: ': fewer --max-programs, or more processes (ulimit -u), may help',
  ENOMEM: ': fewer --max-programs may help',
};

/** Groups that have not ended; none outlives this process. */
const running = new Set<ProcessGroup>();

function killAll(): void {
  for (const group of running) {
    group.kill('SIGKILL');
  }
}

/** A program that was started, and what it started. */
export class ProcessGroup {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves when the program has ended; what it started may go on. Never rejects. */
  readonly exited: Promise<ProgramEnd>;
  readonly #child: Child;
  readonly #pid: number;
  #ending: Promise<void> | undefined;

  private constructor(child: Child, pid: number, exited: Promise<ProgramEnd>) {
    this.#child = child;
    this.#pid = pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.exited = exited;
    if (running.size === 0) {
      process.once('exit', killAll);
    }
    running.add(this);
  }

  /**
   * Starts a command line of the shell.
   *
   * @throws CommandError when the system has no room for it (`EAGAIN`, `EMFILE` …)
   */
  static start(line: string, env: NodeJS.ProcessEnv): Promise<ProcessGroup> {
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        const hint = HINTS[error.code ?? ''] ?? '';
        reject(new CommandError(`the program cannot be started: ${error.message}${hint}`));
      };
      try {
        const child = spawn(line, {
          shell: true,
          detached: HAS_GROUPS,
          stdio: ['pipe', 'pipe', 'inherit'],
          env,
        });
        const exited = new Promise<ProgramEnd>((settle) => {
          child.once('exit', (code, signal) => settle({ code, signal }));
        });
        // Without room for its pipes there are no streams either: only this event comes.
        child.on('error', failed);
        child.once('spawn', () => {
          resolve(new ProcessGroup(child, child.pid as number, exited));
        });
      } catch (error) {
        failed(error as NodeJS.ErrnoException);
      }
    });
  }

  /** Some process of the group has not ended. */
  get isAlive(): boolean {
    if (!HAS_GROUPS) {
      return this.#child.exitCode === null && this.#child.signalCode === null;
    }
    try {
      return process.kill(-this.#pid, 0);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }

  /** Sends a signal to all of the group. */
  kill(signal: NodeJS.Signals): void {
    try {
      if (HAS_GROUPS) {
        process.kill(-this.#pid, signal);
      } else {
        this.#child.kill(signal);
      }
    } catch {
      // It has ended meanwhile.
    }
  }

  /**
   * Ends the group: it has so many milliseconds to end by itself, then come SIGTERM and SIGKILL. Resolves
   * when it has ended, or a moment after SIGKILL. The first call counts. Never rejects.
   */
  end(patience: number): Promise<void> {
    this.#ending ??= this.#end(patience);
    return this.#ending;
  }

  async #end(patience: number): Promise<void> {
    let hasEnded = await this.#endsWithin(patience);
    for (const [signal, time] of SIGNALS) {
      if (!hasEnded) {
        this.kill(signal);
        hasEnded = await this.#endsWithin(time);
      }
    }
    running.delete(this);
    if (running.size === 0) {
      process.off('exit', killAll);
    }
  }

  async #endsWithin(milliseconds: number): Promise<boolean> {
    const until = performance.now() + milliseconds;
    while (this.isAlive) {
      if (performance.now() >= until) {
        return false;
      }
      await sleep(LOOK_EVERY);
    }
    return true;
  }
}
