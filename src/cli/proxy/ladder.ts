/**
 * Prints the ladder diagram of a proxy: one line per TPDU, or its whole layout, the client on the left and the target
 * on the right, and a summary at the end.
 */
import { CotpError, ProtocolError } from '../../core/tpdu/index.js';
import { TPDUS } from '../../node/codes.js';
import { type TraceEntry, traceTime } from '../../node/trace/entry.js';
import { ladderLine } from '../../node/trace/ladder-line.js';
import { tpduToJson } from '../../node/trace/lines.js';
import { explainMessage } from '../decode/explained-message.js';
import { layoutText } from '../decode/format-message.js';
import type { Io } from '../io.js';
import { type JsonEvent, jsonLine, postEvent } from '../output/events.js';
import { type FailureDetail, failureOf } from '../output/failure.js';
import { addressText } from '../output/format-info.js';
import { counted } from '../output/plural.js';
import { JoinedLegs, type Path } from './joined-legs.js';
import type { FileSummary } from './trace-files.js';

const ARROWS: Readonly<Record<Path, string>> = {
  'client to proxy': 'client ──▶ ·       ',
  'proxy to target': '       · ──▶ target',
  'target to proxy': '       · ◀── target',
  'proxy to client': 'client ◀── ·       ',
  'client to target': 'client ────▶ target',
  'target to client': 'client ◀──── target',
};
const ARROW_WIDTH = 19;

/** Columns of a line without a terminal. */
const COLUMNS_OF_PIPE = 120;

/** Options of a {@link Ladder}. */
export interface LadderOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Each TPDU is shown whole, octet by octet. */
  readonly verbose: boolean;
  /** The TPDUs of both connections are shown, instead of one line for a message on both. */
  readonly legs: boolean;
}

/** The counters of the summary. TPDUs are counted on each connection, as they are shown. */
export class Counts {
  connections = 0;
  tpdus = 0;
  octets = 0;
  refusals = 0;
  errors = 0;
}

/** Prints and counts the TPDUs and events of all clients. */
export class Ladder {
  readonly counts: Counts = new Counts();
  /** Called with every note: the number of the client, 0 for none, and what happened. */
  onNote: ((client: number, event: string, message: string, time: number) => void) | undefined;
  readonly #io: Io;
  readonly #json: boolean;
  readonly #quiet: boolean;
  readonly #verbose: boolean;
  /** Whether one line shows a message on both connections. */
  readonly joinsLegs: boolean;

  constructor(io: Io, { json, quiet, verbose, legs }: LadderOptions) {
    this.#io = io;
    this.#json = json;
    this.#quiet = quiet;
    this.#verbose = verbose;
    this.joinsLegs = !json && !quiet && !legs;
  }

  /**
   * Starts the ladder of a new client.
   *
   * @param time when the client was first seen, in milliseconds since 1970
   */
  opened(client: Address, time: number = traceTime()): ClientLadder {
    this.counts.connections += 1;
    const ladder = new ClientLadder(this.counts.connections, this);
    this.note(ladder.number, 'open', `from ${addressText(client)}`, time);
    return ladder;
  }

  /** Reports an error that belongs to no known client. @param error the error that the message describes */
  failed(message: string, error: Error): void {
    this.counts.errors += 1;
    this.failure(0, message, error);
  }

  /**
   * Resolves when the output has room. With `--json` no event may be lost, so relaying must await this.
   * Without it, a slow terminal does not delay relaying; lines are dropped instead.
   */
  ready(): Promise<void> {
    return this.#json && !this.#quiet ? this.#io.stdout.ready() : Promise.resolve();
  }

  /** False while {@link ready} would wait. */
  get hasRoom(): boolean {
    return !this.#json || this.#quiet || this.#io.stdout.hasRoom;
  }

