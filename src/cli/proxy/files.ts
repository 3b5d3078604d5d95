/**
 * The files that a proxy writes: looked at before it listens, begun when it does, so that one that
 * cannot be had is told at once, and none is replaced by a proxy that cannot listen. Knows nothing of
 * relaying.
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
import { CommandError, UsageError } from '../exit.js';
import { failureOf } from '../failure.js';
import type { Io } from '../io.js';
import { isNamedPipe, NamedPipeWriter } from '../named-pipe.js';
import { CLOSING_TIME_ON_STOP, complain, postEvent } from '../report.js';

/** Wireshark looks for TPKT there without being told. */
const COTP_PORT = 102;

/** Which files, and how they are written. */
export interface FileOptions extends Pick<SinkOptions, 'redact' | 'maxFileSize' | 'maxFiles'> {
  readonly pcap: string | undefined;
  readonly jsonl: string | undefined;
  readonly json: boolean;
}

/** @throws CommandError when one of them cannot be written */
export async function checkFiles({ pcap, jsonl }: FileOptions): Promise<void> {
  if (pcap !== undefined && jsonl !== undefined && resolve(pcap) === resolve(jsonl)) {
    throw new UsageError('--pcap and --jsonl take a file each');
  }
  for (const [flag, path] of Object.entries({ '--pcap': pcap, '--jsonl': jsonl })) {
    if (path !== undefined) {
      await checkWritable(path).catch((error: NodeJS.ErrnoException) => {
        throw new CommandError(`${flag} ${path} cannot be written (${error.code})`);
      });
    }
  }
}

/** What is there stays as it is. */
async function checkWritable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isDirectory()) {
    const file = await open(path, 'a');
    await file.close();
  } else {
    // Opening a pipe and closing it would be the end of the file to who reads it.
    await access(path, constants.W_OK);
  }
}

/** The files of a proxy that listens. */
export class Files {
  readonly #options: FileOptions;
  readonly #io: Io;
  #begun:
    | { readonly pcapng: PcapngSink | undefined; readonly all: readonly TraceSink[] }
    | undefined;

  constructor(options: FileOptions, io: Io) {
    this.#options = options;
    this.#io = io;
  }

  /** From here on they are there, though they may be empty. */
  begin(): void {
    this.#begun ??= this.#open();
  }

  record(entry: TraceEntry): void {
    this.begin();
    for (const sink of this.#begun?.all ?? []) {
      sink.trace(entry);
    }
  }

  /** The end of a connection that the library has not opened. */
  ended(connection: number, how: 'fin' | 'reset', by: 'local' | 'remote'): void {
    this.#begun?.pcapng?.ended(connection, how, by);
  }

  async close(): Promise<void> {
    const sinks = this.#begun?.all ?? [];
    const closed = Promise.all(sinks.map((sink) => sink.close()));
    const patience = new AbortController();
    const tooLate = sleep(CLOSING_TIME_ON_STOP, 'too late', { signal: patience.signal });
    // The reader of a pipe may take nothing, or never have come.
    if ((await Promise.race([closed, tooLate])) === 'too late') {
      this.#complain('the end of the files is not written: their reader takes nothing');
    }
    patience.abort();
    await tooLate.catch(() => {});
    for (const { dropped, error } of sinks) {
      if (dropped > 0 && error === undefined) {
        this.#complain(`${dropped} TPDUs are not in the file: the disk is too slow`);
      }
    }
  }

  #open() {
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

  /** The proxy goes on without the file. */
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
