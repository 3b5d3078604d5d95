/**
 * Reads the JSON lines that `jsonLinesSink` and `cotp proxy --jsonl` write: an object for each TPDU. It reads
 * piece by piece, and keeps no more than one line.
 */
import { tpduTypeOf } from '../../node/codes.js';
import type { Flow } from './tcp-streams.js';
import type { Frame } from './tpkt-direction.js';

/** What a trace contains, in the order of its lines. */
export type TraceEvent = { readonly frame: Frame; readonly flow?: Flow } & (
  | { readonly tpdu: Buffer }
  /** A line cannot be read, or says that TPDUs are missing: a sentence. */
  | { readonly lost: string }
  /** Another connection begins with the same number and addresses. */
  | { readonly ended: 'unknown' }
);

/** Longest line, in octets: a TPDU of 65531 octets in hexadecimal, with much more of other fields. */
const MAX_LINE = 1024 * 1024;

/** Most connections that are decoded at the same time, each with its own class and size. */
const MAX_CONNECTIONS = 65_536;

const NEWLINE = 0x0a;

/** True if the text begins like a trace: with an object of JSON. A C array begins with a number. */
export function isTrace(octets: Buffer): boolean {
  return /^\s*\{\s*"/.test(octets.toString('latin1'));
}

/** The TPDUs of one connection. */
interface Conversation {
  /** There was a TPDU other than a CR. */
  isPastCr: boolean;
}

/** Reads one trace. */
export class TraceReader {
  #rest: Buffer = Buffer.alloc(0);
  #line = 0;
  /** The line that is being read is too long. */
  #isTooLong = false;
  /** By what all lines of a connection have in common; the one with the latest line is last. */
  readonly #conversations = new Map<string, Conversation>();

  /** Reads on. */
  push(octets: Buffer): readonly TraceEvent[] {
    const events: TraceEvent[] = [];
    let rest = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      events.push(...this.#read(rest.subarray(0, end)));
      rest = rest.subarray(end + 1);
    }
    this.#isTooLong ||= rest.length > MAX_LINE;
    this.#rest = this.#isTooLong ? Buffer.alloc(0) : Buffer.from(rest);
    return events;
  }

  /** Ends the trace. @param fault why no more of it can be read, if it has not ended */
  end(fault?: string): readonly TraceEvent[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    const events = rest.length > 0 || this.#isTooLong ? this.#read(rest) : [];
    const frame = { number: this.#line, time: undefined };
    return fault === undefined ? events : [...events, { frame, lost: fault }];
  }

  #read(octets: Buffer): readonly TraceEvent[] {
    this.#line += 1;
    const frame = { number: this.#line, time: undefined };
    if (this.#isTooLong || octets.length > MAX_LINE) {
      this.#isTooLong = false;
      return [{ frame, lost: `the line is longer than ${MAX_LINE} octets` }];
    }
    const text = octets.toString();
    return text.trim() === '' ? [] : this.#entry(text, frame);
  }

  #entry(text: string, unread: Frame): readonly TraceEvent[] {
    const line = parsed(text);
    const lost = lostOf(line);
    if (lost !== undefined) {
      const sentence = `${lost === 1 ? '1 TPDU is' : `${lost} TPDUs are`} missing in the trace`;
      return [{ frame: unread, lost: sentence }];
    }
    const entry = entryOf(line);
    if (entry === undefined) {
      return [{ frame: unread, lost: 'the line is no entry of a trace' }];
    }
    const { connection, direction, local, remote, octets, time } = entry;
    const [from, to] = direction === 'sent' ? [local, remote] : [remote, local];
    const ends = { stream: connection, from, to, ...clientOf(entry) };
    const frame = { ...unread, time: time === undefined ? undefined : Date.parse(time) };
    const { conversation, before } = this.#conversation(entry);
    const tpdu = { frame, flow: { ...ends, conversation }, tpdu: octets };
    return before === undefined
      ? [tpdu]
      : [{ frame, flow: { ...ends, conversation: before }, ended: 'unknown' }, tpdu];
  }

  /**
   * The conversation of an entry, and the one before that it ends, if it does. A file can have the lines of several
   * processes, each of which counts its connections from 1.
   */
  #conversation({ connection, role, local, remote, octets }: Entry) {
    const key = [connection, role, local, remote].join('\n');
    const isCr = tpduTypeOf(octets[1] ?? 0) === 'CR';
    const known = this.#conversations.get(key);
    // A CR behind other TPDUs begins another connection, with the same addresses.
    const isNew = known === undefined || (isCr && known.isPastCr);
    const conversation = isNew ? { isPastCr: false } : known;
    conversation.isPastCr ||= !isCr;
    this.#conversations.delete(key);
    this.#conversations.set(key, conversation);
    const [oldest] = this.#conversations.keys();
    if (oldest !== undefined && this.#conversations.size > MAX_CONNECTIONS) {
      this.#conversations.delete(oldest);
    }
    return { conversation, before: isNew ? known : undefined };
  }
}

/** The fields of a line that are used. */
interface Entry {
  readonly connection: number;
  readonly role: 'client' | 'server' | undefined;
  readonly direction: 'sent' | 'received';
  readonly local: string;
  readonly remote: string;
  readonly octets: Buffer;
  readonly time: string | undefined;
}

/** Longest address in a line: a name of the DNS has 253 characters. */
const MAX_ADDRESS = 300;

const MAX_PORT = 65_535;

/** True if a field can be an address. One with a newline would look like lines of the output. */
function isAddress(field: unknown): field is string {
  return (
    typeof field === 'string' &&
    field.length <= MAX_ADDRESS &&
    !/\p{Cc}/u.test(field) &&
    Number(portIn(field)) <= MAX_PORT
  );
}

/** The digits of the port of `host:port`. A path has none, whatever it ends with. */
function portIn(address: string): string {
  return /^[^/\\]*:(\d+)$/.exec(address)?.[1] ?? '0';
}

function clientOf({ role, local, remote }: Entry): Pick<Flow, 'client'> {
  switch (role) {
    case 'client':
      return { client: local };
    case 'server':
      return { client: remote };
    default:
      return {};
  }
}

/** The fields of a line; none if it is no object. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** How many TPDUs are missing, in the last line of a download of the inspector that lacks some. */
function lostOf({ lost }: Readonly<Record<string, unknown>>): number | undefined {
  return typeof lost === 'number' && Number.isSafeInteger(lost) && lost > 0 ? lost : undefined;
}

/** The entry in a line; `undefined` if it is something else. */
function entryOf(line: Readonly<Record<string, unknown>>): Entry | undefined {
  const { connection, role, direction, local, remote, octets, time } = line;
  const isEntry =
    Number.isSafeInteger(connection) &&
    (direction === 'sent' || direction === 'received') &&
    isAddress(local) &&
    isAddress(remote) &&
    typeof octets === 'string' &&
    /^(?:[0-9a-f]{2})+$/i.test(octets);
  if (!isEntry) {
    return undefined;
  }
  const isTime = typeof time === 'string' && !Number.isNaN(Date.parse(time));
  return {
    ...{ connection: connection as number, direction, local, remote },
    role: role === 'client' || role === 'server' ? role : undefined,
    octets: Buffer.from(octets, 'hex'),
    time: isTime ? time : undefined,
  };
}
