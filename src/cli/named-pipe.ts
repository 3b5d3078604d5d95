/**
 * Reads and writes named pipes (FIFOs) without blocking. Node accesses files in threads; a thread that
 * blocks until the other end of a pipe is opened keeps the process from exiting.
 */
import { closeSync, constants, createReadStream, openSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two attempts to open a pipe whose other end is not open yet. */
const RETRY_INTERVAL = 100;

/** Octets of a file that are read at once. */
const FILE_CHUNK = 256 * 1024;

/** True if the path names a named pipe. */
export function isNamedPipe(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

/** Reads a file to its end, or a named pipe until its writer closes it. @throws the abort reason */
export async function readWhole(path: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readChunks(path, signal)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a file, or a named pipe until its writer closes it, piece by piece. @throws the abort reason */
export async function* readChunks(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (!isNamedPipe(path)) {
    yield* createReadStream(path, { signal, highWaterMark: FILE_CHUNK });
    return;
  }
  for (let isEmpty = true; isEmpty; ) {
    signal.throwIfAborted();
    for await (const chunk of pipeChunks(path, signal)) {
      isEmpty = false;
      yield chunk;
    }
    // Without a writer the pipe reports its end at once: try again.
    if (isEmpty) {
      await sleep(RETRY_INTERVAL, undefined, { signal });
    }
  }
}

async function* pipeChunks(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  yield* new Socket({ fd, readable: true, writable: false, signal });
}

/** Writes to a named pipe. Data is buffered until a reader opens the pipe. */
export class NamedPipeWriter extends Writable {
  readonly #path: string;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  override _construct(ready: (error?: Error) => void): void {
    try {
      const fd = openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK);
      this.#socket = socketOf(fd);
      this.#socket.on('error', (error) => this.destroy(error));
      ready();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') {
        this.#timer = setTimeout(() => this._construct(ready), RETRY_INTERVAL);
      } else {
        ready(error as Error);
      }
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket?.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket?.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    done(error);
  }
}

function socketOf(fd: number): Socket {
  try {
    return new Socket({ fd, readable: false, writable: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
