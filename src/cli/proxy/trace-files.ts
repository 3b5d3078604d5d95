/**
 * The trace files of a proxy. They are checked before the proxy listens, so that an error is reported at
 * once, and opened after it listens, so that a proxy that cannot listen does not replace a file.
 */
import { lookup } from 'node:dns/promises';
import { access, constants, open, realpath, rm, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type FullAddress,
  jsonLinesSink,
  type PcapngSink,
  pcapngSink,
  type SinkOptions,
  type TraceEntry,
  type TraceSink,
} from '../../index.js';
import { entryOf } from '../../node/trace/entry.js';
import { rotatedPath } from '../../node/trace/file-output.js';
import type { WrittenFile } from '../../node/trace/output.js';
import { pcapngFiles } from '../../node/trace/pcapng.js';
import { SINK_OPTIONS, type Sink } from '../../node/trace/sink.js';
import { CLOSE_TIME_ON_STOP } from '../close-on-stop.js';
import { CommandError, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { isNamedPipe, NamedPipeWriter } from '../named-pipe.js';
import { complain, postEvent } from '../output/events.js';
import { failureOf } from '../output/failure.js';
import { fileReason } from '../output/file-error.js';
import { counted } from '../output/plural.js';

/** The port on which Wireshark decodes TPKT by default. */
const COTP_PORT = 102;

/** Which files to write, and how. */
export interface FileOptions extends Pick<SinkOptions, 'redact' | 'maxFileSize' | 'maxFiles'> {
  readonly pcap: string | undefined;
  readonly jsonl: string | undefined;
  readonly json: boolean;
  /** Replace files that exist. */
  readonly force: boolean;
  /** Write both connections of a client to the capture, instead of one from the client to the target. */
  readonly legs: boolean;
}

/** What is in a file, in the summary. */
export interface FileSummary {
  readonly file: string;
  /** Packets of a capture, or lines. */
  readonly packets: number;
  readonly unit: 'packet' | 'line';
}

/** @throws CommandError if a file cannot be written, UsageError if both are the same or one exists already */
export async function checkFiles(options: FileOptions): Promise<void> {
  const { pcap, jsonl } = options;
  if (pcap !== undefined && jsonl !== undefined && (await share(pcap, jsonl, options))) {
    throw new UsageError('--pcap and --jsonl require different files');
  }
  for (const [flag, path] of Object.entries({ '--pcap': pcap, '--jsonl': jsonl })) {
    if (path !== undefined) {
      if (!options.force) {
        await refuseToReplace(path, options);
      }
      await checkWritable(path).catch((error: NodeJS.ErrnoException) => {
        throw new CommandError(`${flag} ${path} cannot be written: ${fileReason(error)}`);
      });
    }
  }
}

/** The names that a trace file has one after the other: with a limit of size older files are renamed. */
function namesOf(path: string, { maxFileSize, maxFiles }: FileOptions): readonly string[] {
  const kept = maxFileSize === undefined ? 1 : (maxFiles ?? SINK_OPTIONS.maxFiles.default);
  return Array.from({ length: kept }, (_, age) => rotatedPath(path, age));
}

/** True if the two trace files would be written to one place, whatever its names. */
async function share(pcap: string, jsonl: string, options: FileOptions): Promise<boolean> {
  const [first, second] = await Promise.all(
    [pcap, jsonl].map(async (path) => namesOf(await withoutLinks(path), options)),
  );
  const [one, other] = await Promise.all(
    [pcap, jsonl].map((path) => stat(path).catch(() => undefined)),
  );
  const isLinked = one?.isFile() === true && one.ino === other?.ino && one.dev === other.dev;
  return isLinked || first?.some((name) => second?.includes(name)) === true;
}

/** The path without symbolic links. The file itself may not be there yet. */
async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return join(await realpath(dirname(path)).catch(() => resolve(dirname(path))), basename(path));
  }
}

/** Devices and named pipes are written to as they are. */
async function refuseToReplace(path: string, options: FileOptions) {
  for (const each of namesOf(path, options)) {
    if ((await stat(each).catch(() => undefined))?.isFile() === true) {
      throw new UsageError(`${each} exists; --force replaces it`);
    }
  }
}

/** Checks that a path can be written, without changing an existing file and without leaving a new one. */
async function checkWritable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isDirectory()) {
    const file = await open(path, 'a');
    await file.close();
    if (found === undefined) {
      await rm(path);
    }
  } else {
    // Opening and closing a pipe would signal the end of the file to its reader.
    await access(path, constants.W_OK);
  }
}

/** An open file. */
interface OpenFile {
  readonly path: string;
  readonly unit: FileSummary['unit'];
  readonly sink: TraceSink;
  /** The files of the sink. */
  readonly written: () => readonly WrittenFile[];
}

/** The open trace files of a proxy. */
export class TraceFiles {
  readonly #options: FileOptions;
  readonly #targets: readonly FullAddress[];
  readonly #io: Io;
  #pcapng: PcapngSink | undefined;
  #lines: Sink | undefined;
  #files: readonly OpenFile[] | undefined;

