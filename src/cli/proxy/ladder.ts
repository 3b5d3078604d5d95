/**
 * What a proxy shows: a line a TPDU between the client on the left and the target on the right, and
 * the count of everything at the end.
 */
import { CotpError } from '../../core/tpdu/index.js';
import { describeOrError, type TraceEntry } from '../../node/trace/entry.js';
import { tpduToJson } from '../../node/trace/json-lines.js';
import type { Io } from '../io.js';
import { addressText, type JsonEvent, jsonLine } from '../report.js';

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

  /** @param counted whether it is another TPDU, and not the same one on its second leg */
  tpdu(number: number, way: Way, entry: TraceEntry, counted: boolean): void {
    if (counted) {
      this.counts.tpdus += 1;
      this.counts.octets += entry.octets.length;
      const { tpdu } = entry;
      this.counts.errors += tpdu instanceof CotpError ? 1 : 0;
      const isAnswer = way === 'target to proxy' || way === 'target to client';
      const isRefusal = !(tpdu instanceof CotpError) && (tpdu.type === 'DR' || tpdu.type === 'ER');
      this.counts.refusals += isAnswer && isRefusal ? 1 : 0;
    }
    if (this.#json) {
      const { octets, tpdu, time } = entry;
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
      this.#line(number, ARROWS[way].padEnd(ARROW_WIDTH), describeOrError(entry.tpdu), entry.time);
    }
  }

  opened(number: number, client: Address): void {
    this.counts.connections += 1;
    this.#note(number, 'open', `from ${addressText(client)}`);
  }

  closed(number: number, how: string): void {
    this.#note(number, 'close', how);
  }

  failed(number: number, message: string): void {
    this.counts.errors += 1;
    this.#note(number, 'error', message);
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

  #note(number: number, event: string, message: string): void {
    if (this.#json) {
      this.#event({ event, time: new Date().toISOString(), connection: number, message });
    } else {
      const { colours } = this.#io.stdout;
      const words = event === 'error' ? colours.red(message) : colours.dim(message);
      this.#line(number, event.padEnd(ARROW_WIDTH), words, Date.now());
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
      void jsonLine(this.#io, event);
    }
  }
}

type Address = { readonly host: string; readonly port: number };

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
