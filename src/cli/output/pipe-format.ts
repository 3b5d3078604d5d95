/**
 * Reads and writes TSDUs on a pipe. A pipe is a byte stream without message boundaries; each format marks
 * the boundaries in its own way.
 */
import { MAX_USER_DATA } from '../../node/codes.js';
import { UsageError } from '../exit.js';
import { hexText } from './octets-text.js';
import { counted } from './plural.js';
import { escapedOctet, isPrintable } from './terminal-text.js';

export type PipeFormatName = 'line' | 'hex' | 'raw' | 'length';

/** Expedited data, 1 to 16 octets, among the TSDUs of a pipe. */
export class ExpeditedData {
  readonly octets: Buffer;

  constructor(octets: Buffer) {
    this.octets = octets;
  }
}

/** A format for TSDUs on a byte stream. */
export interface PipeFormat {
  /** Reads TSDUs and expedited data from chunks. Each has at least one octet. @throws UsageError */
  read(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer | ExpeditedData>;
  /** Formats one TSDU. */
  write(tsdu: Uint8Array): string | Uint8Array;
  /** Formats expedited data; `undefined` if the format has no form for it. */
  readonly writeExpedited: ((data: Uint8Array) => string) | undefined;
}

/** Largest line or length-prefixed TSDU, in octets. It limits the memory that bad input can use. */
const MAX_TSDU = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * Octets of a line that a terminal of Linux passes to a program. It drops the rest of a longer one, for example of pasted
 * hexadecimal, and reports nothing.
 */
const MOST_TYPED = 4_095;

/** Begins a line of hexadecimal that is expedited data. */
const EXPEDITED_MARK = '!';

/** How a format is used. */
interface PipeUse {
  /** Largest TSDU that `raw` creates, in octets. */
  readonly tsduSize: number;
  /**
   * Present when TSDUs are written to a terminal: `line` then escapes what is not printable, so that a peer
   * cannot send control sequences to the terminal.
   */
  readonly terminal?: { readonly takesUtf8: boolean } | undefined;
  /** `--expedited` was given: `hex` reads lines with expedited data. Default: `false`. */
  readonly expedited?: boolean;
  /**
   * Lines are typed or pasted on a terminal. It is called for a line that is not hexadecimal, or that the terminal may
   * have cut; the line is then left out. Default: `read` throws the error, for what follows in a file is wrong too.
   */
  readonly onBadLine?: ((error: UsageError) => void) | undefined;
}

export function pipeFormat(
  name: PipeFormatName,
  { tsduSize, terminal, expedited = false, onBadLine }: PipeUse,
): PipeFormat {
  switch (name) {
    case 'line':
      return {
        read: (chunks) => withoutEmpty(typedLines(chunks, onBadLine)),
        write: (tsdu) =>
          terminal === undefined
            ? Buffer.concat([tsdu, Uint8Array.of(NEWLINE)], tsdu.length + 1)
            : `${printable(tsdu, terminal.takesUtf8)}\n`,
        writeExpedited: undefined,
      };
    case 'hex':
      return {
        read: (chunks) => hexLines(chunks, expedited, onBadLine),
        write: (tsdu) => `${hexText(tsdu)}\n`,
        writeExpedited: (data) => `${EXPEDITED_MARK}${hexText(data)}\n`,
      };
    case 'raw':
      return {
        read: (chunks) => cut(chunks, tsduSize),
        write: (tsdu) => tsdu,
        writeExpedited: undefined,
      };
    case 'length':
      return { read: prefixed, write: withPrefix, writeExpedited: undefined };
  }
}

/** In octets read as latin1: a UTF-8 character beyond ASCII (RFC 3629 §4), or an unprintable octet. */
const CHARACTER =
  /[\xc2-\xdf][\x80-\xbf]|(?:\xe0[\xa0-\xbf]|\xed[\x80-\x9f]|[\xe1-\xec\xee\xef][\x80-\xbf])[\x80-\xbf]|(?:\xf0[\x90-\xbf]|\xf4[\x80-\x8f]|[\xf1-\xf3][\x80-\xbf])[\x80-\xbf]{2}|[^\x20-\x7e\t]/g;

function printable(octets: Uint8Array, takesUtf8: boolean): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
  return text.replace(CHARACTER, (chars) => {
    const character = Buffer.from(chars, 'latin1').toString();
    return takesUtf8 && chars.length > 1 && isPrintable(character)
      ? character
      : Array.from(Buffer.from(chars, 'latin1'), escapedOctet).join('');
  });
}

