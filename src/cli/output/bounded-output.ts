/**
 * Writes to stdout, stderr or the stdin of a program, with a bounded queue. Each output is the only writer of
 * its stream.
 *
 * - Data is never dropped: `await write(…)` and `await text(…)` resolve when the output has room, and the
 *   caller must await them.
 * - Reports are dropped for a slow reader: `line(…)` and `post(…)` are dropped while {@link MAX_QUEUED}
 *   octets are queued. Later the reader gets a line with the number of dropped lines.
 * - After {@link BoundedOutput.abandonAfter} a reader that does not read is abandoned.
 */
import type { Writable } from 'node:stream';
import { folded, linesFolded } from './fold.js';
import { type Colours, markedColours, terminalText } from './terminal-text.js';

/** The environment variables that are used. */
export interface Environment {
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
  /** The locale: the first of the three that is set. */
  readonly LC_ALL?: string | undefined;
  readonly LC_CTYPE?: string | undefined;
  readonly LANG?: string | undefined;
}

/** A stream of the process. Only a terminal has `isTTY` and `columns`. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Columns without a terminal, and of a terminal that does not know its width: a serial console says 0. */
const USUAL_COLUMNS = 80;

/** Lines are folded to no fewer columns: below that there is room for hardly a word. */
const LEAST_COLUMNS = 20;

/** Lines are dropped while more octets than this are queued. */
const MAX_QUEUED = 4 * 1024 * 1024;

/** A line for which there is less room than this is not made. */
const LONGEST_LINE = 1024;

/** Formats the line that reports the number of dropped lines. */
export type DroppedNotice = (lines: number) => string;

const droppedInWords: DroppedNotice = (lines) =>
  `… ${lines} ${lines === 1 ? 'line was' : 'lines were'} left out: the reader of this output is too slow\n`;

/** An output of a command. Its methods neither throw nor reject. */
export class BoundedOutput {
  readonly isTTY: boolean;
  readonly colours: Colours;
  /** Present on a terminal. In a locale without UTF-8, some octets of UTF-8 would be control characters. */
  readonly terminal: { readonly takesUtf8: boolean } | undefined;
  /** The stream itself, for the progress bar. */
  readonly stream: OutputStream;
  readonly #takesUtf8: boolean;
  /** False once the stream has failed, was closed or was abandoned. */
  #isAlive = true;
  /** `stream.write` returned false; the event `drain` has not come yet. */
  #isFull = false;
  #queue: (string | Uint8Array)[] = [];
  /** Octets in the queue. A character of text counts as one octet. */
  #queued = 0;
  #dropped = 0;
  #droppedNotice: DroppedNotice = droppedInWords;
  /** Resolve functions of callers that wait for room or for the end of the output. */
  #waiting: (() => void)[] = [];
  #flushing = 0;
  #readerTimeout: number | undefined;
  #readerTimeoutTimer: NodeJS.Timeout | undefined;

  /** @param onError called once when the stream fails */
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

  /** Width of the terminal in columns, as lines are folded to it. */
  get columns(): number {
    return Math.max(LEAST_COLUMNS, this.stream.columns || USUAL_COLUMNS);
  }

  /** Octets that are queued here or in the stream. */
  get buffered(): number {
    return this.#queued + this.stream.writableLength;
  }

  /** False while {@link ready} would wait. */
  get hasRoom(): boolean {
    return !this.#isFull || !this.#isAlive;
  }

  /** Writes a line of text; drops it if the reader is too slow. */
  line(text = ''): void {
    this.#offer(this.#lineOf(text), droppedInWords);
  }

  /**
   * Drops a line that need not even be made, because the reader is too slow.
   *
   * @returns whether it was dropped; if not, {@link BoundedOutput.line} writes it
   */
  dropLine(): boolean {
    const isBehind = this.buffered >= MAX_QUEUED - LONGEST_LINE;
    if (isBehind) {
      this.#drop(droppedInWords);
    }
    return isBehind;
  }

  /** Writes a line of text; resolves when the output has room. */
  textLine(text: string): Promise<void> {
    return this.write(this.#lineOf(text));
  }

  /** Writes data; drops it if the reader is too slow, and later writes `notice` in its place. */
  post(data: string, notice: DroppedNotice): void {
    this.#offer(data, notice);
  }

  /** Writes text of one or more lines; resolves when the output has room. */
  text(text: string): Promise<void> {
    const clean = terminalText(text, true, this.#takesUtf8);
    return this.write(this.isTTY ? linesFolded(clean, this.columns) : clean);
  }

  /** Writes data unchanged; resolves when the output has room. */
  write(data: string | Uint8Array): Promise<void> {
    this.#put(data);
    return this.ready();
  }

  /** Resolves when the output has room, or has ended. */
  ready(): Promise<void> {
    if (!this.#isFull || !this.#isAlive) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Resolves when all data has left this process, or the output has ended. */
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

  /** From now on, ends the output if the reader reads nothing for this many milliseconds. */
  abandonAfter(milliseconds: number): void {
    this.#readerTimeout ??= milliseconds;
    this.#watchReader();
  }

  /** A line as it is written: on a terminal it is folded. */
  #lineOf(text: string): string {
    const clean = terminalText(text, false, this.#takesUtf8);
    return `${this.isTTY ? folded(clean, this.columns) : clean}\n`;
  }

  #offer(data: string, notice: DroppedNotice): void {
    if (this.buffered + data.length > MAX_QUEUED) {
      this.#drop(notice);
    } else {
      this.#put(data);
    }
  }

  #drop(notice: DroppedNotice): void {
    this.#dropped += 1;
    this.#droppedNotice = notice;
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

  /** Writes the whole queue at once, so that the cost does not grow with its length. */
  #onDrain(): void {
    if (!this.#isAlive) {
      return;
    }
    const queue = this.#queue;
    if (this.#dropped > 0) {
      queue.push(this.#droppedNotice(this.#dropped));
    }
    this.#queue = [];
    this.#queued = 0;
    this.#dropped = 0;
    this.#isFull = queue.length > 0 && !this.stream.write(joined(queue));
    if (!this.#isFull) {
      this.#release();
    }
    clearTimeout(this.#readerTimeoutTimer);
    this.#readerTimeoutTimer = undefined;
    this.#watchReader();
  }

  #watchReader(): void {
    const isBusy = this.#isAlive && (this.#isFull || this.#flushing > 0);
    if (!isBusy) {
      clearTimeout(this.#readerTimeoutTimer);
      this.#readerTimeoutTimer = undefined;
    } else if (this.#readerTimeout !== undefined) {
      this.#readerTimeoutTimer ??= setTimeout(() => this.#end(), this.#readerTimeout);
    }
  }

  /** Drops the queue and resolves all waiting callers; later writes have no effect. */
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
