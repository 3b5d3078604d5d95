/**
 * Writes trace files, with rotation.
 */
import { type FileHandle, lstat, open, realpath, rename, rm } from 'node:fs/promises';
import { parse as parsePath } from 'node:path';
import type { Output, OutputOptions, WrittenFile } from './output.js';

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
