/** Turns what is known of connections, from the diagnostics channels or from a file, into rows of the store. */
import type { CotpError } from '../../core/errors.js';
import { tpduTypeOf } from '../../core/tpdu/codes.js';
import type { TpduType } from '../../core/tpdu/types.js';
import { payloads } from '../../core/tpkt/header.js';
import { formatAddress } from '../address.js';
import {
  decodeOrError,
  type TracedConnection,
  type TraceEntry,
  type TraceRun,
  traceTime,
} from '../trace/entry.js';
import type { ConnectionEvent } from '../trace/events.js';
import { redactTpdu } from '../trace/sink.js';
import { type ConnectionHead, ConnectionHeads } from './connection-heads.js';
import { RowStore } from './row-store.js';
import type { ConnectionRow, EventRow, NoteRow, TpduRow } from './rows.js';

/** Longest text of an error or a note, in characters. */
const MAX_TEXT = 4096;

/** The TPDUs that open, refuse or end a connection. */
const OPENING: ReadonlySet<TpduType | undefined> = new Set<TpduType>(['CR', 'CC', 'DR', 'ER']);

/** A TPDU: an entry of a trace has these fields. */
export type FedTpdu = TracedConnection & Pick<TraceEntry, 'time' | 'direction' | 'octets'>;

/** What a file says beside TPDUs. */
export interface FedNote {
  readonly time: number;
  /** 0 where the note belongs to no connection. */
  readonly connection: number;
  readonly frame?: number | undefined;
}

/** The end of a connection that no channel reports. */
export interface FedEnd extends Pick<EventRow, 'how' | 'by'> {
  /** Default: now. */
  readonly time?: number | undefined;
  readonly frame?: number | undefined;
}

/** Writes rows. */
export class RowFeed {
  readonly store: RowStore;
  readonly heads: ConnectionHeads;
  readonly #redact: boolean;

  /** @param redact replaces user data by zeros before it is kept */
  constructor(maxOctets: number, redact: boolean) {
    this.store = new RowStore(maxOctets);
    this.heads = new ConnectionHeads(this.store);
    this.#redact = redact;
  }

  /**
   * @param pair in a proxy, the number of the client
   * @param frame the frame in the capture
   */
  tpdu(tpdu: FedTpdu, pair?: number, frame?: number): void {
    const { time, connection, direction } = tpdu;
    const head = this.#head(tpdu, time, pair);
    head.lastSeq = this.store.nextSeq;
    head.tpdus[direction] += 1;
    const octets = this.#redact ? redactTpdu(tpdu.octets, decodedOf(tpdu)) : tpdu.octets;
    const seq = this.store.addTpdu({ time, connection, direction, octets, frame });
    if (OPENING.has(tpduTypeOf(octets[1] ?? 0))) {
      this.heads.keep(
        head,
        seq,
        tpduJson({ seq, time, connection, frame }, direction, octets.toString('base64')),
      );
    }
  }

  /**
   * TPDUs that a relay passes on together.
   *
   * @param source their connection
   * @param pair in a proxy, the number of the client
   */
  run(
    source: TracedConnection,
    { time, direction, packets, tpdus }: TraceRun,
    pair?: number,
  ): void {
    if (this.#redact) {
      for (const octets of payloads(packets)) {
        this.tpdu({ ...source, time, direction, octets }, pair);
      }
      return;
    }
    const head = this.#head(source, time, pair);
    head.tpdus[direction] += tpdus;
    const { connection } = source;
    head.lastSeq = this.store.nextSeq + tpdus - 1;
    this.store.addRun({ time, connection, direction, packets, tpdus });
  }

  event(event: ConnectionEvent, pair?: number): void {
    const head = this.#head(event, event.time, pair);
    head.lastSeq = this.store.nextSeq;
    const seq = this.store.nextSeq;
    const json = asciiJson(eventRow(seq, event));
    this.store.addJson(event.time, event.connection, json);
    if (event.event === 'refused') {
      this.heads.keep(head, seq, json);
    }
  }

