/**
 * The trace files of a proxy. They are checked before the proxy listens, so that an error is reported at
 * once, and opened after it listens, so that a proxy that cannot listen does not replace a file.
 */
import { access, constants, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  jsonLinesSink,
  type PcapngSink,
  pcapngSink,
  type SinkOptions,
  type TraceEntry,
  type TraceSink,
} from '../../index.js';
import { CLOSE_TIME_ON_STOP } from '../close-on-stop.js';
import { complain, postEvent } from '../events.js';
import { CommandError, UsageError } from '../exit.js';
import { failureOf } from '../failure.js';
import type { Io } from '../io.js';
import { isNamedPipe, NamedPipeWriter } from '../named-pipe.js';

/** The port on which Wireshark decodes TPKT by default. */
const COTP_PORT = 102;

/** Which files to write, and how. */
export interface FileOptions extends Pick<SinkOptions, 'redact' | 'maxFileSize' | 'maxFiles'> {
  readonly pcap: string | undefined;
  readonly jsonl: string | undefined;
  readonly json: boolean;
}

/** @throws CommandError if a file cannot be written, UsageError if both are the same */
export async function checkFiles({ pcap, jsonl }: FileOptions): Promise<void> {
  if (pcap !== undefined && jsonl !== undefined && resolve(pcap) === resolve(jsonl)) {
    throw new UsageError('--pcap and --jsonl require different files');
  }
  for (const [flag, path] of Object.entries({ '--pcap': pcap, '--jsonl': jsonl })) {
    if (path !== undefined) {
      await checkWritable(path).catch((error: NodeJS.ErrnoException) => {
        throw new CommandError(`${flag} ${path} cannot be written (${error.code})`);
      });
    }
  }
}

/** Checks that a path can be written, without changing an existing file. */
async function checkWritable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isDirectory()) {
    const file = await open(path, 'a');
    await file.close();
  } else {
    // Opening and closing a pipe would signal the end of the file to its reader.
    await access(path, constants.W_OK);
  }
}

/** The open trace files of a proxy. */
export class TraceFiles {
  readonly #options: FileOptions;
  readonly #io: Io;
  #sinks:
    | { readonly pcapng: PcapngSink | undefined; readonly all: readonly TraceSink[] }
    | undefined;

  constructor(options: FileOptions, io: Io) {
    this.#options = options;
    this.#io = io;
  }

  /** Opens the files. */
  open(): void {
    this.#sinks ??= this.#createSinks();
  }

  record(entry: TraceEntry): void {
    this.open();
    for (const sink of this.#sinks?.all ?? []) {
      sink.trace(entry);
    }
  }

  /** Records the end of a connection that the library did not open. */
  ended(connection: number, how: 'fin' | 'reset', by: 'local' | 'remote'): void {
    this.#sinks?.pcapng?.ended(connection, how, by);
  }

  async close(): Promise<void> {
    const sinks = this.#sinks?.all ?? [];
    const closed = Promise.all(sinks.map((sink) => sink.close()));
    const timer = new AbortController();
    const tooLate = sleep(CLOSE_TIME_ON_STOP, 'too late', { signal: timer.signal });
    // A named pipe may have no reader, or one that does not read.
    if ((await Promise.race([closed, tooLate])) === 'too late') {
      this.#complain('the end of the files is not written: their reader does not read');
    }
    timer.abort();
    await tooLate.catch(() => {});
    for (const { dropped, error } of sinks) {
      if (dropped > 0 && error === undefined) {
        this.#complain(`${dropped} TPDUs are not in the file: the disk is too slow`);
      }
    }
  }

  #createSinks() {
    const { pcap, jsonl, redact, maxFileSize, maxFiles } = this.#options;
    const options = (path: string) => ({
      redact,
      maxFileSize,
      maxFiles,
      onError: (error: Error) => this.#failed(path, error),
    });
    const to = (path: string) => (isNamedPipe(path) ? new NamedPipeWriter(path) : path);
    const pcapng =
      pcap === undefined
        ? undefined
        : pcapngSink(to(pcap), { ...options(pcap), serverPort: COTP_PORT });
    const lines = jsonl === undefined ? undefined : jsonLinesSink(to(jsonl), options(jsonl));
    return { pcapng, all: [pcapng, lines].filter((sink) => sink !== undefined) };
  }

  /** Reports the error; the proxy continues without the file. */
  #failed(file: string, error: Error): void {
    const { sentence, detail } = failureOf(error);
    this.#complain(`${file}: ${sentence}`);
    if (this.#options.json) {
      postEvent(this.#io, { event: 'error', file, message: sentence, ...detail });
    }
  }

  #complain(sentence: string): void {
    complain(this.#io, 'cotp proxy', sentence);
  }
}
