/** Decodes and prints messages, and remembers whether all of them conformed. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DecodeOptions, TransportClass } from '../../core/tpdu/index.js';
import { TPKT_HEADER_LENGTH, TPKT_VERSION } from '../../node/codes.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import type { CaptureEvent } from '../capture/capture-reader.js';
import type { TraceEvent } from '../capture/trace-reader.js';
import type { Io } from '../io.js';
import { counted } from '../output/plural.js';
import { terminalJson } from '../output/terminal-text.js';
import { type ExplainedMessage, explainMessage, isClean } from './explained-message.js';
import {
  messageJson,
  messageText,
  type Place,
  type Source,
  sourceJson,
  sourceText,
} from './format-message.js';
import { Negotiated } from './negotiated.js';
import { tpdusOf } from './nsdu.js';
import { lostLine, summaryLine, totalsLine } from './summary.js';

/** How messages are decoded and shown. */
export interface DecoderOptions {
  /** Overrides the class that was negotiated. */
  readonly class: number | undefined;
  readonly full: boolean;
  readonly json: boolean;
  readonly summary: boolean;
}

/** After this many messages the event loop runs once, so that Ctrl-C can interrupt a long input. */
const MESSAGES_PER_TURN = 100;

/** Characters of output that are written at once. */
const WRITTEN_AT_ONCE = 32 * 1024;

/** Some octets of the input: a TPKT, a TPDU, or one of several TPDUs of a TPKT. */
interface Shown {
  readonly octets: Buffer;
  readonly hasTpkt: boolean;
  readonly isInSameTpkt?: boolean;
  readonly source?: Source | undefined;
}

/** Decodes and prints messages. */
export class Decoder {
  readonly #decoding: DecodeOptions;
  readonly #options: DecoderOptions;
  readonly #io: Io;
  /** What the messages of an input without streams have negotiated. */
  readonly #negotiated = new Negotiated();
  /** The same for each stream. The reader of the capture forgets streams, and then so does this. */
  readonly #ofConversation = new WeakMap<object, Negotiated>();
  #kind: Source['kind'] | undefined;
  #streams = 0;
  #tpdus = 0;
  #deviating = 0;
  #lost = 0;
  /** Output that is not written yet. */
  #pending = '';

  constructor(options: DecoderOptions, io: Io) {
    // The parser of --class accepts 0 to 4 only.
    const transportClass = options.class as TransportClass | undefined;
    this.#decoding = transportClass === undefined ? {} : { class: transportClass };
    this.#options = options;
    this.#io = io;
  }

  /** Number of TPDUs that were shown. */
  get tpdus(): number {
    return this.#tpdus;
  }

  /** Number of TPDUs, and of reports of something missing. */
  get count(): number {
    return this.#tpdus + this.#lost;
  }

  get allClean(): boolean {
    return this.#deviating === 0 && this.#lost === 0;
  }

  /** Decodes one TPDU, or a sequence of TPKTs. */
  async message(octets: Buffer): Promise<void> {
    await this.#decode(octets);
    await this.#flush();
  }

