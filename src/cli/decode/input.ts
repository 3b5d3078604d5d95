/** Opens the input of `decode`: hexadecimal on the command line, a file, a named pipe or stdin. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { gunzipped, isGzip } from '../capture/gunzip.js';
import { DamagedFile } from '../capture/packet.js';
import { UsageError } from '../exit.js';
import { fileReason } from '../file-error.js';
import type { Io } from '../io.js';
import { readChunks } from '../named-pipe.js';

/** Octets that are looked at to tell what the input is. */
const START = 64;

/** An input that is read piece by piece. */
export interface Input {
  /** The first octets of the input; all of them if it is shorter. */
  readonly start: Buffer;
  /** All octets, from the first on. */
  readonly chunks: AsyncIterable<Buffer>;
}

/**
 * Opens the input, and decompresses it if it is gzip.
 *
 * @throws UsageError if it cannot be read, or the operands name more than one input
 */
export async function openInput(operands: readonly string[], io: Io): Promise<Input> {
  return decompressed(await chunksOf(operands, io));
}

/**
 * The same for an operand that is a file, or `-` for stdin, and never hexadecimal.
 *
 * @throws UsageError if it cannot be read
 */
export async function openFile(file: string, io: Io): Promise<Input> {
  return decompressed(file === '-' ? await chunksOf([], io) : fileChunks(file, io.signal));
}

async function decompressed(chunks: AsyncIterable<Buffer>): Promise<Input> {
  const input = await peeked(chunks);
  if (!isGzip(input.start)) {
    return input;
  }
  try {
    return await peeked(gunzipped(input.chunks));
  } catch (error) {
    throw error instanceof DamagedFile ? new UsageError(error.message) : error;
  }
}

async function chunksOf(
  operands: readonly string[],
  { stdin, signal }: Io,
): Promise<AsyncIterable<Buffer>> {
  const [first = '-'] = operands;
  if (operands.length <= 1 && first === '-') {
    return addAbortSignal(signal, stdin as Readable) as AsyncIterable<Buffer>;
  }
  if (await isFileName(operands)) {
    return fileChunks(first, signal);
  }
  await rejectFiles(operands);
  return only(Buffer.from(operands.join(' ')));
}

async function* fileChunks(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* readChunks(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new UsageError(`${path} cannot be read: ${fileReason(error as NodeJS.ErrnoException)}`);
  }
}

async function* only(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}

/** Reads the first octets, and gives them again with the rest. */
async function peeked(chunks: AsyncIterable<Buffer>): Promise<Input> {
  const iterator = chunks[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < START) {
    const next = await iterator.next();
    if (next.done === true) {
      return { start, chunks: only(start) };
    }
    start = Buffer.concat([start, next.value]);
  }
  return { start: start.subarray(0, START), chunks: withStart(start, iterator) };
}

async function* withStart(start: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield start;
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}

/**
 * Several operands are pieces of hexadecimal. An operand of hexadecimal digits is never a file name here.
 *
 * @throws UsageError if one of them is a file or `-`
 */
async function rejectFiles(operands: readonly string[]): Promise<void> {
  for (const operand of operands) {
    const isFile = !/^(?:0x)?[0-9a-f:.,;_-]+$/i.test(operand) && (await isThere(operand));
    if (operand === '-' || isFile) {
      const what = operand === '-' ? 'stdin' : operand;
      throw new UsageError(`only one input is allowed: ${what} cannot be combined with others`);
    }
  }
}

/** True if the operand is the name of a file; else it is hexadecimal. */
export async function isFileName(operands: readonly string[]): Promise<boolean> {
  const [first] = operands;
  return operands.length === 1 && first !== undefined && first !== '-' && (await isThere(first));
}

function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** True for hexadecimal text. The octets of a binary message are almost never all printable. */
export function isText(octets: Buffer): boolean {
  return octets.every((octet) => (octet >= 0x20 && octet < 0x7f) || (octet >= 9 && octet <= 13));
}
