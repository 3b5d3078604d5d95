/** A program of a page, running in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { closeLater } from '../support/life.js';
import { PATIENT } from '../support/until.js';

/** What has come on one stream, and how much of it was waited for. */
interface Printed {
  text: string;
  read: number;
}

/** It is killed after the test, if it still runs. */
export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  // Two streams, since the order between them is not known.
  readonly #stdout: Printed = { text: '', read: 0 };
  readonly #stderr: Printed = { text: '', read: 0 };
  #wake: () => void = () => {};
  #isOver = false;

  /** Starts a file that Node can run. */
  constructor(file: string, folder: string) {
    const child = spawn(process.execPath, [file], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#keep(child.stdout, this.#stdout);
    this.#keep(child.stderr, this.#stderr);
    this.#ended = once(child, 'close').then(() => {
      this.#isOver = true;
      this.#wake();
    });
    closeLater(async () => {
      child.kill('SIGKILL');
      await this.#ended;
    });
  }

  #keep(stream: Readable, printed: Printed): void {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed.text += text;
      this.#wake();
    });
  }

  /** All that it has printed on stdout, then all that it has printed on stderr. */
  get output(): string {
    return this.#stdout.text + this.#stderr.text;
  }

  /** Waits until it prints this, behind what was waited for on the same stream before. */
  async prints(wanted: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(PATIENT.timeout);
    deadline.addEventListener('abort', () => this.#wake());
    for (;;) {
      for (const printed of [this.#stdout, this.#stderr]) {
        const found = wanted.exec(printed.text.slice(printed.read));
        if (found !== null) {
          printed.read += found.index + found[0].length;
          return found;
        }
      }
      if (this.#isOver || deadline.aborted) {
        throw new Error(`it has not printed ${wanted}; it has printed: ${this.output}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits until it prints an address as Node prints it; returns its port. */
  async port(): Promise<number> {
    return Number((await this.prints(/port: (\d+)/))[1]);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its exit code, or the signal that has ended it. */
  async exit(): Promise<number | string | null> {
    const deadline = AbortSignal.timeout(PATIENT.timeout);
    await Promise.race([this.#ended, once(deadline, 'abort')]);
    if (!this.#isOver) {
      throw new Error(`it has not ended; it has printed: ${this.output}`);
    }
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}
