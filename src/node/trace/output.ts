/**
 * The destinations of a sink: files, with rotation, or a stream. Both never throw, and buffer no more than a
 * limit: a record beyond it is dropped and counted.
 */
import { type FileHandle, lstat, open, realpath, rename, rm } from 'node:fs/promises';
import { parse as parsePath } from 'node:path';
import process from 'node:process';
import type { Writable } from 'node:stream';
import { toError } from '../callbacks.js';

/** Writes each record as a whole, or drops it. */
export interface Output {
  /** TPDUs that were not written: too many octets waited, or the output has failed. */
  readonly dropped: number;
  /** `false` once it is closed or has failed: nothing more is written then. */
  readonly isOpen: boolean;
  /** The packets in each file, or in the stream: the newest first. What has failed is counted too. */
  readonly written: readonly WrittenFile[];
  /** Counts a TPDU that is not written. */
  drop(): void;
  /**
   * Makes room for a record of at most `length` octets. This may begin a new file.
   *
   * @returns `false` if there is no room: the record must not be written
   */
  makeRoom(length: number): boolean;
  /**
   * @param packets what the record has, as a reader of the file counts it
   * @param isTpdu if it cannot be written, it counts as dropped
   */
  write(record: Buffer, packets: number, isTpdu: boolean): void;
  /** Resolves when everything is written or the output has failed. Never rejects. */
  close(): Promise<void>;
}

/** What is in a file. */
export interface WrittenFile {
  /** `undefined` for a stream. */
  readonly path: string | undefined;
  readonly packets: number;
}

/** Options of both kinds of output. */
export interface OutputOptions {
  /** Most octets that wait to be written. */
  readonly maxBuffered: number;
  /** Returns the start of a file or of the stream. */
  readonly preamble: () => Buffer;
  /** Returns its end, with the number of dropped TPDUs. The length is always the same. */
  readonly epilogue: (dropped: number) => Buffer;
  /** Called once, when nothing more can be written. */
  readonly onError: (error: Error) => void;
}

/**
 * File rotation: a new file is begun before `maxFileSize` octets are exceeded; there are at most `maxFiles`.
 */
export interface Rotation {
  readonly maxFileSize: number;
  readonly maxFiles: number;
}

/** A record, or the start or end of a file. */
interface Piece {
  readonly octets: Buffer;
  readonly isTpdu: boolean;
}

/** An entry of the queue that ends the file. The records after it belong to the next file. */
const NEXT_FILE = Symbol('next file');

/**
 * Writes to a file. An existing file is overwritten. Behind a symbolic link its target is written and rotated. What is no
 * regular file, such as a device, is never renamed: there the next file follows the last one in the same place.
 */
export class FileOutput implements Output {
  /** Without symbolic links from the first opening on. */
  #path: string;
  readonly #rotation: Rotation;
  readonly #options: OutputOptions;
  #dropped = 0;
  #waiting: (Piece | typeof NEXT_FILE)[] = [];
  /** Octets that wait, including those being written. */
  #buffered = 0;
  /** Size of the last file in the queue once it is written, without its end. */
  #size = 0;
  /** That file has no record yet, so the next record belongs to it, whatever its length. */
  #isEmpty = true;
  /** Packets of each file, the newest first. */
  #packets: number[] = [];
  #allPackets = 0;
  #isRegular = true;
  readonly #endLength: number;
  #closed: Promise<void> | undefined;
  #hasFailed = false;
  #file: FileHandle | undefined;
  #work: Promise<void> | undefined;

  constructor(path: string, rotation: Rotation, options: OutputOptions) {
    this.#path = path;
    this.#rotation = rotation;
    this.#options = options;
    this.#endLength = options.epilogue(0).length;
    this.#begin();
    this.#work = this.#writeAll();
  }

  get dropped(): number {
    return this.#dropped;
  }

  get isOpen(): boolean {
    return this.#closed === undefined && !this.#hasFailed;
  }

