/**
 * `cotp decode`: explains every octet of TPKTs and TPDUs.
 */
import { CaptureReader } from '../capture/capture-reader.js';
import { DamagedFile } from '../capture/packet.js';
import { nothingIn, readEvents, readerFor } from '../capture/read-events.js';
import { command } from '../command-line/command.js';
import { Decoder } from '../decode/decoder.js';
import { NoHexadecimal, octetsOfText } from '../decode/hex-text.js';
import { type Input, openFile, textOfOperands } from '../decode/input.js';
import { messagesIn } from '../decode/messages-in.js';
import { EXIT, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { flag, value } from '../options/option.js';
import { JSON_OPTION } from '../options/reporting.js';
import { integer } from '../options/values.js';

/** Longest input that is neither a capture nor a trace, in octets: it is read as a whole. */
const MOST_WHOLE = 64 * 1024 * 1024;

const OPTIONS = {
  class: value(
    '--class <number>',
    'transport class, 0 to 4 (default: the class negotiated by the CR and CC before it)',
    integer(0, 4),
  ),
  full: flag('--full', 'print every octet of long fields'),
  summary: flag('--summary', 'print one line per TPDU, and one line with totals', {
    conflicts: ['full', 'json'],
  }),
  json: JSON_OPTION,
};

export const decode = command({
  name: 'decode',
  summary: 'explain TPDUs octet by octet',
  description:
    'Explains every octet of TPKTs and TPDUs and reports deviations from the standard. ' +
    'Reads hexadecimal in any common form (spaces, colons, a C array, an escaped string, a dump with offsets), ' +
    'binary data, a capture file (pcap, pcapng), or a trace that proxy --jsonl wrote. ' +
    'A file can be compressed with gzip. ' +
    'The exit code is 0 if all of it conforms, 1 if something deviates, cannot be decoded or is ' +
    'missing, and 2 if the input cannot be read or contains no TPKT or TPDU.',
  operands: [
    { syntax: '[input...]', description: 'hexadecimal, a file, or - for stdin (the default)' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp decode 03 00 00 07 02 f0 80', 'an empty DT'],
    ['cotp decode capture.pcapng --summary', 'every TPDU of every TCP stream, one line each'],
    ['cotp decode capture.pcapng --json', 'the same as JSON, octet by octet'],
    ['xxd message.bin | cotp decode', 'a hex dump'],
  ],
  async run(operands, options, io) {
    const decoder = new Decoder(options, io);
    const text = await textOfOperands(operands);
    const nothing =
      text === undefined
        ? await decodeFile(operands[0] ?? '-', decoder, io)
        : await decodeMessages(messagesOfOperands(text), decoder);
    if (nothing !== undefined && !io.signal.aborted) {
      throw new UsageError(nothing);
    }
    await decoder.end();
    return decoder.allClean ? EXIT.ok : EXIT.failed;
  },
});

/** Decodes a file or stdin; returns the sentence that says so if there is nothing in it. */
async function decodeFile(file: string, decoder: Decoder, io: Io): Promise<string | undefined> {
  const input = await openFile(file, io);
  const reader = readerFor(input.start);
  if (reader === undefined) {
    return decodeMessages(await messagesOfFile(input, file), decoder);
  }
  const kind = reader instanceof CaptureReader ? 'capture' : 'trace';
  await readEvents(input, reader, io.signal, (events) => decoder.events(kind, events));
  // Reports of what is missing are no messages.
  return decoder.tpdus > 0 ? undefined : nothingIn(reader);
}

async function decodeMessages(
  messages: readonly Buffer[],
  decoder: Decoder,
): Promise<string | undefined> {
  for (const each of messages) {
    await decoder.message(each);
  }
  return decoder.count > 0 ? undefined : nothingIn();
}

/** @throws UsageError if the input is too long, or cannot be decompressed */
async function whole({ chunks }: Input): Promise<Buffer> {
  const read: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > MOST_WHOLE) {
        throw new UsageError(
          `the input is neither a capture nor a trace, and longer than ${MOST_WHOLE} octets`,
        );
      }
      read.push(chunk);
    }
  } catch (error) {
    throw error instanceof DamagedFile ? new UsageError(error.message) : error;
  }
  return Buffer.concat(read);
}

/** @throws UsageError that names the input, if it is empty or cannot be decoded */
async function messagesOfFile(input: Input, file: string): Promise<readonly Buffer[]> {
  const octets = await whole(input);
  if (octets.length === 0) {
    throw new UsageError('the input is empty');
  }
  try {
    return messagesIn(octets);
  } catch (error) {
    if (error instanceof NoHexadecimal && file !== '-') {
      throw new UsageError(
        `${file} must be a capture, a trace, binary data or hexadecimal, but it is text and ${noDigit(error)}`,
      );
    }
    throw error;
  }
}

/** Longest text of operands that an error repeats, in characters. */
const MOST_SHOWN = 40;

/** @throws UsageError if the text is empty, or no hexadecimal */
function messagesOfOperands(text: string): readonly Buffer[] {
  if (text === '') {
    throw new UsageError('the input is empty');
  }
  try {
    return octetsOfText(text);
  } catch (error) {
    if (error instanceof NoHexadecimal) {
      const characters = [...text];
      const more = characters.length > MOST_SHOWN ? '…' : '';
      const shown = `${characters.slice(0, MOST_SHOWN).join('')}${more}`;
      throw new UsageError(
        `${JSON.stringify(shown)} must be a file or hexadecimal, but there is no such file and ${noDigit(error)}`,
      );
    }
    throw error;
  }
}

function noDigit({ character }: NoHexadecimal): string {
  return `${JSON.stringify(character)} is no hexadecimal digit`;
}
