/**
 * `cotp connect`: stdin to TSDUs, TSDUs to stdout.
 */
import { addAbortSignal, type Readable } from 'node:stream';
import { type Connection, CotpError, connect as open, type Tpdu } from '../../index.js';
import { command } from '../command.js';
import { CommandError, EXIT, UsageError } from '../exit.js';
import { type Form, formOf, hexText } from '../forms.js';
import type { Io } from '../io.js';
import { readWhole } from '../named-pipe.js';
import { flag, type OptionValues, value, valueOr } from '../option.js';
import { CLIENT_OPTIONS, connectOptions } from '../options/connection.js';
import { FORM_OPTIONS, formName } from '../options/forms.js';
import { JSON_OPTION, VERBOSE_OPTION } from '../options/output.js';
import { clientTls, TLS_CLIENT_OPTIONS } from '../options/tls.js';
import { closeOnStop, infoJson, infoText, jsonLine, tracer } from '../report.js';
import { address, millisecondsOrZero, text } from '../values.js';

const OPTIONS = {
  ...CLIENT_OPTIONS,
  ...FORM_OPTIONS,
  file: value('--file <file>', 'send this file as one TSDU instead of stdin', text, {
    group: 'How TSDUs are read and written',
    conflicts: ['tsduSize'],
  }),
  wait: valueOr(
    '--wait <time>',
    'after the end of stdin: leave when nothing comes for this long; 0 awaits no answer',
    millisecondsOrZero,
    3_000,
    { shownDefault: '3s' },
  ),
  hold: flag('--hold', 'send no FIN at the end of stdin, for peers that then give no answer'),
  verbose: VERBOSE_OPTION,
  json: JSON_OPTION,
  ...TLS_CLIENT_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const connect = command({
  name: 'connect',
  summary: 'connect: stdin to TSDUs, TSDUs to stdout',
  description:
    'Connects, sends each message of stdin as a TSDU, and writes each TSDU of the peer to stdout. ' +
    'After the end of stdin it sends FIN and waits for the answers of the peer. ' +
    'It exits with 4 when it has sent something and the peer neither answers nor closes. ' +
    'An empty line is not sent: a TSDU has one octet or more.',
  operands: [{ syntax: '<host[:port]>', description: 'where to; the port is 102 by default' }],
  options: OPTIONS,
  examples: [
    ['cotp connect 10.0.0.5 --s7 pg,0,2 --hex -v', 'type S7 messages in hexadecimal'],
    ['cotp connect 10.0.0.6 --remote-tsel 0x0001 --size 8192', 'an MMS server of IEC 61850'],
    ['cat file | cotp connect 10.0.0.5:1102 --raw > answer', 'octets both ways'],
    ['cotp connect mms.example:3782 --tls-ca ca.pem', 'TLS, as IEC 62351 has it'],
  ],
  async run([target = ''], options, io) {
    const form = formOf(formName(options), options.tsduSize, io.stdout.terminal);
    const whole = options.file === undefined ? undefined : await fileTsdu(options.file, io.signal);
    const addr = address(target);
    const shown = tracer(io, options);
    let answer: Tpdu | undefined;
    const conn = await open(addr, {
      ...connectOptions(options),
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
      io.stderr.line(
        'the peer looks like remote desktop (RDP), which speaks no COTP behind the CC',
      );
    }
    if (options.json) {
      await jsonLine(io, { event: 'open', ...infoJson(conn.info) });
    } else if (options.verbose || io.stderr.isTTY) {
      io.stderr.line(io.stderr.colours.dim(`connected to ${infoText(conn.info)}`));
    }
    await new Dialogue(conn, form, options, io).run(whole);
    return EXIT.ok;
  },
});

async function fileTsdu(path: string, signal: AbortSignal): Promise<Buffer> {
  const tsdu = await readWhole(path, signal).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw new CommandError(`--file ${path} cannot be read (${error.code})`);
  });
  if (tsdu.length === 0) {
    throw new UsageError(`--file ${path} is empty: a TSDU has one octet or more`);
  }
  return tsdu;
}

/** Until what was written has left, it is looked for this often, however short the wait. */
const SHORTEST_WAIT = 20;

/** What goes on over an open connection, until either side has ended it. */
class Dialogue {
  readonly #conn: Connection;
  readonly #form: Form;
  readonly #options: Values;
  readonly #io: Io;
  /** Set when stdin has ended: closes the connection when nothing comes. */
  #waiting: NodeJS.Timeout | undefined;
  #hasSent = false;
  #hasReceived = false;
  /** Left because nothing came. */
  #hasLeft = false;

  constructor(conn: Connection, form: Form, options: Values, io: Io) {
    this.#conn = conn;
    this.#form = form;
    this.#options = options;
    this.#io = io;
  }

  /** @param whole the one TSDU to send; without it stdin is */
  async run(whole: Buffer | undefined): Promise<void> {
    const sending = this.#send(whole === undefined ? this.#typed() : [whole]);
    // It may fail while this waits for what the peer sends; the error is met below.
    sending.catch(() => this.#conn.close());
    try {
      await this.#receive();
    } finally {
      clearTimeout(this.#waiting);
      this.#conn.close();
      await this.#conn.waitClosed();
    }
    await sending;
    this.#checkAnswer();
    if (this.#options.json) {
      await jsonLine(this.#io, { event: 'close' });
    }
  }

  async #send(tsdus: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    for await (const tsdu of tsdus) {
      if (!this.#conn.isOpen) {
        return;
      }
      const hasRoom = this.#conn.write(tsdu);
      this.#hasSent = true;
      await this.#tell('sent', tsdu);
      if (!hasRoom) {
        // When the connection ends meanwhile, what ended it is met by the reader.
        await this.#conn.drain().catch(() => {});
      }
    }
    if (this.#conn.isOpen) {
      if (!this.#options.hold) {
        this.#conn.end();
      }
      const wait = Math.max(this.#options.wait, SHORTEST_WAIT);
      this.#waiting = setTimeout(() => this.#leave(), wait);
    }
  }

  /** Nothing came for as long as was to be waited; what still leaves is waited for. */
  #leave(): void {
    if (this.#conn.writeBuffered > 0) {
      this.#waiting?.refresh();
    } else {
      this.#hasLeft = true;
      this.#conn.close();
    }
  }

  /** A script must be able to tell a question without an answer from one with an empty line. */
  #checkAnswer(): void {
    const { wait } = this.#options;
    if (this.#hasLeft && this.#hasSent && !this.#hasReceived && wait > 0) {
      throw new CommandError(
        `no answer came within ${wait} ms: a longer --wait gives more time, --wait 0 expects none`,
        EXIT.timeout,
      );
    }
  }

  async #receive(): Promise<void> {
    for await (const tsdu of this.#conn) {
      this.#hasReceived = true;
      this.#waiting?.refresh();
      await this.#tell('received', tsdu);
      if (!this.#options.json) {
        await this.#io.stdout.write(this.#form.write(tsdu));
      }
    }
  }

  /** The TSDUs of stdin, for as long as the connection is open. */
  async *#typed(): AsyncIterable<Buffer> {
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

  async #tell(direction: 'sent' | 'received', tsdu: Buffer): Promise<void> {
    if (this.#options.json) {
      const event = { event: 'tsdu', direction, octets: tsdu.length, hex: hexText(tsdu) };
      await jsonLine(this.#io, event);
    }
  }
}
