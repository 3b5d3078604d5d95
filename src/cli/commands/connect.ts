/**
 * `cotp connect`: sends stdin as TSDUs and writes received TSDUs to stdout.
 */
import { addAbortSignal, type Readable } from 'node:stream';
import { type Connection, CotpError, connect as open, type Tpdu } from '../../index.js';
import { closeOnStop } from '../close-on-stop.js';
import { command } from '../command-line/command.js';
import { CommandError, EXIT, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { readWhole } from '../named-pipe.js';
import { CLIENT_OPTIONS, connectOptions } from '../options/connection.js';
import { flag, type OptionValues, value, valueOr } from '../options/option.js';
import { PIPE_FORMAT_OPTIONS, pipeFormatOf } from '../options/pipe-format.js';
import { JSON_OPTION, VERBOSE_OPTION } from '../options/reporting.js';
import { clientTls, TLS_CLIENT_OPTIONS } from '../options/tls.js';
import { CLIENT_CLASS_OPTIONS, classOptions } from '../options/transport-class.js';
import { address, millisecondsOrZero, text } from '../options/values.js';
import { complain, jsonLine, tracer } from '../output/events.js';
import { forEachExpedited, showExpedited } from '../output/expedited.js';
import { fileReason } from '../output/file-error.js';
import { infoJson, infoText } from '../output/format-info.js';
import { hexText } from '../output/octets-text.js';
import { ExpeditedData, type PipeFormat } from '../output/pipe-format.js';
import { counted } from '../output/plural.js';
import { releaseJson, releaseText } from '../output/release.js';

const OPTIONS = {
  ...CLIENT_OPTIONS,
  ...CLIENT_CLASS_OPTIONS,
  ...PIPE_FORMAT_OPTIONS,
  file: value('--file <file>', 'send this file as one TSDU instead of stdin', text, {
    group: 'How TSDUs are read and written',
    conflicts: ['tsduSize'],
  }),
  wait: valueOr(
    '--wait <time>',
    'after the end of stdin: close when nothing arrives for this time; 0 expects no answer',
    millisecondsOrZero,
    3_000,
    { shownDefault: '3s' },
  ),
  hold: flag(
    '--hold',
    'class 0: send no FIN at the end of stdin; some peers do not answer after it',
  ),
  verbose: VERBOSE_OPTION,
  json: JSON_OPTION,
  ...TLS_CLIENT_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const connect = command({
  name: 'connect',
  summary: 'send stdin as TSDUs, and write TSDUs to stdout',
  description:
    'Connects, sends each message of stdin as a TSDU, and writes each TSDU of the peer to stdout. ' +
    'At the end of stdin it sends FIN and waits for the answers of the peer; in class 2 it waits first, ' +
    'then ends the connection by a DR, which the peer confirms. ' +
    'It exits with 4 if it has sent something and the peer neither answers nor closes. ' +
    'An empty line is not sent: a TSDU has at least one octet.',
  operands: [
    { syntax: '<host[:port]>', description: 'server to connect to; the default port is 102' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp connect 10.0.0.5 --s7 pg,0,2 --hex -v', 'type S7 messages in hexadecimal'],
    ['cotp connect 10.0.0.6 --remote-tsel 0x0001 --size 8192', 'an MMS server of IEC 61850'],
    ['cat file | cotp connect 10.0.0.5:1102 --raw > answer', 'send a file and save the answer'],
    ['cotp connect mms.example:3782 --tls-ca ca.pem', 'TLS, as IEC 62351 requires'],
    [
      'cotp connect 10.0.0.7 --class 2,0 --expedited --hex',
      "class 2 if the peer has it; a line such as '! 01 02' is expedited data",
    ],
  ],
  async run([target = ''], options, io) {
    const form = pipeFormatOf(options, io.stdout.terminal, onBadLine(io));
    const transport = classOptions(options);
    const whole = options.file === undefined ? undefined : await fileTsdu(options.file, io.signal);
    const addr = address(target);
    const shown = tracer(io, options);
    let answer: Tpdu | undefined;
    const conn = await open(addr, {
      ...connectOptions(options),
      ...transport,
      tls: await clientTls(options),
      trace: (entry) => {
        shown?.(entry);
        if (answer === undefined && entry.direction === 'received') {
          answer = entry.tpdu instanceof CotpError ? undefined : entry.tpdu;
        }
      },
      signal: io.signal,
    });
    closeOnStop(conn, io);
    if (answer?.type === 'CC' && answer.remoteDesktop !== undefined) {
      io.stderr.line('the peer looks like remote desktop (RDP), which uses no COTP after the CC');
    }
    if (options.json) {
      await jsonLine(io, { event: 'open', ...infoJson(conn.info) });
    } else if (options.verbose || io.stderr.isTTY) {
      io.stderr.line(io.stderr.colours.dim(`connected to ${infoText(conn.info)}`));
    }
    await new Session(conn, form, options, io).run(whole);
    return EXIT.ok;
  },
});

/** Someone who types sees what is wrong and types the line again; the connection stays open. */
function onBadLine(io: Io): ((error: Error) => void) | undefined {
  return io.stdin.isTTY === true
    ? ({ message }) => complain(io, 'cotp connect', `${message}; nothing was sent`)
    : undefined;
}

async function fileTsdu(path: string, signal: AbortSignal): Promise<Buffer> {
  const tsdu = await readWhole(path, signal).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw new CommandError(`--file ${path} cannot be read: ${fileReason(error)}`);
  });
  if (tsdu.length === 0) {
    throw new UsageError(`--file ${path} is empty: a TSDU has one octet or more`);
  }
  return tsdu;
}

/** Shortest wait in milliseconds. Also the interval between two checks whether all data has been sent. */
const MIN_WAIT = 20;

/** Sends and receives on an open connection until it closes. */
class Session {
  readonly #conn: Connection;
  readonly #form: PipeFormat;
  readonly #options: Values;
  readonly #io: Io;
  /** Set at the end of stdin: closes the connection when nothing arrives. */
  #waitTimer: NodeJS.Timeout | undefined;
  #hasSent = false;
  #hasReceived = false;
  /** The connection was closed because nothing arrived. */
  #hasTimedOut = false;

  constructor(conn: Connection, form: PipeFormat, options: Values, io: Io) {
    this.#conn = conn;
    this.#form = form;
    this.#options = options;
    this.#io = io;
  }

  /** @param whole the one TSDU to send; if it is absent, stdin is sent */
  async run(whole: Buffer | undefined): Promise<void> {
    const sending = this.#send(whole === undefined ? this.#readStdin() : [whole]);
    // Sending may fail while this receives; `await sending` below throws the error.
    sending.catch(() => this.#conn.close());
    const showing = this.#receiveExpedited();
    try {
      await this.#receive();
    } finally {
      clearTimeout(this.#waitTimer);
      this.#conn.close();
      await this.#conn.waitClosed();
      await showing;
    }
    this.#reportRelease();
    await sending;
    this.#checkSent();
    this.#checkAnswer();
    if (this.#options.json) {
      await jsonLine(this.#io, { event: 'close', disconnection: releaseJson(this.#conn) });
    }
  }

  async #send(items: AsyncIterable<Buffer | ExpeditedData> | Iterable<Buffer>): Promise<void> {
    for await (const item of items) {
      if (!this.#conn.isOpen) {
        return;
      }
      const isExpedited = item instanceof ExpeditedData;
      if (isExpedited && !this.#conn.info.expedited) {
        throw new CommandError(
          'expedited data cannot be sent: the CC of the peer does not grant it',
        );
      }
      const octets = isExpedited ? item.octets : item;
      const hasRoom = isExpedited ? this.#conn.writeExpedited(octets) : this.#conn.write(octets);
      this.#hasSent = true;
      await this.#report(isExpedited ? 'expedited' : 'tsdu', 'sent', octets);
      if (!hasRoom) {
        // If the connection ends here, `#receive` throws the error that ended it.
        await this.#conn.drain().catch(() => {});
      }
    }
    if (this.#conn.isOpen) {
      // Class 2 has no end of one direction: the connection closes after the answers.
      if (!this.#options.hold && this.#conn.info.tpClass === 0) {
        this.#conn.end();
      }
      const wait = Math.max(this.#options.wait, MIN_WAIT);
      this.#waitTimer = setTimeout(() => this.#onWaitOver(), wait);
    }
  }

  /** Closes the connection after the wait, but not before all data has been sent. */
  #onWaitOver(): void {
    if (this.#conn.writeBuffered > 0) {
      this.#waitTimer?.refresh();
    } else {
      this.#hasTimedOut = true;
      this.#conn.close();
    }
  }

  /** Says how a connection of class 2 was released: to a person, or if every TPDU is shown. */
  #reportRelease(): void {
    const { stderr } = this.#io;
    const words = releaseText(this.#conn);
    if (words !== undefined && !this.#options.json && (this.#options.verbose || stderr.isTTY)) {
      stderr.line(stderr.colours.dim(`closed: ${words}`));
    }
  }

  /** Fails if the connection ended while data waited to be sent, although this side had closed it cleanly. */
  #checkSent(): void {
    const { unsent = 0 } = this.#conn.disconnection ?? {};
    if (unsent > 0) {
      throw new CommandError(
        `the connection ended before all was sent, and has lost ${counted(unsent, 'octet')}`,
      );
    }
  }

  /** Fails if nothing was answered: a script must be able to distinguish that from an empty answer. */
  #checkAnswer(): void {
    const { wait } = this.#options;
    if (this.#hasTimedOut && this.#hasSent && !this.#hasReceived && wait > 0) {
      throw new CommandError(
        `no answer came within ${wait} ms: a longer --wait gives more time, --wait 0 expects none`,
        EXIT.timeout,
      );
    }
  }

  async #receive(): Promise<void> {
    for await (const tsdu of this.#conn) {
      this.#hasReceived = true;
      this.#waitTimer?.refresh();
      await this.#report('tsdu', 'received', tsdu);
      if (!this.#options.json) {
        await this.#io.stdout.write(this.#form.write(tsdu));
      }
    }
  }

  /** Reads TSDUs from stdin while the connection is open. */
  async *#readStdin(): AsyncIterable<Buffer | ExpeditedData> {
    const { stdin } = this.#io;
    addAbortSignal(this.#conn.signal, stdin as Readable);
    try {
      yield* this.#form.read(stdin);
    } catch (error) {
      if (!this.#conn.signal.aborted || error instanceof UsageError) {
        throw error;
      }
    }
  }

  /** Shows expedited data until the connection ends. Never rejects: `#receive` throws why it ended. */
  async #receiveExpedited(): Promise<void> {
    await forEachExpedited(this.#conn, async (data) => {
      this.#hasReceived = true;
      this.#waitTimer?.refresh();
      await this.#report('expedited', 'received', data);
      if (!this.#options.json) {
        await showExpedited(this.#io, this.#form, data);
      }
    });
  }

  async #report(
    event: 'tsdu' | 'expedited',
    direction: 'sent' | 'received',
    octets: Buffer,
  ): Promise<void> {
    if (this.#options.json) {
      await jsonLine(this.#io, { event, direction, octets: octets.length, hex: hexText(octets) });
    }
  }
}
