/**
 * The common part of all sinks: takes entries, redacts user data where asked to, writes records somewhere, and
 * closes. The format of a record is defined by each kind of sink.
 */
import { Writable } from 'node:stream';
import { TimeoutError } from '../../core/errors.js';
import { readUint } from '../../core/octets/octets.js';
import type { RemoteDesktop, Tpdu } from '../../core/tpdu/types.js';
import { runCallback } from '../callbacks.js';
import { startTimeout } from '../deadline-timer.js';
import {
  type OptionRow,
  type Resolved,
  callback,
  flag,
  integer,
  optional,
  resolveOptions,
  row,
  text,
  wrongType,
} from '../options/rows.js';
import type { TraceEntry, TraceListener } from './entry.js';
import { FileOutput, type Output, StreamOutput } from './output.js';

/** The path of a file, which is replaced, or a stream, which is left open. */
export type Destination = string | Writable;

/** Options of every sink. Sizes are in octets. */
export interface SinkOptions {
  /**
   * User data becomes zeros; headers and lengths stay.
   *
   * @defaultValue `false`
   */
  readonly redact?: boolean | undefined;
  /**
   * The file is renamed and a new one begun before it grows larger than this; a TPDU is never cut.
   * 4096 to 2^53 - 1; default: one file of any size. `trace.pcapng` becomes `trace.1.pcapng`, that
   * `trace.2.pcapng` and so on.
   *
   * @defaultValue `9007199254740991`
   */
  readonly maxFileSize?: number | undefined;
  /**
   * Files in all, the one being written included; the oldest goes. 1 to 10000; default 10.
   *
   * @defaultValue `10`
   */
  readonly maxFiles?: number | undefined;
  /**
   * Octets that may wait for a slow disk or stream; what comes then is dropped and counted. 65536 to
   * 2147483647; default 16 MiB.
   *
   * @defaultValue `16777216`
   */
  readonly maxBuffered?: number | undefined;
  /**
   * Called once, when nothing more can be written: a full disk, a closed pipe, a destination that takes
   * nothing while the sink closes. What it throws, and a promise that it rejects, is ignored. Default: none.
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

/** Takes a trace and writes it somewhere. */
export interface TraceSink extends AsyncDisposable {
  /**
   * For the `trace` option of any number of connections, or to subscribe to the channel `cotp:tpdu`.
   * Never throws.
   */
  readonly trace: TraceListener;
  /** TPDUs that are not in what was written. */
  readonly dropped: number;
  /** Why nothing more can be written; `undefined` while all is well. */
  readonly error: Error | undefined;
  /**
   * Resolves when everything is written, and after 5000 milliseconds at the latest: `error` is set where
   * something waits then, and a stream that recovers still gets it. Never rejects; what comes later is
   * not written.
   */
  close(): Promise<void>;
}

/** How a kind of sink writes. */
export interface Format {
  /** What each file begins with; called once a file. */
  readonly preamble?: () => Buffer;
  /** What each file ends with, given what was dropped until then. */
  readonly epilogue?: (dropped: number) => Buffer;
  /**
   * The record of an entry, or `undefined` for none.
   *
   * @param octets those of the entry, or what redaction has left of them
   * @param makeRoom to be called with the most octets that the record will have, before it is made
   */
  record(
    entry: TraceEntry,
    octets: Buffer,
    makeRoom: (length: number) => boolean,
  ): Buffer | undefined;
  /** Nothing more is written: releases what is kept for connections. May be called again. */
  readonly release?: () => void;
}

/** The sink that writes that format there. */
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
      const record = this.#format.record(entry, octets, (length) => this.#output.makeRoom(length));
      if (record !== undefined) {
        this.#output.write(record);
      }
    } catch (error) {
      // A faulty sink must not break the connection that it observes.
      this.#failed(error as Error);
    }
  };

  /** Writes a record that belongs to no entry. */
  add(record: Buffer): void {
    if (this.#output.makeRoom(record.length)) {
      this.#output.write(record);
    }
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
          hint: 'does anybody read from the stream, and does the disk respond?',
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
      // A listener that fails has nobody left to report to.
      runCallback(() => this.#onError?.(error), ignore);
    }
  }
}

/** Milliseconds that closing may take: a stream that nobody reads must not hold up its user for ever. */
const CLOSE_TIMEOUT = 5_000;

/** Whether the promise, which never rejects, was fulfilled within so many milliseconds. */
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

/** A sink of text: one line a TPDU. */
export function lineSink(
  destination: Destination,
  options: SinkOptions,
  line: (entry: TraceEntry, octets: Buffer) => string,
): TraceSink {
  return new Sink(destination, resolveOptions(SINK_OPTIONS, options), {
    record(entry, octets, makeRoom) {
      const record = Buffer.from(`${line(entry, octets)}\n`);
      return makeRoom(record.length) ? record : undefined;
    },
  });
}

/** A copy whose user data is zeros. Of octets that are no TPDU nothing but the first two is kept. */
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

/** A cookie of remote desktop names its user, and a routing token may: letters take their place. */
function hideName(cr: Buffer, { cookie, routingToken }: RemoteDesktop): void {
  const line = cookie ?? routingToken ?? '';
  const [kept = ''] = /^Cookie: (?:\w+=)?/.exec(line) ?? [];
  cr.fill('x', TEXT_OF_CR + kept.length, TEXT_OF_CR + line.length);
}

const TEXT_OF_CR = 7;

/** An ER quotes the TPDU that it rejects (0xC1, X.224 13.12.4 a), maybe with its user data. */
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