/** Splits lines and removes the newline; the last line may lack one. */
async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let parts: Uint8Array[] = [];
  let waiting = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      waiting = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      waiting += chunk.length - start;
      checkSize(waiting, 'a line');
    }
  }
  if (waiting > 0) {
    yield Buffer.concat(parts);
  }
}

/** Lines; if they come from a terminal, without those that it may have cut. */
async function* typedLines(
  chunks: AsyncIterable<Uint8Array>,
  onCut: ((error: UsageError) => void) | undefined,
): AsyncIterable<Buffer> {
  let number = 0;
  for await (const line of lines(chunks)) {
    number += 1;
    if (onCut !== undefined && line.length === MOST_TYPED) {
      onCut(
        new UsageError(
          `line ${number} has ${MOST_TYPED} octets, the most that a terminal passes on, so its rest may be lost: use --file or a pipe`,
        ),
      );
      // Empty, so that the number of the lines after it stays right.
      yield Buffer.alloc(0);
    } else {
      yield line;
    }
  }
}

/** Skips empty TSDUs: a TSDU has at least one octet (X.214). */
async function* withoutEmpty(tsdus: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  for await (const tsdu of tsdus) {
    if (tsdu.length > 0) {
      yield tsdu;
    }
  }
}

async function* hexLines(
  chunks: AsyncIterable<Uint8Array>,
  expedited: boolean,
  onBadLine: ((error: UsageError) => void) | undefined,
): AsyncIterable<Buffer | ExpeditedData> {
  let number = 0;
  for await (const line of typedLines(chunks, onBadLine)) {
    number += 1;
    const item = itemOrError(line.toString('latin1').trimStart(), number, expedited);
    if (item instanceof UsageError) {
      (onBadLine ?? thrown)(item);
    } else if (item instanceof ExpeditedData || item.length > 0) {
      yield item;
    }
  }
}

/** The octets of a line, or what is wrong with it. */
function itemOrError(
  text: string,
  number: number,
  expedited: boolean,
): Buffer | ExpeditedData | UsageError {
  try {
    if (!text.startsWith(EXPEDITED_MARK)) {
      return hexOctets(text, number);
    }
    if (!expedited) {
      throw new UsageError(`line ${number} is expedited data: that requires --expedited`);
    }
    return expeditedOf(hexOctets(text.slice(EXPEDITED_MARK.length), number), number);
  } catch (error) {
    if (error instanceof UsageError) {
      return error;
    }
    throw error;
  }
}

function thrown(error: UsageError): never {
  throw error;
}

function hexOctets(text: string, lineNumber: number): Buffer {
  const digits = text.replace(/[\s:]+/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) {
    const shown = JSON.stringify(text.slice(0, 40));
    throw new UsageError(
      `line ${lineNumber} must be hexadecimal, two digits for each octet, not ${shown}`,
    );
  }
  return Buffer.from(digits, 'hex');
}

function expeditedOf(octets: Buffer, lineNumber: number): ExpeditedData {
  const { length } = octets;
  if (length < 1 || length > MAX_USER_DATA.expedited) {
    throw new UsageError(
      `line ${lineNumber} must be 1 to ${MAX_USER_DATA.expedited} octets of expedited data, not ${length}`,
    );
  }
  return new ExpeditedData(octets);
}

async function* cut(chunks: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Buffer> {
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += size) {
      yield Buffer.from(chunk.subarray(start, start + size));
    }
  }
}

async function* prefixed(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let parts: Uint8Array[] = [];
  let have = 0;
  let wanted = 4;
  for await (const chunk of chunks) {
    parts.push(chunk);
    have += chunk.length;
    if (have < wanted) {
      continue;
    }
    let waiting = Buffer.concat(parts, have);
    for (;;) {
      wanted = 4 + (waiting.length < 4 ? 0 : waiting.readUInt32BE(0));
      checkSize(wanted - 4, 'a TSDU');
      if (waiting.length < wanted) {
        break;
      }
      if (wanted > 4) {
        yield waiting.subarray(4, wanted);
      }
      waiting = waiting.subarray(wanted);
    }
    parts = [waiting];
    have = waiting.length;
  }
  if (have > 0) {
    throw new UsageError(
      `the last TSDU is not complete: it lacks ${counted(wanted - have, 'octet')}`,
    );
  }
}

function withPrefix(tsdu: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(tsdu.length);
  return Buffer.concat([prefix, tsdu]);
}

function checkSize(octets: number, what: string): void {
  if (octets > MAX_TSDU) {
    throw new UsageError(`${what} must have at most ${MAX_TSDU} octets; this one has ${octets}`);
  }
}
