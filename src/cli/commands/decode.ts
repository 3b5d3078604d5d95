/**
 * `cotp decode`: every octet of TPKTs and TPDUs explained.
 */
import { constants, rmSync } from 'node:fs';
import { access, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DecodeOptions, TransportClass } from '../../core/tpdu/index.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import { command } from '../command.js';
import { isCapture, type Piece, piecesOf, type Way } from '../decode/capture.js';
import { Direction, TPKT_VERSION } from '../decode/direction.js';
import { dissect, isClean, TPKT_LENGTH } from '../decode/dissection.js';
import { octetsOfText } from '../decode/hex-text.js';
import { Negotiated } from '../decode/negotiated.js';
import * as report from '../decode/report.js';
import { EXIT, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { isNamedPipe, readWhole } from '../named-pipe.js';
import { flag, type OptionValues, value } from '../option.js';
import { JSON_OPTION } from '../options/output.js';
import { terminalJson } from '../terminal-text.js';
import { integer } from '../values.js';

const OPTIONS = {
  class: value(
    '--class <number>',
    'class of the connection, 0 to 4 (default: what CR and CC before it have agreed on)',
    integer(0, 4),
  ),
  full: flag('--full', 'every octet of long fields too'),
  json: JSON_OPTION,
};

type Values = OptionValues<typeof OPTIONS>;

export const decode = command({
  name: 'decode',
  summary: 'explain TPDUs octet by octet',
  description:
    'Explains every octet of TPKTs and TPDUs and names what departs from the standard. ' +
    'Reads hexadecimal in any common form (spaces, colons, a C array, a dump with offsets), ' +
    'octets as they are, or a capture file (pcap, pcapng; this requires tshark). ' +
    'The exit code is 0 when all of it conforms, 1 when something does not or cannot be decoded, ' +
    'and 2 when the input cannot be read or is no such thing.',
  operands: [
    { syntax: '[input...]', description: 'hexadecimal, a file, or - for stdin (the default)' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp decode 03 00 00 07 02 f0 80', 'an empty DT'],
    ['cotp decode capture.pcapng --json', 'every TPDU of every TCP stream, for machines'],
    ['xxd message.bin | cotp decode', 'a dump'],
  ],
  async run(input, options, io) {
    const decoder = new Decoder(options, io);
    const { path, octets } = await inputOf(input, io);
    if (isCapture(octets)) {
      await withPath(path, octets, (file) => decoder.capture(file));
    } else {
      for (const each of isText(octets) ? octetsOfText(octets.toString('latin1')) : [octets]) {
        await decoder.message(each);
      }
    }
    if (decoder.count === 0) {
      throw new UsageError('there is no TPKT or TPDU in the input');
    }
    return decoder.allClean ? EXIT.ok : EXIT.failed;
  },
});

/** After so many messages signals are let in: a long input can be left by Ctrl-C. */
const AT_ONCE = 100;

/** A stream of a capture while it is shown. */
interface Stream {
  readonly negotiated: Negotiated;
  /** By the end that sent. */
  readonly directions: Map<string, { readonly way: Way; readonly direction: Direction }>;
}

/** Shows what it is given, and remembers whether all of it conformed. */
class Decoder {
  /** Set by the user: it counts whatever was negotiated. */
  readonly #options: DecodeOptions;
  readonly #values: Values;
  readonly #io: Io;
  count = 0;
  allClean = true;

  constructor(values: Values, io: Io) {
    // The parser lets no other number through.
    const transportClass = values.class as TransportClass | undefined;
    this.#options = transportClass === undefined ? {} : { class: transportClass };
    this.#values = values;
    this.#io = io;
  }

  /** One TPDU, or TPKTs one after the other. */
  async message(octets: Buffer): Promise<void> {
    if (octets.length === 0) {
      return;
    }
    const negotiated = new Negotiated();
    if (octets[0] !== TPKT_VERSION) {
      await this.#show(octets, false, negotiated);
      return;
    }
    const cutter = new TpktCutter();
    let fault: string | undefined;
    const packets = cutter.cut(octets, (error) => {
      fault = error.message;
    });
    for (const packet of packets) {
      await this.#show(packet, true, negotiated);
    }
    if (fault !== undefined) {
      await this.#broken(fault);
    } else if (cutter.rest > 0) {
      await this.#broken(`the input ends within a TPKT, ${cutter.rest} octets after its beginning`);
    }
  }

  /** Every stream of a capture in which a TPKT begins; they come one after the other. */
  async capture(path: string): Promise<void> {
    let number = -1;
    let stream = newStream();
    for await (const piece of piecesOf(path, this.#io.signal)) {
      if (piece.stream !== number) {
        await this.#end(stream);
        number = piece.stream;
        stream = newStream();
      }
      await this.#piece(stream, piece);
    }
    if (!this.#io.signal.aborted) {
      await this.#end(stream);
    }
  }

  async #piece({ negotiated, directions }: Stream, piece: Piece): Promise<void> {
    const { stream: number, from, to } = piece;
    const way = { stream: number, from, to };
    const { direction } = directions.get(from) ?? { direction: new Direction() };
    directions.set(from, { way, direction });
    if ('missing' in piece) {
      const sentence = direction.lose(piece.missing);
      // Where neither side speaks TPKT nobody misses anything.
      if ([...directions.values()].some((each) => each.direction.hasTpkts)) {
        await this.#broken(sentence, way);
      }
      return;
    }
    const { packets, fault } = direction.take(piece.octets);
    for (const packet of packets) {
      await this.#show(packet, true, negotiated, way);
    }
    if (fault !== undefined) {
      await this.#broken(fault, way);
    }
  }

  async #end({ directions }: Stream): Promise<void> {
    for (const { way, direction } of directions.values()) {
      const sentence = direction.end();
      if (sentence !== undefined) {
        await this.#broken(sentence, way);
      }
    }
  }

  async #show(octets: Buffer, hasTpkt: boolean, negotiated: Negotiated, way?: Way): Promise<void> {
    if (this.count % AT_ONCE === 0) {
      await nextTurn();
    }
    if (this.#io.signal.aborted) {
      return;
    }
    this.count += 1;
    const tpdu = hasTpkt ? octets.subarray(TPKT_LENGTH) : octets;
    const options = { ...negotiated.optionsFor(tpdu), ...this.#options };
    const dissection = dissect(octets, hasTpkt, options);
    negotiated.take(dissection.tpdu);
    this.allClean &&= isClean(dissection);
    const { stdout } = this.#io;
    const place = placeOf(this.count, way);
    if (this.#values.json) {
      await stdout.write(`${terminalJson(report.json(dissection, place))}\n`);
    } else {
      const before = this.count === 1 ? '' : '\n';
      const text = report.text(dissection, place, stdout.colours, this.#values.full);
      await stdout.text(`${before}${text}\n`);
    }
  }

  async #broken(message: string, way?: Way): Promise<void> {
    this.count += 1;
    this.allClean = false;
    const { stdout } = this.#io;
    if (this.#values.json) {
      const where = way === undefined ? {} : way;
      await stdout.write(`${terminalJson({ number: this.count, ...where, error: { message } })}\n`);
    } else {
      const where = way === undefined ? '' : `TCP stream ${way.stream}, ${way.from} > ${way.to}: `;
      const before = this.count === 1 || way === undefined ? '' : '\n';
      await stdout.text(`${before}${stdout.colours.red(`${where}${message}`)}\n`);
    }
  }
}

function newStream(): Stream {
  return { negotiated: new Negotiated(), directions: new Map() };
}

function placeOf(number: number, way: Way | undefined): report.Place {
  return way === undefined
    ? { number }
    : { number, stream: { number: way.stream, from: way.from, to: way.to } };
}

/** Octets of the input, and the file that they are from. */
async function inputOf(
  operands: readonly string[],
  { stdin, signal }: Io,
): Promise<{ readonly path?: string; readonly octets: Buffer }> {
  const [first = '-'] = operands;
  if (operands.length <= 1 && first === '-') {
    return { octets: await buffer(addAbortSignal(signal, stdin as Readable)) };
  }
  if (operands.length === 1 && (await isThere(first))) {
    const octets = await readWhole(first, signal).catch((error: NodeJS.ErrnoException) => {
      signal.throwIfAborted();
      throw new UsageError(`${first} cannot be read (${error.code})`);
    });
    // tshark reads a file more than once, which a pipe cannot.
    return isNamedPipe(first) ? { octets } : { path: first, octets };
  }
  await refuseFiles(operands);
  return { octets: Buffer.from(operands.join(' ')) };
}

/** Hexadecimal may come in pieces, and a name of those digits is meant as such. */
async function refuseFiles(operands: readonly string[]): Promise<void> {
  for (const operand of operands) {
    const isFile = !/^(?:0x)?[0-9a-f:.,;_-]+$/i.test(operand) && (await isThere(operand));
    if (operand === '-' || isFile) {
      const what = operand === '-' ? 'stdin' : operand;
      throw new UsageError(`one input at a time is taken: ${what} cannot stand beside others`);
    }
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** Octets of a message are hardly ever all printable; hexadecimal always is. */
function isText(octets: Buffer): boolean {
  return octets.every((octet) => (octet >= 0x20 && octet < 0x7f) || (octet >= 9 && octet <= 13));
}

/** tshark reads a file; what came by stdin becomes one for as long as it takes. */
async function withPath(
  path: string | undefined,
  octets: Buffer,
  use: (path: string) => Promise<void>,
): Promise<void> {
  if (path !== undefined) {
    return use(path);
  }
  // A folder that nobody could have guessed or prepared, and nobody else can look into.
  const folder = await mkdtemp(join(tmpdir(), 'cotp-decode-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A second Ctrl-C ends the process in the middle of this.
  process.once('exit', remove);
  try {
    const file = join(folder, 'capture.pcap');
    await writeFile(file, octets, { mode: 0o600, flag: 'wx' });
    await use(file);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
