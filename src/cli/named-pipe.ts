/**
 * Reads and writes named pipes (FIFOs) without blocking. Node accesses files in threads; a thread that
 * blocks until the other end of a pipe is opened keeps the process from exiting.
 */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two attempts to open a pipe whose other end is not open yet. */
const RETRY_INTERVAL = 100;

/** True if the path names a named pipe. */
export function isNamedPipe(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

/** Reads a file to its end, or a named pipe until its writer closes it. @throws the abort reason */
export async function readWhole(path: string, signal: AbortSignal): Promise<Buffer> {
  if (!isNamedPipe(path)) {
    return readFile(path, { signal });
  }
  for (;;) {
    signal.throwIfAborted();
    const octets = await readOnce(path, signal);
    // Without a writer the pipe reports its end at once: try again.
    if (octets.length > 0) {
      return octets;
    }
    await sleep(RETRY_INTERVAL, undefined, { signal });
  }
}

async function readOnce(path: string, signal: AbortSignal): Promise<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false, signal });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
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