  async #decode(octets: Buffer): Promise<void> {
    if (octets.length === 0) {
      return;
    }
    if (octets[0] !== TPKT_VERSION) {
      await this.#showTpdus({ octets, hasTpkt: false }, this.#negotiated);
      return;
    }
    const cutter = new TpktCutter();
    let fault: string | undefined;
    const packets = cutter.cut(octets, (error) => {
      fault = error.message;
    });
    for (const packet of packets) {
      await this.#showTpdus({ octets: packet, hasTpkt: true }, this.#negotiated);
    }
    if (fault !== undefined) {
      await this.#showLost(fault);
    } else if (cutter.rest > 0) {
      const sentence = `the input ends within a TPKT, ${counted(cutter.rest, 'octet')} after its beginning`;
      await this.#showLost(sentence);
    }
  }

  /** Shows what a piece of a capture or of a trace contains. */
  async events(
    kind: Source['kind'],
    events: readonly (CaptureEvent | TraceEvent)[],
  ): Promise<void> {
    this.#kind = kind;
    for (const event of events) {
      const { frame, flow } = event;
      const source = { kind, frame, flow };
      if ('lost' in event) {
        await this.#showLost(event.lost, source);
      } else if (!('ended' in event)) {
        const negotiated = this.#negotiatedOf(flow?.conversation ?? this);
        const hasTpkt = 'tpkt' in event;
        const octets = hasTpkt ? event.tpkt : event.tpdu;
        await this.#showTpdus({ octets, hasTpkt, source }, negotiated);
      }
      if (this.#io.signal.aborted) {
        return;
      }
    }
    await this.#flush();
  }

  /** Ends the output: with `--summary`, by a line with all numbers. */
  async end(): Promise<void> {
    if (this.#options.summary && !this.#io.signal.aborted) {
      const totals = {
        ...{ tpdus: this.#tpdus, streams: this.#streams },
        ...{ deviating: this.#deviating, lost: this.#lost },
      };
      await this.#io.stdout.text(`${totalsLine(totals, this.#kind)}\n`);
    }
  }

  #negotiatedOf(conversation: object): Negotiated {
    const known = this.#ofConversation.get(conversation);
    if (known !== undefined) {
      return known;
    }
    this.#streams += 1;
    const negotiated = new Negotiated();
    this.#ofConversation.set(conversation, negotiated);
    return negotiated;
  }

  /** Shows a TPKT or a TPDU; in a TPKT with several TPDUs, each of them. */
  async #showTpdus({ octets, hasTpkt, source }: Shown, negotiated: Negotiated): Promise<void> {
    const start = hasTpkt ? TPKT_HEADER_LENGTH : 0;
    const nsdu = octets.subarray(start);
    const options = { ...negotiated.optionsFor(nsdu), ...this.#decoding };
    const [first = nsdu, ...others] = tpdusOf(nsdu, options);
    const shown = octets.subarray(0, start + first.length);
    await this.#show({ octets: shown, hasTpkt, source }, negotiated);
    for (const other of others) {
      const follows = { octets: other, hasTpkt: false, isInSameTpkt: hasTpkt, source };
      await this.#show(follows, negotiated);
    }
  }

  async #show(shown: Shown, negotiated: Negotiated): Promise<void> {
    if (this.count % MESSAGES_PER_TURN === 0) {
      await nextTurn();
    }
    if (this.#io.signal.aborted) {
      return;
    }
    const { octets, hasTpkt, isInSameTpkt = false, source } = shown;
    this.#tpdus += 1;
    const tpdu = hasTpkt ? octets.subarray(TPKT_HEADER_LENGTH) : octets;
    const options = { ...negotiated.optionsFor(tpdu), ...this.#decoding };
    const message = explainMessage(octets, hasTpkt, options);
    negotiated.push(message.tpdu);
    this.#deviating += isClean(message) ? 0 : 1;
    const place: Place = { number: this.count, isInSameTpkt, source };
    await this.#print(this.#messageText(message, place));
  }

  #messageText(message: ExplainedMessage, place: Place): string {
    const { json, summary, full } = this.#options;
    const { colours } = this.#io.stdout;
    if (json) {
      return terminalJson(messageJson(message, place));
    }
    if (summary) {
      return summaryLine(message, place, colours);
    }
    const text = messageText(message, place, colours, full);
    return place.number === 1 ? text : `\n${text}`;
  }

  async #showLost(message: string, source?: Source): Promise<void> {
    if (this.#io.signal.aborted) {
      return;
    }
    this.#lost += 1;
    await this.#print(this.#lostText(message, source));
  }

  #lostText(message: string, source: Source | undefined): string {
    const { json, summary } = this.#options;
    const { colours } = this.#io.stdout;
    const number = this.count;
    if (json) {
      const where = source === undefined ? {} : sourceJson(source);
      return terminalJson({ number, ...where, error: { message } });
    }
    if (summary) {
      return lostLine(message, { number, source }, colours);
    }
    const where = source === undefined ? '' : sourceText(source);
    const before = number === 1 || source === undefined ? '' : '\n';
    return `${before}${colours.red(where === '' ? message : `${where}: ${message}`)}`;
  }

  /** Prints a text and a newline, soon. */
  async #print(text: string): Promise<void> {
    this.#pending += `${text}\n`;
    if (this.#pending.length >= WRITTEN_AT_ONCE) {
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    const { stdout } = this.#io;
    await (this.#options.json ? stdout.write(text) : stdout.text(text));
  }
}
