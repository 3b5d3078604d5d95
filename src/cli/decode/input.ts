/** The input of `decode`: hexadecimal on the command line, or a file, a named pipe or stdin, which this opens. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { gunzipped, isGzip } from '../capture/gunzip.js';
import { DamagedFile } from '../capture/packet.js';
import { UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { readChunks } from '../named-pipe.js';
import { fileReason } from '../output/file-error.js';
import { inUtf8 } from './text-encoding.js';

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
 * The operands as text, if they are neither a file nor stdin: then they can only be hexadecimal.
 *
 * @throws UsageError if they name more than one input
 */
export async function textOfOperands(operands: readonly string[]): Promise<string | undefined> {
  const [first = '-'] = operands;
  if (operands.length <= 1 && (first === '-' || (await isThere(first)))) {
    return undefined;
  }
  await rejectFiles(operands);
  return operands.join(' ');
}

/**
 * Opens a file, or stdin for `-`. Decompresses it if it is gzip; text in it is given as UTF-8 without a byte order
 * mark.
 *
 * @throws UsageError if it cannot be read
 */
export async function openFile(file: string, { stdin, signal }: Io): Promise<Input> {
  const isStdin = file === '-';
  const input = await peeked(
    isStdin
      ? (addAbortSignal(signal, stdin as Readable) as AsyncIterable<Buffer>)
      : fileChunks(file, signal),
  );
  if (!isGzip(input.start)) {
    return unmarked(input);
  }
  try {
    return await unmarked(await peeked(gunzipped(input.chunks)));
  } catch (error) {
    throw error instanceof DamagedFile ? new UsageError(error.message) : error;
  }
}

async function unmarked({ start, chunks }: Input): Promise<Input> {
  const same = inUtf8(start, chunks);
  return same === chunks ? { start, chunks } : peeked(same);
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

function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
