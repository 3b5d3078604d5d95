/**
 * `cotp decode`: explains every octet of TPKTs and TPDUs.
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
import { captureChunks, type Flow, type FlowChunk, isCapture } from '../decode/capture.js';
import { CapturedDirection, TPKT_VERSION } from '../decode/captured-direction.js';
import { explainMessage, isClean, TPKT_LENGTH } from '../decode/explained-message.js';
import { messageJson, messageText, type Place } from '../decode/format-message.js';
import { octetsOfText } from '../decode/hex-text.js';
import { Negotiated } from '../decode/negotiated.js';
import { tpdusOf } from '../decode/nsdu.js';
import { EXIT, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { isNamedPipe, readWhole } from '../named-pipe.js';
import { flag, type OptionValues, value } from '../option.js';
import { JSON_OPTION } from '../options/reporting.js';
import { terminalJson } from '../terminal-text.js';
import { integer } from '../values.js';

const OPTIONS = {
  class: value(
    '--class <number>',
    'transport class, 0 to 4 (default: the class negotiated by the CR and CC before it)',
    integer(0, 4),
  ),
  full: flag('--full', 'print every octet of long fields'),
  json: JSON_OPTION,
};

type Values = OptionValues<typeof OPTIONS>;

export const decode = command({
  name: 'decode',
  summary: 'explain TPDUs octet by octet',
  description:
    'Explains every octet of TPKTs and TPDUs and reports deviations from the standard. ' +
    'Reads hexadecimal in any common form (spaces, colons, a C array, a dump with offsets), ' +
    'binary data, or a capture file (pcap, pcapng; this requires tshark). ' +
    'The exit code is 0 if all of it conforms, 1 if something deviates or cannot be decoded, ' +
    'and 2 if the input cannot be read or contains no TPKT or TPDU.',
  operands: [
    { syntax: '[input...]', description: 'hexadecimal, a file, or - for stdin (the default)' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp decode 03 00 00 07 02 f0 80', 'an empty DT'],
    ['cotp decode capture.pcapng --json', 'every TPDU of every TCP stream, as JSON'],
    ['xxd message.bin | cotp decode', 'a hex dump'],
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

/** After this many messages the event loop runs once, so that Ctrl-C can interrupt a long input. */
const MESSAGES_PER_TURN = 100;

/** The state of the TCP stream that is being decoded. */
interface Stream {
  readonly negotiated: Negotiated;
  /** By the address of the sender. */
  readonly directions: Map<string, { readonly flow: Flow; readonly direction: CapturedDirection }>;
}

/** Where a message is. */
interface Shown {
  readonly hasTpkt: boolean;
  /** Another TPDU is before it in its TPKT. */
  readonly isInSameTpkt?: boolean;
  readonly flow?: Flow | undefined;
}

/** Decodes and prints messages, and remembers whether all of them conformed. */
class Decoder {
  /** Set by the user; overrides what was negotiated. */
  readonly #options: DecodeOptions;
  readonly #values: Values;
  readonly #io: Io;
  /** What the messages of an input without streams have negotiated. */
  readonly #negotiated = new Negotiated();
  count = 0;
  allClean = true;

  constructor(values: Values, io: Io) {
    // The parser of --class accepts 0 to 4 only.
    const transportClass = values.class as TransportClass | undefined;
    this.#options = transportClass === undefined ? {} : { class: transportClass };
    this.#values = values;
    this.#io = io;
  }

  /** Decodes one TPDU, or a sequence of TPKTs. */
  async message(octets: Buffer): Promise<void> {
    if (octets.length === 0) {
      return;
    }
    const negotiated = this.#negotiated;
    if (octets[0] !== TPKT_VERSION) {
      await this.#showTpdus(octets, false, negotiated);
      return;
    }
    const cutter = new TpktCutter();
    let fault: string | undefined;
    const packets = cutter.cut(octets, (error) => {
      fault = error.message;
    });
    for (const packet of packets) {
      await this.#showTpdus(packet, true, negotiated);
    }
    if (fault !== undefined) {
      await this.#broken(fault);
    } else if (cutter.rest > 0) {
      await this.#broken(`the input ends within a TPKT, ${cutter.rest} octets after its beginning`);
    }
  }

