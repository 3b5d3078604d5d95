/**
 * What a proxy shows: a line a TPDU between the client on the left and the target on the right, and
 * the count of everything at the end.
 */
import { CotpError, ProtocolError } from '../../core/tpdu/index.js';
import { type TraceEntry, describeOrError, traceTime } from '../../node/trace/entry.js';
import { tpduToJson } from '../../node/trace/lines.js';
import type { Io } from '../io.js';
import { addressText, type JsonEvent, jsonLine, postEvent } from '../report.js';

/** Which way a TPDU went, and over which of the two legs. */
export type Step = 'client to proxy' | 'proxy to target' | 'target to proxy' | 'proxy to client';
/** A TPDU that is passed on as it is goes all the way. */
export type Way = Step | 'client to target' | 'target to client';

const ARROWS: Readonly<Record<Way, string>> = {
  'client to proxy': 'client ──▶ ·          ',
  'proxy to target': '       · ──────▶ target',
  'target to proxy': '       · ◀────── target',
  'proxy to client': 'client ◀── ·          ',
  'client to target': 'client ────────▶ target',
  'target to client': 'client ◀──────── target',
};
const ARROW_WIDTH = 23;

/** What is counted. */
export class Counts {
  connections = 0;
  tpdus = 0;
  octets = 0;
  refusals = 0;
  errors = 0;
}

/** Shows and counts. */
export class Ladder {
  readonly counts: Counts = new Counts();
  readonly #io: Io;
  readonly #json: boolean;
  readonly #quiet: boolean;

  constructor(io: Io, options: { readonly json: boolean; readonly quiet: boolean }) {
    this.#io = io;
    this.#json = options.json;
    this.#quiet = options.quiet;
  }

  /**
   * A client has come.
   *
   * @param time of the first that was seen of it
   */
  opened(client: Address, time: number = traceTime()): CallOnLadder {
    this.counts.connections += 1;
    const call = new CallOnLadder(this.counts.connections, this);
    this.note(call.number, 'open', `from ${addressText(client)}`, time);
    return call;
  }

  /** What belongs to no client, or to one of which nothing else was seen. */
  failed(message: string): void {
    this.counts.errors += 1;
    this.note(0, 'error', message);
  }

  /**
   * Resolves when there is room for more. A program that reads the events gets every one, so whoever
   * relays awaits this; a person at a terminal does not hold up what is relayed, and has lines left out.
   */
  ready(): Promise<void> {
    return this.#json && !this.#quiet ? this.#io.stdout.ready() : Promise.resolve();
  }

  /** False while {@link ready} would wait. */
  get hasRoom(): boolean {
    return !this.#json || this.#quiet || this.#io.stdout.hasRoom;
  }

  /** The last words. */
  async summary(): Promise<void> {
    const { connections, tpdus, octets, refusals, errors } = this.counts;
    if (this.#json) {
      await jsonLine(this.#io, { event: 'summary', ...this.counts });
      return;
    }
    const parts = [
      many(connections, 'connection'),
      `${many(tpdus, 'TPDU')} of ${many(octets, 'octet')}`,
      many(refusals, 'refusal'),
      many(errors, 'error'),
    ];
    this.#io.stderr.line(parts.join(', '));
  }

  /** @internal */
  tpdu(number: number, way: Way, { octets, tpdu, time }: TraceEntry): void {
    if (this.#quiet) {
      return;
    }
    if (this.#json) {
      this.#event({
        event: 'tpdu',
        time: new Date(time).toISOString(),
        connection: number,
        way,
        length: octets.length,
        octets: octets.toString('hex'),
        ...tpduToJson(tpdu),
      });
    } else {
      this.#line(number, ARROWS[way].padEnd(ARROW_WIDTH), describeOrError(tpdu), time);
    }
  }

  /** @internal */
  note(number: number, event: string, message: string, time: number = traceTime()): void {
    if (this.#json) {
      this.#event({ event, time: new Date(time).toISOString(), connection: number, message });
    } else {
      const { colours } = this.#io.stdout;
      const words = event === 'error' ? colours.red(message) : colours.dim(message);
      this.#line(number, event.padEnd(ARROW_WIDTH), words, time);
    }
  }

  #line(number: number, arrow: string, words: string, time: number): void {
    if (!this.#quiet) {
      const { colours } = this.#io.stdout;
      const paints = [colours.cyan, colours.green, colours.yellow, colours.magenta, colours.blue];
      const paint = paints[number % paints.length] ?? colours.cyan;
      const clock = colours.dim(new Date(time).toISOString().slice(11, 23));
      this.#io.stdout.line(`${clock} ${paint(`#${number}`.padEnd(4))} ${paint(arrow)} ${words}`);
    }
  }

  #event(event: JsonEvent): void {
    if (!this.#quiet) {
      postEvent(this.#io, event);
    }
  }
}

/** One client on the ladder, from its first octets to its end. */
export class CallOnLadder {
  /** Counted from 1. */
  readonly number: number;
  readonly #ladder: Ladder;
  /** A CR went to the target and was not answered: a DR or ER refuses it (X.224 6.6). */
  #awaitsAnswer = false;
  #hasFault = false;

  constructor(number: number, ladder: Ladder) {
    this.number = number;
    this.#ladder = ladder;
  }

  /** @param counted whether it is another TPDU, and not the same one on its second leg */
  tpdu(way: Way, entry: TraceEntry, counted: boolean): void {
    if (counted) {
      this.#count(way, entry);
    }
    this.#ladder.tpdu(this.number, way, entry);
  }

  closed(how: string): void {
    this.#ladder.note(this.number, 'close', how);
  }

  /** From here on octets are passed on and not looked at. */
  passesThrough(message: string): void {
    this.#ladder.note(this.number, 'through', message);
  }

  /** @param error what the message tells of; a TPDU that cannot be decoded was counted already */
  failed(message: string, error?: Error): void {
    if (!(this.#hasFault && error instanceof ProtocolError)) {
      this.#ladder.counts.errors += 1;
    }
    this.#ladder.note(this.number, 'error', message);
  }

  #count(way: Way, { octets, tpdu }: TraceEntry): void {
    const { counts } = this.#ladder;
    counts.tpdus += 1;
    counts.octets += octets.length;
    if (tpdu instanceof CotpError) {
      counts.errors += 1;
      this.#hasFault = true;
    }
    const code = (octets[1] ?? 0) & 0xf0;
    if (way === 'client to proxy' || way === 'client to target') {
      this.#awaitsAnswer ||= code === CODES.CR;
    } else if (this.#awaitsAnswer) {
      this.#awaitsAnswer = false;
      counts.refusals += code === CODES.DR || code === CODES.ER ? 1 : 0;
    }
  }
}

/** High halves of the code octets of X.224 13.1, which also a TPDU has that cannot be decoded. */
const CODES = { CR: 0xe0, DR: 0x80, ER: 0x70 } as const;

type Address = { readonly host: string; readonly port: number };

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
