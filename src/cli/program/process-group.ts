/**
 * Runs a shell command in its own process group, so that the program and all its children can be ended.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '../exit.js';

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

const HAS_GROUPS = process.platform !== 'win32';

/** The signals that end a group, and the milliseconds to wait after each. */
const SIGNALS: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGTERM', 2_000],
  ['SIGKILL', 1_000],
];

/** Milliseconds between two checks of the group: the system reports the end of a direct child only. */
const POLL_INTERVAL = 50;

/** Hints on what to try, by the code of the error. */
const HINTS: Readonly<Record<string, string>> = {
  EMFILE: ': lower --max-programs, or allow more open files (ulimit -n)',
  ENFILE: ': the system has no free file descriptor',
  EAGAIN: ': lower --max-programs, or allow more processes (ulimit -u)',
  ENOMEM: ': lower --max-programs',
};

/** Groups that have not ended. They are killed when this process exits. */
const running = new Set<ProcessGroup>();

function killAll(): void {
  for (const group of running) {
    group.kill('SIGKILL');
  }
}

/** A running program and its children. */
export class ProcessGroup {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves when the program has ended; its children may still run. Never rejects. */
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
   * Starts a shell command.
   *
   * @throws CommandError if the system cannot start it (`EAGAIN`, `EMFILE` …)
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
        // If the system cannot create the pipes, the child has no streams and only this event comes.
        child.on('error', failed);
        child.once('spawn', () => {
          resolve(new ProcessGroup(child, child.pid as number, exited));
        });
      } catch (error) {
        failed(error as NodeJS.ErrnoException);
      }
    });
  }

  /** True while a process of the group runs. */
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

  /** Sends a signal to every process of the group. */
  kill(signal: NodeJS.Signals): void {
    try {
      if (HAS_GROUPS) {
        process.kill(-this.#pid, signal);
      } else {
        this.#child.kill(signal);
      }
    } catch {
      // The group has already ended.
    }
  }

  /**
   * Waits `grace` milliseconds for the group to end, then sends SIGTERM, then SIGKILL. Resolves when the
   * group has ended, or one second after SIGKILL. Later calls have no effect. Never rejects.
   */
  end(grace: number): Promise<void> {
    this.#ending ??= this.#end(grace);
    return this.#ending;
  }

  async #end(grace: number): Promise<void> {
    let hasEnded = await this.#endsWithin(grace);
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
      await sleep(POLL_INTERVAL);
    }
    return true;
  }
}
