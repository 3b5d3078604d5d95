/**
 * The common part of all sinks: receives entries, redacts user data if requested, writes records to a file or
 * stream, and closes. Each kind of sink defines the format of its records.
 */
import { Writable } from 'node:stream';
import { TimeoutError } from '../../core/errors.js';
import { readUint } from '../../core/octets/octets.js';
import type { RemoteDesktop, Tpdu } from '../../core/tpdu/types.js';
import { runCallback } from '../callbacks.js';
import { startTimeout } from '../deadline-timer.js';
import {
  callback,
  flag,
  integer,
  type OptionRow,
  optional,
  type Resolved,
  resolveOptions,
  row,
  text,
  wrongType,
} from '../options/rows.js';
import type { TraceEntry, TraceListener } from './entry.js';
import { FileOutput } from './file-output.js';
import type { Output, WrittenFile } from './output.js';
import { StreamOutput } from './stream-output.js';

/** The path of a file, which is overwritten, or a stream, which stays open. */
export type Destination = string | Writable;

/** Options of every sink. Sizes are in octets. */
export interface SinkOptions {
  /**
   * Replaces user data by zeros, and names in remote desktop cookies by `x`. Headers and lengths stay.
   *
   * @defaultValue `false`
   */
  readonly redact?: boolean | undefined;
  /**
   * Before the file exceeds this size, it is renamed and a new one is begun. A TPDU is never split. 4096 to
   * 9007199254740991 octets; default: one file of any size. `trace.pcapng` is renamed to `trace.1.pcapng`, the previous
   * `trace.1.pcapng` to `trace.2.pcapng`, and so on.
   *
   * @defaultValue `9007199254740991`
   */
  readonly maxFileSize?: number | undefined;
  /**
   * Most files, including the current one, 1 to 10000. When there would be more, the oldest is deleted.
   *
   * @defaultValue `10`
   */
  readonly maxFiles?: number | undefined;
  /**
   * Most octets that wait for a slow disk or stream, 65536 to 2147483647. Further TPDUs are not written, and counted in
   * `dropped`. Default 16 MiB.
   *
   * @defaultValue `16777216`
   */
  readonly maxBuffered?: number | undefined;
  /**
   * Called once, when nothing more can be written: the disk is full, a pipe is closed, the stream was destroyed or
   * ended, or the destination accepts nothing while the sink closes. If it throws or rejects, that is ignored.
   * Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** The rows of {@link SinkOptions}. */
export const SINK_OPTIONS = {
  redact: row(flag, false),
  maxFileSize: row(integer(4096, Number.MAX_SAFE_INTEGER, 'octets'), Number.MAX_SAFE_INTEGER),
  maxFiles: row(integer(1, 10_000), 10),
  maxBuffered: row(integer(65_536, 2 ** 31 - 1, 'octets'), 16_777_216),
  onError: optional(callback<(error: Error) => void>()),
} satisfies Record<keyof SinkOptions, OptionRow<unknown>>;

/** Receives a trace and writes it to a file or stream. */
export interface TraceSink extends AsyncDisposable {
  /**
   * For the `trace` option of any number of connections, or to subscribe to the channel `cotp:tpdu`.
   * Never throws.
   */
  readonly trace: TraceListener;
  /** Number of TPDUs that were not written. */
  readonly dropped: number;
  /**
   * Why nothing more can be written; `undefined` while writing works. That a stream was destroyed or ended is noticed
   * at the next TPDU, or by `close`.
   */
  readonly error: Error | undefined;
  /**
   * Resolves when everything is written, at the latest after 5000 milliseconds. If octets still wait then,
   * `error` is set; a stream that recovers later still receives them. Never rejects. TPDUs that arrive after
   * the call are not written.
   */
  close(): Promise<void>;
}

/** What a sink writes for an entry or an event. */
export interface TraceRecord {
  readonly octets: Buffer;
  /** How many packets, or lines, a reader of the file counts in it. */
  readonly packets: number;
}

/** The format that a kind of sink writes. */
export interface Format {
  /** Returns the start of a file. Called once for each file. */
  readonly preamble?: () => Buffer;
  /** Returns the end of a file. `dropped` is the number of TPDUs dropped so far. */
  readonly epilogue?: (dropped: number) => Buffer;
  /**
   * Returns the record of an entry; `undefined` if nothing is to be written.
   *
   * @param octets the octets of the entry, redacted if requested
   * @param makeRoom must be called before the record is created, with its largest possible length
   */
  record(
    entry: TraceEntry,
    octets: Buffer,
    makeRoom: (length: number) => boolean,
  ): TraceRecord | undefined;
  /** Releases what is kept for connections when nothing more is written. Can be called again. */
  readonly release?: () => void;
}

/** A sink that writes records of one format to one destination. */
export class Sink implements TraceSink {
  readonly #format: Format;
  readonly #output: Output;
  readonly #redact: boolean;
  readonly #onError: ((error: Error) => void) | undefined;
  #error: Error | undefined;
  #closed: Promise<void> | undefined;