  /** Prints the summary. */
  async summary(files: readonly FileSummary[]): Promise<void> {
    const { connections, tpdus, octets, refusals, errors } = this.counts;
    if (this.#json) {
      const written = files.map(({ file, packets }) => ({ file, packets }));
      await jsonLine(this.#io, { event: 'summary', ...this.counts, files: written });
      return;
    }
    const parts = [
      counted(connections, 'connection'),
      `${counted(tpdus, 'TPDU')} of ${counted(octets, 'octet')}`,
      counted(refusals, 'refusal'),
      counted(errors, 'error'),
    ];
    this.#io.stderr.line(parts.join(', '));
    if (files.length > 0) {
      const written = files.map(({ file, packets, unit }) => `${file} (${counted(packets, unit)})`);
      this.#io.stderr.line(`written: ${written.join(', ')}`);
    }
  }

  /** @internal */
  tpdu(number: number, path: Path, entry: TraceEntry): void {
    if (this.#quiet) {
      return;
    }
    if (this.#json) {
      const { octets, tpdu, time } = entry;
      this.#event({
        event: 'tpdu',
        time: new Date(time).toISOString(),
        connection: number,
        way: path,
        length: octets.length,
        octets: octets.toString('hex'),
        ...tpduToJson(tpdu),
      });
    } else {
      this.#tpduLines(number, path, entry);
    }
  }

  #tpduLines(number: number, path: Path, { octets, tpdu, time }: TraceEntry): void {
    const { stdout } = this.#io;
    if (stdout.dropLine()) {
      return;
    }
    const { colours } = stdout;
    stdout.line(
      ladderLine({
        ...this.#lead(number, time),
        arrow: ARROWS[path],
        tpdu,
        octets,
        columns: stdout.isTTY ? stdout.columns : COLUMNS_OF_PIPE,
        cutsWords: stdout.isTTY,
        paint: (colour, text) => colours[colour](text),
      }),
    );
    if (this.#verbose) {
      const layout = layoutText(explainMessage(octets, false, {}), colours, true);
      for (const line of layout.split('\n')) {
        stdout.line(line);
      }
    }
  }

  /** @internal */
  failure(number: number, message: string, error: Error | undefined): void {
    const detail = error === undefined ? {} : failureOf(error).detail;
    this.note(number, 'error', message, traceTime(), detail);
  }

  /** @internal @param detail more fields for the JSON event */
  note(
    number: number,
    event: string,
    message: string,
    time: number = traceTime(),
    detail: FailureDetail = {},
  ): void {
    this.onNote?.(number, event, message, time);
    if (this.#json) {
      const when = new Date(time).toISOString();
      this.#event({ event, time: when, connection: number, message, ...detail });
    } else if (!this.#quiet) {
      const { colours } = this.#io.stdout;
      const words = event === 'error' ? colours.red(message) : colours.dim(message);
      const { paintedLead } = this.#lead(number, time);
      this.#io.stdout.line(`${paintedLead}${event.padEnd(ARROW_WIDTH)}  ${words}`);
    }
  }

  /** The clock and the number of the client. */
  #lead(number: number, time: number) {
    const { colours } = this.#io.stdout;
    const paints = [colours.cyan, colours.green, colours.yellow, colours.magenta, colours.blue];
    const paint = paints[number % paints.length] ?? colours.cyan;
    const clock = new Date(time).toISOString().slice(11, 23);
    const who = `#${number}`.padEnd(4);
    return { lead: `${clock} ${who} `, paintedLead: `${colours.dim(clock)} ${paint(who)} ` };
  }

  #event(event: JsonEvent): void {
    if (!this.#quiet) {
      postEvent(this.#io, event);
    }
  }
}

/** The ladder of one client, from its first octets to its end. */
export class ClientLadder {
  /** Counted from 1. */
  readonly number: number;
  readonly #ladder: Ladder;
  /** The client has sent a CR that is not answered yet: a DR or ER to it now is a refusal (X.224 6.6). */
  #awaitsAnswer = false;
  #hasFault = false;
  /** Holds up a TPDU of one connection until the other has it. */
  readonly #legs = new JoinedLegs((path, entry) => this.#ladder.tpdu(this.number, path, entry));

  constructor(number: number, ladder: Ladder) {
    this.number = number;
    this.#ladder = ladder;
  }

  tpdu(path: Path, entry: TraceEntry): void {
    this.#count(path, entry);
    if (this.#ladder.joinsLegs) {
      this.#legs.add(path, entry);
    } else {
      this.#ladder.tpdu(this.number, path, entry);
    }
  }

  /** Counts DTs that are not shown. @param octets without TPKT headers */
  run(tpdus: number, octets: number): void {
    const { counts } = this.#ladder;
    counts.tpdus += tpdus;
    counts.octets += octets;
  }

  closed(how: string): void {
    this.#legs.flush();
    this.#ladder.note(this.number, 'close', how);
  }

  /** Reports that from now on octets are relayed without decoding. */
  passesThrough(message: string): void {
    this.#ladder.note(this.number, 'through', message);
  }

  /** @param error the error that the message describes; a TPDU that cannot be decoded counts only once */
  failed(message: string, error?: Error): void {
    if (!(this.#hasFault && error instanceof ProtocolError)) {
      this.#ladder.counts.errors += 1;
    }
    this.#legs.flush();
    this.#ladder.failure(this.number, message, error);
  }

  #count(path: Path, entry: TraceEntry): void {
    const { counts } = this.#ladder;
    const { octets } = entry;
    counts.tpdus += 1;
    counts.octets += octets.length;
    if (!isPlainDt(octets) && entry.tpdu instanceof CotpError) {
      counts.errors += 1;
      this.#hasFault = true;
    }
    // Known even if the TPDU cannot be decoded.
    const code = (octets[1] ?? 0) & 0xf0;
    if (path === 'client to proxy' || path === 'client to target') {
      this.#awaitsAnswer ||= code === TPDUS.CR.code;
    } else if (this.#awaitsAnswer && (path === 'proxy to client' || path === 'target to client')) {
      this.#awaitsAnswer = false;
      counts.refusals += code === TPDUS.DR.code || code === TPDUS.ER.code ? 1 : 0;
    }
  }
}

/** Whether it is a DT of class 0 without parameters. It can be decoded whatever else is in it, so it need not be. */
function isPlainDt(octets: Uint8Array): boolean {
  return octets[0] === 2 && octets[1] === 0xf0 && octets.length > 2;
}

type Address = { readonly host: string; readonly port: number };
