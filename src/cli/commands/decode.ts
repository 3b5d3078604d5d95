/**
 * `cotp decode`: explains every octet of TPKTs and TPDUs.
 */
import { CaptureReader, isCapture } from '../capture/capture-reader.js';
import { DamagedFile } from '../capture/packet.js';
import { readEvents } from '../capture/read-events.js';
import { isTrace, TraceReader } from '../capture/trace-reader.js';
import { command } from '../command.js';
import { Decoder } from '../decode/decoder.js';
import { NoHexadecimal, octetsOfText } from '../decode/hex-text.js';
import { type Input, isFileName, isText, openInput } from '../decode/input.js';
import { EXIT, UsageError } from '../exit.js';
import { flag, value } from '../option.js';
import { JSON_OPTION } from '../options/reporting.js';
import { integer } from '../values.js';

/** Longest input that is neither a capture nor a trace, in octets: it is read as a whole. */
const MOST_WHOLE = 64 * 1024 * 1024;

/** The same of hexadecimal text, which takes up to sixty times as much memory while it is parsed. */
const MOST_TEXT = 16 * 1024 * 1024;

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
    'Reads hexadecimal in any common form (spaces, colons, a C array, a dump with offsets), ' +
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
    const input = await openInput(operands, io);
    if (isCapture(input.start)) {
      const reader = new CaptureReader(input.start);
      await readEvents(input, reader, io.signal, (events) => decoder.events('capture', events));
    } else if (isTrace(input.start)) {
      const reader = new TraceReader();
      await readEvents(input, reader, io.signal, (events) => decoder.events('trace', events));
    } else {
      for (const each of await messagesOf(input, operands)) {
        await decoder.message(each);
      }
    }
    const hasMessages = decoder.count > 0 && (decoder.tpdus > 0 || !isStreamed(input));
    if (!hasMessages && !io.signal.aborted) {
      throw new UsageError('there is no TPKT or TPDU in the input');
    }
    await decoder.end();
    return decoder.allClean ? EXIT.ok : EXIT.failed;
  },
});

/** True if the input is read piece by piece, and what is missing in it is reported. */
function isStreamed({ start }: Input): boolean {
  return isCapture(start) || isTrace(start);
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
async function messagesOf(input: Input, operands: readonly string[]): Promise<readonly Buffer[]> {
  const octets = await whole(input);
  if (octets.length === 0) {
    throw new UsageError('the input is empty');
  }
  try {
    return octetsOf(octets);
  } catch (error) {
    throw error instanceof NoHexadecimal
      ? new UsageError(await noHexadecimalText(error, operands))
      : error;
  }
}

/** Longest text of operands that an error repeats. */
const MOST_SHOWN = 40;

async function noHexadecimalText(
  { message, character }: NoHexadecimal,
  operands: readonly string[],
): Promise<string> {
  const text = operands.join(' ');
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  const digit = `${JSON.stringify(character)} is no hexadecimal digit`;
  if (await isFileName(operands)) {
    return `${text} must be a capture, a trace, binary data or hexadecimal, but it is text and ${digit}`;
  }
  return text === '' || text === '-'
    ? message
    : `${JSON.stringify(shown)} must be a file or hexadecimal, but there is no such file and ${digit}`;
}

/** @throws UsageError if it is text that is too long, or no hexadecimal */
function octetsOf(input: Buffer): readonly Buffer[] {
  if (!isText(input)) {
    return [input];
  }
  if (input.length > MOST_TEXT) {
    throw new UsageError(`the input is text that is longer than ${MOST_TEXT} octets`);
  }
  return octetsOfText(input.toString('latin1'));
}