  get written(): readonly WrittenFile[] {
    return this.#isRegular
      ? this.#packets.map((packets, age) => ({ path: rotatedPath(this.#path, age), packets }))
      : [{ path: this.#path, packets: this.#allPackets }];
  }

  drop(): void {
    this.#dropped += 1;
  }

  makeRoom(length: number): boolean {
    const { maxBuffered, epilogue } = this.#options;
    if (!this.isOpen || this.#buffered + length > maxBuffered) {
      return false;
    }
    if (!this.#isEmpty && this.#size + length + this.#endLength > this.#rotation.maxFileSize) {
      this.#put(epilogue(this.#dropped), false);
      this.#waiting.push(NEXT_FILE);
      this.#begin();
    }
    return true;
  }

  write(record: Buffer, packets: number, isTpdu: boolean): void {
    this.#isEmpty = false;
    this.#packets[0] = (this.#packets[0] ?? 0) + packets;
    this.#allPackets += packets;
    this.#put(record, isTpdu);
    this.#work ??= this.#writeAll();
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    this.write(this.#options.epilogue(this.#dropped), 0, false);
    await this.#work;
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch((error: Error) => this.#fail(error));
  }

  #begin(): void {
    this.#packets = [0, ...this.#packets].slice(0, this.#rotation.maxFiles);
    this.#size = 0;
    this.#isEmpty = true;
    this.#put(this.#options.preamble(), false);
  }

  #put(octets: Buffer, isTpdu: boolean): void {
    if (!this.#hasFailed) {
      this.#waiting.push({ octets, isTpdu });
      this.#buffered += octets.length;
      this.#size += octets.length;
    }
  }

  async #writeAll(): Promise<void> {
    // Everything that was queued in this turn of the event loop is written at once.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) {
        this.#file ??= await this.#open();
        await this.#writeSome(this.#file);
        if (this.#waiting[0] === NEXT_FILE) {
          this.#waiting.shift();
          await this.#endFile(this.#file);
        }
      }
    } catch (error) {
      this.#fail(error as Error);
    }
    this.#work = undefined;
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, 'w');
    this.#isRegular = (await file.stat()).isFile();
    this.#path = await realpath(this.#path);
    return file;
  }

  async #endFile(file: FileHandle): Promise<void> {
    if (this.#isRegular) {
      this.#file = undefined;
      await file.close();
      await this.#makeWay();
    }
  }

  /** Writes the records that belong to this file. */
  async #writeSome(file: FileHandle): Promise<void> {
    const next = this.#waiting.indexOf(NEXT_FILE);
    const pieces = this.#waiting.splice(0, next === -1 ? this.#waiting.length : next) as Piece[];
    const octets = Buffer.concat(pieces.map((piece) => piece.octets));
    let end = 0;
    /** Where each TPDU ends, and 0 for what is none. */
    const ends = pieces.map((piece) => {
      end += piece.octets.length;
      return piece.isTpdu ? end : 0;
    });
    let at = 0;
    try {
      while (at < octets.length) {
        const { bytesWritten } = await file.write(octets, at);
        at += bytesWritten;
      }
    } catch (error) {
      this.#dropped += ends.filter((each) => each > at).length;
      throw error;
    }
    this.#buffered -= octets.length;
  }

  /**
   * Renames `a.log` to `a.1.log`, `a.1.log` to `a.2.log` and so on, up to the first name that is free. If none is, the
   * oldest file is deleted.
   */
  async #makeWay(): Promise<void> {
    const last = this.#rotation.maxFiles - 1;
    let free = 0;
    while (free <= last && (await isTaken(rotatedPath(this.#path, free)))) {
      free += 1;
    }
    if (free > last) {
      await rm(rotatedPath(this.#path, last), { force: true });
      free = last;
    }
    for (let age = free; age > 0; age -= 1) {
      const newer = rotatedPath(this.#path, age - 1);
      await rename(newer, rotatedPath(this.#path, age)).catch(ignoreMissing);
    }
  }

  #fail(error: Error): void {
    this.#dropped += this.#waiting.filter((each) => each !== NEXT_FILE && each.isTpdu).length;
    this.#waiting = [];
    this.#buffered = 0;
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#options.onError(error);
    }
  }
}

/** The path of an older file: `trace.1.pcapng` for `trace.pcapng` and age 1; age 0 is the newest. */
export function rotatedPath(path: string, age: number): string {
  if (age === 0) {
    return path;
  }
  const { ext } = parsePath(path);
  return `${path.slice(0, path.length - ext.length)}.${age}${ext}`;
}

/**
 * True if a file has this name.
 *
 * @throws Error if it is no regular file: a rotation would replace it
 */
async function isTaken(path: string): Promise<boolean> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found !== undefined && !found.isFile()) {
    throw new Error(`${path} is no regular file, so no trace file replaces it`);
  }
  return found !== undefined;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}

/** Writes to a stream of the user, which stays open. */
export class StreamOutput implements Output {
  readonly #stream: Writable;
  readonly #options: OutputOptions;
  #dropped = 0;
  /** TPDUs of which the stream has not said yet that it has written them. */
  #waiting = 0;
  #packets = 0;
  #closed: Promise<void> | undefined;
  #hasFailed = false;

  constructor(stream: Writable, options: OutputOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('error', this.#onError);
    this.#checkStream();
    this.write(options.preamble(), 0, false);
  }

  get dropped(): number {
    return this.#dropped + (this.#hasFailed ? this.#waiting : 0);
  }

  get isOpen(): boolean {
    return this.#closed === undefined && this.#takesMore;
  }

  get written(): readonly WrittenFile[] {
    return [{ path: undefined, packets: this.#packets }];
  }

  drop(): void {
    this.#dropped += 1;
    if (this.#closed === undefined) {
      this.#checkStream();
    }
  }

  makeRoom(length: number): boolean {
    return this.isOpen && this.#stream.writableLength + length <= this.#options.maxBuffered;
  }

  write(record: Buffer, packets: number, isTpdu: boolean): void {
    if (record.length > 0 && this.#takesMore) {
      this.#packets += packets;
      this.#waiting += isTpdu ? 1 : 0;
      this.#write(record, isTpdu ? this.#onTpduWritten : this.#onWritten);
    }
  }

  /** Catches errors too: the `_write` of a stream of the user can throw. */
  #write(octets: Buffer | string, onWritten: OnWritten): void {
    try {
      this.#stream.write(octets, onWritten);
    } catch (thrown) {
      onWritten(toError(thrown));
    }
  }

  /** A stream tells it before the event `error`, which a file stream emits only when it has closed its file. */
  readonly #onWritten: OnWritten = (error) => {
    if (error) {
      this.#onError(error);
    }
  };

  readonly #onTpduWritten: OnWritten = (error) => {
    this.#waiting -= 1;
    this.#dropped += error ? 1 : 0;
    this.#onWritten(error);
  };

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  get #takesMore(): boolean {
    return !this.#hasFailed && !this.#stream.destroyed && !this.#stream.writableEnded;
  }

  /** A stream that the user has destroyed without an error, or has ended, does not say so by the event `error`. */
  #checkStream(): void {
    if (!this.#takesMore) {
      this.#onError(this.#stream.errored ?? new Error('the stream was destroyed or has ended'));
    }
  }

  async #finish(): Promise<void> {
    const stream = this.#stream;
    this.#checkStream();
    this.write(this.#options.epilogue(this.#dropped), 0, false);
    await new Promise<void>((resolve) => {
      if (!this.#takesMore) {
        // What the stream has written before, it tells by then.
        process.nextTick(resolve);
        return;
      }
      stream.once('close', resolve);
      this.#write('', (error) => {
        stream.off('close', resolve);
        this.#onWritten(error);
        resolve();
      });
    });
    const stopListening = () => stream.off('error', this.#onError);
    if (this.#takesMore || stream.closed) {
      stopListening();
    } else {
      // Nobody else may listen to the event `error` of a stream that fails; it comes before `close`.
      stream.once('close', stopListening);
    }
  }

  readonly #onError = (error: Error): void => {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#options.onError(error);
    }
  };
}

type OnWritten = (error?: Error | null) => void;