  /** @param options checked already */
  constructor(destination: unknown, options: Resolved<typeof SINK_OPTIONS>, format: Format) {
    this.#format = format;
    this.#redact = options.redact;
    this.#onError = options.onError;
    const outputOptions = {
      maxBuffered: options.maxBuffered,
      preamble: format.preamble ?? (() => NOTHING),
      epilogue: (dropped: number) => format.epilogue?.(dropped) ?? NOTHING,
      onError: (error: Error) => this.#failed(error),
    };
    this.#output =
      destination instanceof Writable
        ? new StreamOutput(destination, outputOptions)
        : new FileOutput(path(destination), options, outputOptions);
  }

  get dropped(): number {
    return this.#output.dropped;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  readonly trace = (entry: TraceEntry): void => {
    if (!this.#output.isOpen) {
      this.#output.drop();
      return;
    }
    try {
      const octets = this.#redact ? redactTpdu(entry.octets, entry.tpdu) : entry.octets;
      const record = this.#format.record(entry, octets, this.#makeRoom);
      if (record !== undefined) {
        this.#output.write(record.octets, record.packets, true);
      }
    } catch (error) {
      // A faulty sink must not break the connection that it observes.
      this.#failed(error as Error);
    }
  };

  /** Writes a record that belongs to no entry. */
  add({ octets, packets }: TraceRecord): void {
    if (this.#output.makeRoom(octets.length)) {
      this.#output.write(octets, packets, false);
    }
  }

  /** Counts the TPDU if there is no room for it. */
  readonly #makeRoom = (length: number): boolean => {
    const hasRoom = this.#output.makeRoom(length);
    if (!hasRoom) {
      this.#output.drop();
    }
    return hasRoom;
  };

  /** The files written, the newest first, and how many packets each has. */
  get written(): readonly WrittenFile[] {
    return this.#output.written;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const written = this.#output.close();
    this.#format.release?.();
    if (!(await isSettledWithin(written, CLOSE_TIMEOUT))) {
      const message = `the trace was not written within ${CLOSE_TIMEOUT} ms of closing the sink`;
      this.#failed(
        new TimeoutError(message, 'closeTimeout', CLOSE_TIMEOUT, {
          hint: 'is the stream being read, and does the disk respond?',
        }),
      );
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #failed(error: Error): void {
    if (this.#error === undefined) {
      this.#error = error;
      this.#format.release?.();
      // If `onError` itself fails, there is nowhere to report it.
      runCallback(() => this.#onError?.(error), ignore);
    }
  }
}

/** Longest time to close, in milliseconds: a stream that nobody reads must not block the program for ever. */
const CLOSE_TIMEOUT = 5_000;

/** Resolves to `true` if the promise is fulfilled within this time. The promise must never reject. */
function isSettledWithin(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = startTimeout(milliseconds, () => resolve(false));
    void promise.then(() => {
      stop();
      resolve(true);
    });
  });
}

function ignore(): void {}

const NOTHING = Buffer.alloc(0);

function path(destination: unknown): string {
  if (typeof destination !== 'string') {
    throw wrongType('destination', 'a path or a writable stream', destination);
  }
  return text('destination', destination);
}

/** A text sink: one line for each TPDU. */
export function lineSink(
  destination: Destination,
  options: SinkOptions,
  line: (entry: TraceEntry, octets: Buffer) => string,
): TraceSink {
  return new Sink(destination, resolveOptions(SINK_OPTIONS, options), {
    record(entry, octets, makeRoom) {
      const record = Buffer.from(`${line(entry, octets)}\n`);
      return makeRoom(record.length) ? { octets: record, packets: 1 } : undefined;
    },
  });
}

/** Returns a copy whose user data is zeros. If the octets are not a TPDU, only the first two are kept. */
export function redactTpdu(octets: Buffer, tpdu: Tpdu | Error): Buffer {
  const copy = Buffer.from(octets);
  const headerEnd = tpdu instanceof Error ? 2 : 1 + tpdu.li;
  copy.fill(0, Math.min(headerEnd, copy.length));
  if (!(tpdu instanceof Error) && tpdu.type === 'ER') {
    hideInvalidTpdu(copy, headerEnd);
  }
  if (!(tpdu instanceof Error) && tpdu.type === 'CR' && tpdu.remoteDesktop !== undefined) {
    hideName(copy, tpdu.remoteDesktop);
  }
  return copy;
}

/** Overwrites the name in a remote desktop cookie or routing token by `x`. */
function hideName(cr: Buffer, { cookie, routingToken }: RemoteDesktop): void {
  const line = cookie ?? routingToken ?? '';
  const [kept = ''] = /^Cookie: (?:\w+=)?/.exec(line) ?? [];
  cr.fill('x', TEXT_OF_CR + kept.length, TEXT_OF_CR + line.length);
}

const TEXT_OF_CR = 7;

/** Clears the user data of the TPDU that an ER quotes in parameter 0xC1 (X.224 13.12.4 a). */
function hideInvalidTpdu(er: Buffer, headerEnd: number): void {
  for (let at = FIRST_PARAMETER_OF_ER; at + 2 <= headerEnd; ) {
    const length = readUint(er, at + 1, 1);
    if (er[at] === INVALID_TPDU) {
      const quoted = er.subarray(at + 2, at + 2 + length);
      quoted.fill(0, Math.min(1 + (quoted[0] ?? 0), quoted.length));
    }
    at += 2 + length;
  }
}

const FIRST_PARAMETER_OF_ER = 5;
const INVALID_TPDU = 0xc1;
