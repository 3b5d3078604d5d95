/**
 * `cotp decode`: every octet of TPKTs and TPDUs explained.
 */
import { constants } from 'node:fs';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DecodeOptions, TransportClass } from '../../core/tpdu/index.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import { command } from '../command.js';
import { isCapture, piecesOf } from '../decode/capture.js';
import { dissect, isClean } from '../decode/dissection.js';
import { octetsOfText } from '../decode/hex-text.js';
import * as report from '../decode/report.js';
import { EXIT, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { flag, type OptionValues, value } from '../option.js';
import { JSON_OPTION } from '../options/output.js';
import { integer } from '../values.js';

const OPTIONS = {
  class: value(
    '--class <number>',
    'class of the connection, 0 to 4 (default: not known)',
    integer(0, 4),
  ),
  full: flag('--full', 'every octet of long fields too'),
  json: JSON_OPTION,
};

type Values = OptionValues<typeof OPTIONS>;

/** The first octet of a TPKT. No TPDU begins so: none has a header of three octets. */
const TPKT_VERSION = 3;

export const decode = command({
  name: 'decode',
  summary: 'explain TPDUs octet by octet',
  description:
    'Explains every octet of TPKTs and TPDUs and names what departs from the standard. ' +
    'Reads hexadecimal in any common form (spaces, colons, a C array, a dump with offsets), ' +
    'octets as they are, or a capture file (pcap, pcapng; this takes tshark). ' +
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

/** Shows what it is given, and remembers whether all of it conformed. */
class Decoder {
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
    if (octets[0] !== TPKT_VERSION) {
      await this.#show(octets, false);
      return;
    }
    await this.#tpkts(new TpktCutter(), octets);
  }

  /** Every stream of a capture in which a TPKT begins. */
  async capture(path: string): Promise<void> {
    const cutters = new Map<string, TpktCutter>();
    for await (const { stream, from, to, octets } of piecesOf(path, this.#io.signal)) {
      const way = `${stream} ${from} ${to}`;
      let cutter = cutters.get(way);
      if (cutter === undefined && octets[0] === TPKT_VERSION) {
        cutter = new TpktCutter();
        cutters.set(way, cutter);
      }
      if (cutter !== undefined) {
        await this.#tpkts(cutter, octets, { number: stream, from, to });
      }
    }
  }

  async #tpkts(cutter: TpktCutter, octets: Buffer, stream?: report.Place['stream']): Promise<void> {
    let fault: Error | undefined;
    const packets = cutter.cut(octets, (error) => {
      fault = error;
    });
    for (const packet of packets) {
      await this.#show(packet, true, stream);
    }
    // A capture is cut as it comes, so a packet may go on in the next piece.
    const isCut = stream === undefined && cutter.rest > 0;
    if (fault !== undefined) {
      this.#broken(fault.message);
    } else if (isCut) {
      this.#broken(`the input ends within a TPKT, ${cutter.rest} octets after its beginning`);
    }
  }

  async #show(octets: Buffer, hasTpkt: boolean, stream?: report.Place['stream']): Promise<void> {
    if (this.count % AT_ONCE === 0) {
      await nextTurn();
    }
    if (this.#io.signal.aborted) {
      return;
    }
    this.count += 1;
    const place = { number: this.count, ...(stream === undefined ? {} : { stream }) };
    const dissection = dissect(octets, hasTpkt, this.#options);
    this.allClean &&= isClean(dissection);
    const { stdout } = this.#io;
    if (this.#values.json) {
      await stdout.write(`${JSON.stringify(report.json(dissection, place))}\n`);
    } else {
      const before = this.count === 1 ? '' : '\n';
      const text = report.text(dissection, place, stdout.colours, this.#values.full);
      await stdout.write(`${before}${text}\n`);
    }
  }

  #broken(message: string): void {
    this.count += 1;
    this.allClean = false;
    const { stdout } = this.#io;
    stdout.line(
      this.#values.json
        ? JSON.stringify({ number: this.count, error: { message } })
        : stdout.colours.red(message),
    );
  }
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
    const octets = await readFile(first).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`${first} cannot be read (${error.code})`);
    });
    return { path: first, octets };
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
  const file = join(tmpdir(), `cotp-decode-${process.pid}.pcap`);
  await writeFile(file, octets, { mode: 0o600 });
  try {
    await use(file);
  } finally {
    await rm(file, { force: true });
  }
}