  ended(connection: number, { time = traceTime(), frame, ...ending }: FedEnd): void {
    const head = this.heads.get(connection);
    if (head !== undefined) {
      const seq = this.store.nextSeq;
      const row: EventRow = {
        ...{ seq, time: rounded(time), connection, kind: 'event', event: 'close', ...ending },
        ...(frame === undefined ? {} : { frame }),
      };
      head.lastSeq = seq;
      this.store.addJson(time, connection, asciiJson(row));
    }
  }

  note(text: string, { time, connection, frame }: FedNote): void {
    const seq = this.store.nextSeq;
    const row: NoteRow = {
      ...{ seq, time: rounded(time), connection, kind: 'note', text: visible(text) },
      ...(frame === undefined ? {} : { frame }),
    };
    const head = this.heads.get(connection);
    if (head !== undefined) {
      head.lastSeq = seq;
    }
    this.store.addJson(time, connection, asciiJson(row));
  }

  #head(source: TracedConnection, time: number, pair: number | undefined): ConnectionHead {
    const known = this.heads.get(source.connection);
    if (known !== undefined) {
      return known;
    }
    const head = this.heads.add(source);
    const { connection, name, role, localAddr, remoteAddr } = source;
    const row: ConnectionRow = {
      ...{ seq: this.store.nextSeq, time: rounded(time), connection, kind: 'connection', role },
      ...{ local: formatAddress(localAddr), remote: formatAddress(remoteAddr) },
      ...(name === undefined ? {} : { name }),
      ...(pair === undefined ? {} : { pair }),
    };
    const json = asciiJson(row);
    this.heads.keep(head, row.seq, json);
    this.store.addJson(time, connection, json);
    return head;
  }
}

/** An entry of a trace decodes its octets only once. */
function decodedOf(tpdu: FedTpdu): ReturnType<typeof decodeOrError> {
  return 'tpdu' in tpdu ? (tpdu as TraceEntry).tpdu : decodeOrError(tpdu.octets);
}

function eventRow(seq: number, event: ConnectionEvent): EventRow {
  const { time, connection } = event;
  const base = { seq, time: rounded(time), connection, kind: 'event', event: event.event } as const;
  switch (event.event) {
    case 'refused':
      return { ...base, cause: event.cause };
    case 'drop':
      return { ...base, cause: event.cause, ...errorOf(event.error) };
    case 'error':
      return { ...base, ...errorOf(event.error) };
    case 'close':
      return { ...base, how: event.how, by: event.by };
    default:
      return base;
  }
}

function errorOf(error: Error | undefined): Pick<EventRow, 'error'> {
  if (error === undefined) {
    return {};
  }
  const { code = error.name } = error as Partial<CotpError>;
  return { error: { code, message: visible(error.message) } };
}

/**
 * A text of which some may come from a peer, with its control and format characters as `\u{…}`: they can hide what
 * follows, or reverse its order.
 */
function visible(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .replace(/[\p{Cc}\p{Cf}]/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
}

/** Microseconds are enough. */
function rounded(time: number): number {
  return Math.round(time * 1000) / 1000;
}

/** JSON in ASCII: a text of which each character is one octet takes less time to send. */
export function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * A TPDU as JSON. Not by `JSON.stringify`: nothing in it needs an escape, and there are very many.
 *
 * @param octets in base64
 */
export function tpduJson(
  row: Pick<TpduRow, 'seq' | 'time' | 'connection'> & { readonly frame?: number | undefined },
  direction: TpduRow['direction'],
  octets: string,
): string {
  const { seq, time, connection, frame } = row;
  const inFile = frame === undefined ? '' : `,"frame":${frame}`;
  return `{"kind":"tpdu","seq":${seq},"time":${timeText(time)},"connection":${connection},"direction":"${direction}"${inFile},"octets":"${octets}"}`;
}

let lastSecond = -1;
let lastSecondText = '';

/** The same as {@link rounded} as text. A second is made text only once: for large numbers that takes long. */
function timeText(time: number): string {
  const second = Math.floor(time / 1000);
  const microseconds = Math.round((time - second * 1000) * 1000);
  if (second <= 0 || microseconds >= 1_000_000) {
    return String(rounded(time));
  }
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = String(second);
  }
  const digits = String(microseconds).padStart(6, '0');
  return `${lastSecondText}${digits.slice(0, 3)}.${digits.slice(3)}`;
}
