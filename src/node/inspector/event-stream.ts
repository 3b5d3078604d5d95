/**
 * Server-sent events to one browser. It has no queue: it reads the store as fast as the browser takes the rows, and
 * what the store forgets meanwhile is lost to it.
 */
import type { ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { asciiJson } from './row-feed.js';
import type { RowReader } from './row-reader.js';
import type { Hello } from './rows.js';
import type { WritePace } from './write-pace.js';

/** Characters of JSON after which a write takes no further row. */
const MAX_BATCH = 262_144;

/** A comment is sent after this time, so that nothing between the browser and us takes the connection for dead. */
const COMMENT_INTERVAL = 15_000;

/** A browser that has taken nothing for so many intervals is closed. */
const MAX_SILENT_INTERVALS = 4;

/** With an empty line of data: without one, a browser would not report the event. */
const END = 'event: end\ndata:\n\n';

/** One browser. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #reader: RowReader;
  readonly #comments: NodeJS.Timeout;
  readonly #pace: Pick<WritePace, 'interval' | 'pauseAfter'>;
  #timer: NodeJS.Timeout | undefined;
  /** Before this time, in milliseconds of `performance.now`, no rows are written. */
  #pausedUntil = 0;
  /** The browser has not taken what was written. */
  #isFull = false;
  #silentIntervals = 0;
  #isEnding = false;

  /** @param response its header was written */
  constructor(
    response: ServerResponse,
    reader: RowReader,
    hello: Hello,
    pace: Pick<WritePace, 'interval' | 'pauseAfter'>,
  ) {
    this.#response = response;
    this.#reader = reader;
    this.#pace = pace;
    this.#comments = setInterval(() => this.#comment(), COMMENT_INTERVAL).unref();
    response.on('drain', () => {
      this.#isFull = false;
      this.#silentIntervals = 0;
      this.wake();
    });
    response.on('close', () => {
      clearInterval(this.#comments);
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#isFull = true;
    });
    this.#write(`event: hello\ndata: ${asciiJson(hello)}\n\n`);
    this.wake();
  }

  /** There are new rows. */
  wake(): void {
    if (this.#timer === undefined && !this.#isFull) {
      const wait = Math.max(this.#pace.interval, this.#pausedUntil - performance.now());
      this.#timer = setTimeout(() => this.#sendAndPause(), wait).unref();
    }
  }

  /** After the rows that are left, notifies the browser that there are no more. */
  end(): void {
    this.#isEnding = true;
    this.wake();
  }

  /** The same at once, with the rows that fit into one write, and closes the stream. */
  close(): void {
    if (!this.#isFull) {
      clearTimeout(this.#timer);
      this.#isEnding = true;
      this.#send();
      if (this.#isEnding) {
        this.#write(END);
      }
    }
    this.#response.end();
  }

  #sendAndPause(): void {
    const begun = performance.now();
    this.#timer = undefined;
    this.#send();
    // The response gives its octets to the system in a tick of its own, which comes before this one.
    process.nextTick(() => {
      const now = performance.now();
      this.#pausedUntil = now + this.#pace.pauseAfter(now - begun);
      if (this.#reader.hasMore) {
        this.wake();
      }
    });
  }

  #send(): void {
    const batch = this.#reader.next(MAX_BATCH);
    if (batch !== undefined) {
      const { rows, lastSeq } = batch;
      this.#write(`id: ${lastSeq}\nevent: rows\ndata: [${rows.join(',')}]\n\n`);
    }
    if (this.#isEnding && !this.#reader.hasMore) {
      this.#isEnding = false;
      this.#write(END);
    }
  }

  /** @param text in ASCII */
  #write(text: string): void {
    this.#isFull = !this.#response.write(text, 'latin1');
  }

  #comment(): void {
    if (!this.#isFull) {
      this.#write(':\n\n');
      return;
    }
    this.#silentIntervals += 1;
    if (this.#silentIntervals >= MAX_SILENT_INTERVALS) {
      this.#response.destroy();
    }
  }
}