  /** @param targets addresses of the target, which the capture shows as the server of each client */
  constructor(options: FileOptions, targets: readonly FullAddress[], io: Io) {
    this.#options = options;
    this.#targets = targets;
    this.#io = io;
  }

  /** Whether there are any. */
  get areWanted(): boolean {
    return this.#options.pcap !== undefined || this.#options.jsonl !== undefined;
  }

  /** Opens the files. */
  open(): void {
    this.#files ??= this.#createSinks();
  }

  record(entry: TraceEntry): void {
    this.open();
    this.#lines?.trace(entry);
    const pcapng = this.#pcapng;
    if (pcapng === undefined) {
      return;
    }
    if (this.#options.legs) {
      pcapng.trace(entry);
    } else if (entry.role === 'server') {
      const localAddr = targetFor(entry.remoteAddr, this.#targets) ?? entry.localAddr;
      pcapng.trace(entryOf(entry, { localAddr }));
    }
  }

  /** Records the end of a connection that the library did not open. */
  ended(connection: number, how: 'fin' | 'reset', by: 'local' | 'remote'): void {
    this.#pcapng?.ended(connection, how, by);
  }

  /** Closes the files; returns what is in them, the newest first. */
  async close(): Promise<readonly FileSummary[]> {
    const files = this.#files ?? [];
    const whole = new Set<OpenFile>();
    const closed = Promise.all(
      files.map(async (file) => {
        await file.sink.close();
        whole.add(file);
      }),
    );
    const timer = new AbortController();
    const tooLate = sleep(CLOSE_TIME_ON_STOP, 'too late', { signal: timer.signal });
    // A named pipe may have no reader, or one that does not read.
    if ((await Promise.race([closed, tooLate])) === 'too late') {
      this.#complain('the end of the files is not written: their reader does not read');
    }
    timer.abort();
    await tooLate.catch(() => {});
    for (const { sink } of files) {
      if (sink.dropped > 0 && sink.error === undefined) {
        const are = sink.dropped === 1 ? 'is' : 'are';
        this.#complain(
          `${counted(sink.dropped, 'TPDU')} ${are} not in the file: the disk is too slow`,
        );
      }
    }
    return files.filter((file) => whole.has(file)).flatMap(summaryOf);
  }

  #createSinks(): readonly OpenFile[] {
    const { pcap, jsonl, redact, maxFileSize, maxFiles } = this.#options;
    const options = (path: string) => ({
      redact,
      maxFileSize,
      maxFiles,
      onError: (error: Error) => this.#failed(path, error),
    });
    const to = (path: string) => (isNamedPipe(path) ? new NamedPipeWriter(path) : path);
    const files: OpenFile[] = [];
    if (pcap !== undefined) {
      const sink = pcapngSink(to(pcap), { ...options(pcap), serverPort: COTP_PORT });
      this.#pcapng = sink;
      files.push({ path: pcap, unit: 'packet', sink, written: () => pcapngFiles(sink) });
    }
    if (jsonl !== undefined) {
      // The class behind the interface, which counts what it writes.
      const sink = jsonLinesSink(to(jsonl), options(jsonl)) as Sink;
      this.#lines = sink;
      files.push({ path: jsonl, unit: 'line', sink, written: () => sink.written });
    }
    return files;
  }

  /** Reports the error; the proxy continues without the file. */
  #failed(file: string, error: Error): void {
    const { sentence: said, detail } = failureOf(error);
    const { code } = error as NodeJS.ErrnoException;
    const sentence = code === undefined ? said : `it cannot be written: ${fileReason(error)}`;
    this.#complain(`${file}: ${sentence}`);
    if (this.#options.json) {
      postEvent(this.#io, { event: 'error', file, message: sentence, ...detail });
    }
  }

  #complain(sentence: string): void {
    complain(this.#io, 'cotp proxy', sentence);
  }
}

function summaryOf({ path, unit, sink, written }: OpenFile): readonly FileSummary[] {
  // Nothing says how much of a file was written before an error.
  return sink.error === undefined
    ? written().map(({ path: file = path, packets }) => ({ file, packets, unit }))
    : [];
}

/** The addresses of the target that a capture needs: those of its name, or the name if it is not known. */
export async function targetsOf(
  target: FullAddress,
  { pcap, legs }: FileOptions,
): Promise<readonly FullAddress[]> {
  const isNeeded = pcap !== undefined && !legs;
  const found = isNeeded ? await lookup(target.host, { all: true }).catch(() => []) : [];
  return found.length === 0 ? [target] : found.map(({ address: host }) => ({ ...target, host }));
}

/** A packet has addresses of one IP version: that of the client, if the target has such an address. */
function targetFor(
  { host }: FullAddress,
  targets: readonly FullAddress[],
): FullAddress | undefined {
  const isIPv4 = /^(?:::ffff:)?\d+\.\d+\.\d+\.\d+$/i.test(host);
  return targets.find((each) => isIP(each.host) === (isIPv4 ? 4 : 6)) ?? targets[0];
}