  /** Decodes every TCP stream of a capture that contains TPKTs, one stream after the other. */
  async capture(path: string): Promise<void> {
    let number = -1;
    let stream = newStream();
    for await (const chunk of captureChunks(path, this.#io.signal)) {
      if (chunk.stream !== number) {
        await this.#end(stream);
        number = chunk.stream;
        stream = newStream();
      }
      await this.#chunk(stream, chunk);
    }
    if (!this.#io.signal.aborted) {
      await this.#end(stream);
    }
  }

  async #chunk({ negotiated, directions }: Stream, chunk: FlowChunk): Promise<void> {
    const { stream: number, from, to } = chunk;
    const flow = { stream: number, from, to };
    const { direction } = directions.get(from) ?? { direction: new CapturedDirection() };
    directions.set(from, { flow, direction });
    if ('missing' in chunk) {
      const sentence = direction.skip(chunk.missing);
      // In a stream without TPKTs the gap does not matter.
      if ([...directions.values()].some((each) => each.direction.hasTpkts)) {
        await this.#broken(sentence, flow);
      }
      return;
    }
    const { packets, fault } = direction.push(chunk.octets);
    for (const packet of packets) {
      await this.#showTpdus(packet, true, negotiated, flow);
    }
    if (fault !== undefined) {
      await this.#broken(fault, flow);
    }
  }

  async #end({ directions }: Stream): Promise<void> {
    for (const { flow, direction } of directions.values()) {
      const sentence = direction.end();
      if (sentence !== undefined) {
        await this.#broken(sentence, flow);
      }
    }
  }

  /** Shows a TPKT or a TPDU; in a TPKT with several TPDUs, each of them. */
  async #showTpdus(
    octets: Buffer,
    hasTpkt: boolean,
    negotiated: Negotiated,
    flow?: Flow,
  ): Promise<void> {
    const start = hasTpkt ? TPKT_LENGTH : 0;
    const nsdu = octets.subarray(start);
    const options = { ...negotiated.optionsFor(nsdu), ...this.#options };
    const [first = nsdu, ...others] = tpdusOf(nsdu, options);
    await this.#show(octets.subarray(0, start + first.length), negotiated, { hasTpkt, flow });
    for (const other of others) {
      const follows = { hasTpkt: false, isInSameTpkt: hasTpkt, flow };
      await this.#show(other, negotiated, follows);
    }
  }

  async #show(
    octets: Buffer,
    negotiated: Negotiated,
    { hasTpkt, isInSameTpkt = false, flow }: Shown,
  ): Promise<void> {
    if (this.count % MESSAGES_PER_TURN === 0) {
      await nextTurn();
    }
    if (this.#io.signal.aborted) {
      return;
    }
    this.count += 1;
    const tpdu = hasTpkt ? octets.subarray(TPKT_LENGTH) : octets;
    const options = { ...negotiated.optionsFor(tpdu), ...this.#options };
    const message = explainMessage(octets, hasTpkt, options);
    negotiated.push(message.tpdu);
    this.allClean &&= isClean(message);
    const { stdout } = this.#io;
    const place = { ...placeOf(this.count, flow), isInSameTpkt };
    if (this.#values.json) {
      await stdout.write(`${terminalJson(messageJson(message, place))}\n`);
    } else {
      const before = this.count === 1 ? '' : '\n';
      const text = messageText(message, place, stdout.colours, this.#values.full);
      await stdout.text(`${before}${text}\n`);
    }
  }

  async #broken(message: string, flow?: Flow): Promise<void> {
    this.count += 1;
    this.allClean = false;
    const { stdout } = this.#io;
    if (this.#values.json) {
      const where = flow === undefined ? {} : flow;
      await stdout.write(`${terminalJson({ number: this.count, ...where, error: { message } })}\n`);
    } else {
      const where =
        flow === undefined ? '' : `TCP stream ${flow.stream}, ${flow.from} > ${flow.to}: `;
      const before = this.count === 1 || flow === undefined ? '' : '\n';
      await stdout.text(`${before}${stdout.colours.red(`${where}${message}`)}\n`);
    }
  }
}

function newStream(): Stream {
  return { negotiated: new Negotiated(), directions: new Map() };
}

function placeOf(number: number, flow: Flow | undefined): Place {
  return flow === undefined
    ? { number }
    : { number, stream: { number: flow.stream, from: flow.from, to: flow.to } };
}

/** Reads the input. `path` is set if it came from a file. */
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
    // tshark reads the file more than once, which is impossible with a pipe.
    return isNamedPipe(first) ? { octets } : { path: first, octets };
  }
  await rejectFiles(operands);
  return { octets: Buffer.from(operands.join(' ')) };
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

/** True for hexadecimal text. The octets of a binary message are almost never all printable. */
function isText(octets: Buffer): boolean {
  return octets.every((octet) => (octet >= 0x20 && octet < 0x7f) || (octet >= 9 && octet <= 13));
}

/** Calls `use` with a path that tshark can read: a temporary file if the capture came from stdin. */
async function withPath(
  path: string | undefined,
  octets: Buffer,
  use: (path: string) => Promise<void>,
): Promise<void> {
  if (path !== undefined) {
    return use(path);
  }
  // mkdtemp creates a folder with an unpredictable name that only this user can access.
  const folder = await mkdtemp(join(tmpdir(), 'cotp-decode-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A second Ctrl-C ends the process without `finally`.
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
