/**
 * One of the two streams that a command writes to. It has the stream to itself: one listener, one
 * queue, and so many octets in it at most, however slow the reader is.
 *
 * - Data waits: `await write(…)` and `await text(…)` resolve when there is room again, and who produces
 *   data awaits them.
 * - What happens by itself does not wait for its reader: `line(…)` and `post(…)` are left out once
 *   {@link MOST_WAITING} octets wait, and the reader learns how many were.
 * - After {@link Output.giveUpAfter} a reader that takes nothing holds nobody up.
 */
import type { Writable } from 'node:stream';
import { type Colours, markedColours, terminalText } from './terminal-text.js';

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
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Octets that may wait for the reader before lines are left out. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What tells the reader that so many lines were left out. */
export type LeftOut = (lines: number) => string;

const leftOutInWords: LeftOut = (lines) =>
  `… ${lines} ${lines === 1 ? 'line was' : 'lines were'} left out: the reader of this output is too slow\n`;

/** An output of a command. Nothing of it ever throws or rejects. */
export class Output {
  readonly isTTY: boolean;
  readonly colours: Colours;
  /** Where it is one; where the locale names other characters, some of UTF-8 would be controls. */
  readonly terminal: { readonly takesUtf8: boolean } | undefined;
  /** The stream itself, for libraries that draw on it. */
  readonly stream: OutputStream;
  readonly #takesUtf8: boolean;
  /** The stream has not failed, and is not given up. */
  #isAlive = true;
  /** The stream asked to wait for its event `drain`. */
  #isFull = false;
  #queue: (string | Uint8Array)[] = [];
  /** Octets in the queue; of a text its characters, which is near enough. */
  #queued = 0;
  #leftOut = 0;
  #tellLeftOut: LeftOut = leftOutInWords;
  /** Who waits for room, or for the end of the output. */
  #waiting: (() => void)[] = [];
  #flushing = 0;
  #patience: number | undefined;
  #patienceTimer: NodeJS.Timeout | undefined;

  /** @param onError called once, when the stream takes nothing more */
  constructor(
    stream: OutputStream,
    env: Environment,
    onError: (error: NodeJS.ErrnoException) => void,
  ) {
    this.stream = stream;
    this.isTTY = stream.isTTY === true;
    const takesUtf8 = !/\.(?!utf-?8)/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '');
    this.terminal = this.isTTY ? { takesUtf8 } : undefined;
    this.#takesUtf8 = takesUtf8 || !this.isTTY;
    this.colours = markedColours(this.isTTY && !env.NO_COLOR && env.TERM !== 'dumb');
    stream.on('drain', () => this.#onDrain());
    stream.on('close', () => this.#end());
    stream.on('error', (error) => {
      if (this.#isAlive) {
        this.#end();
        onError(error);
      }
    });
  }

  /** Columns of the terminal, 80 where there is none. */
  get columns(): number {
    return this.stream.columns ?? 80;
  }

  /** Octets that wait for the reader. */
  get buffered(): number {
    return this.#queued + this.stream.writableLength;
  }

  /** Who produces data need not wait for the reader. */
  get hasRoom(): boolean {
    return !this.#isFull || !this.#isAlive;
  }

  /** Writes a line of text; may be left out while the reader is too slow. */
  line(text = ''): void {
    this.#offer(`${terminalText(text, false, this.#takesUtf8)}\n`, leftOutInWords);
  }

  /** Writes data that may be left out while the reader is too slow; it learns how much was. */
  post(data: string, leftOut: LeftOut): void {
    this.#offer(data, leftOut);
  }

  /** Writes text, which may have several lines; resolves when there is room for more. */
  text(text: string): Promise<void> {
    return this.write(terminalText(text, true, this.#takesUtf8));
  }

  /** Writes data as it is; resolves when there is room for more. */
  write(data: string | Uint8Array): Promise<void> {
    this.#put(data);
    return this.ready();
  }

  /** Resolves when there is room for more. */
  ready(): Promise<void> {
    if (!this.#isFull || !this.#isAlive) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Resolves when everything written has left this process, or never will. */
  async flush(): Promise<void> {
    this.#flushing += 1;
    this.#watchReader();
    while (this.#isAlive && this.#isFull) {
      await this.ready();
    }
    if (this.#isAlive && !this.stream.destroyed) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.stream.write('', () => resolve());
      });
    }
    this.#flushing -= 1;
    this.#watchReader();
  }

  /** From now on a reader that leaves octets waiting for so many milliseconds gets no more. */
  giveUpAfter(milliseconds: number): void {
    this.#patience ??= milliseconds;
    this.#watchReader();
  }

  #offer(data: string, leftOut: LeftOut): void {
    if (this.buffered + data.length > MOST_WAITING) {
      this.#leftOut += 1;
      this.#tellLeftOut = leftOut;
    } else {
      this.#put(data);
    }
  }

  #put(data: string | Uint8Array): void {
    if (!this.#isAlive || this.stream.destroyed || data.length === 0) {
      return;
    }
    if (this.#isFull) {
      this.#queue.push(data);
      this.#queued += data.length;
    } else {
      this.#isFull = !this.stream.write(data);
      this.#watchReader();
    }
  }

  /** Everything that waits goes out in one write, so that a long queue costs no more than a short one. */
  #onDrain(): void {
    if (!this.#isAlive) {
      return;
    }
    const queue = this.#queue;
    if (this.#leftOut > 0) {
      queue.push(this.#tellLeftOut(this.#leftOut));
    }
    this.#queue = [];
    this.#queued = 0;
    this.#leftOut = 0;
    this.#isFull = queue.length > 0 && !this.stream.write(joined(queue));
    if (!this.#isFull) {
      this.#release();
    }
    clearTimeout(this.#patienceTimer);
    this.#patienceTimer = undefined;
    this.#watchReader();
  }

  #watchReader(): void {
    const isBusy = this.#isAlive && (this.#isFull || this.#flushing > 0);
    if (!isBusy) {
      clearTimeout(this.#patienceTimer);
      this.#patienceTimer = undefined;
    } else if (this.#patience !== undefined) {
      this.#patienceTimer ??= setTimeout(() => this.#end(), this.#patience);
    }
  }

  /** Nothing more is written, and nobody waits for that. */
  #end(): void {
    this.#isAlive = false;
    this.#queue = [];
    this.#queued = 0;
    this.#release();
    this.#watchReader();
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }
}

function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  return parts.every((part) => typeof part === 'string')
    ? parts.join('')
    : Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}
