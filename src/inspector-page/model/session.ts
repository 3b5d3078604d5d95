/**
 * All that the page has received and keeps: entries for the ladder, connections, statistics. Bounded: it forgets the
 * oldest entries, and says how many.
 */
import { tpduTypeOf } from '../../core/tpdu/codes.js';
import type { Tpdu } from '../../core/tpdu/types.js';
import type {
  ConnectionRow,
  EventRow,
  Hello,
  LostRow,
  NoteRow,
  Row,
  TpduRow,
} from '../../node/inspector/rows.js';
import { Conversation } from './conversation.js';
import { closeWords } from './endings.js';
import { type Entry, type NoticeEntry, octetsOf, type TpduEntry, type Tsdu } from './entry.js';
import { Leg } from './leg.js';
import { OctetStore } from './octet-store.js';
import { Statistics } from './statistics.js';

/** What a session keeps at most. */
export interface Limits {
  /** Entries. */
  readonly entries: number;
  /** Octets of TPDUs. */
  readonly octets: number;
  readonly conversations: number;
}

export const LIMITS: Limits = { entries: 200_000, octets: 64 * 1024 * 1024, conversations: 5000 };

/** A file is read once, so more of it is kept: a list of so many lines still has a height that browsers allow. */
export const FILE_LIMITS: Limits = {
  entries: 800_000,
  octets: 256 * 1024 * 1024,
  conversations: 20_000,
};

/** This share is forgotten at once, so that forgetting is rare. */
const FORGOTTEN_SHARE = 1 / 16;

const NONE: readonly string[] = [];

export class Session {
  hello: Hello | undefined;
  statistics: Statistics = new Statistics();
  /** In the order of their first rows. */
  readonly conversations: Conversation[] = [];
  /** Entries that were forgotten for lack of room, since the last `clear`. */
  forgotten = 0;
  /** Rows that the server could not send. */
  missing = 0;
  #limits: Limits;
  readonly #hasOwnLimits: boolean;
  readonly #store = new OctetStore();
  readonly #legs = new Map<number, Leg>();
  readonly #pairs = new Map<number, Conversation>();
  #entries: Entry[] = [];
  #start = 0;
  #octets = 0;
  #seq = 0;

  /** @param limits default: by the source of the rows */
  constructor(limits?: Limits) {
    this.#limits = limits ?? LIMITS;
    this.#hasOwnLimits = limits !== undefined;
  }

  /** Index of the oldest entry that is kept. */
  get start(): number {
    return this.#start;
  }

  /** Index behind the newest entry. */
  get end(): number {
    return this.#start + this.#entries.length;
  }

  /** Octets of TPDUs that are kept. */
  get octets(): number {
    return this.#octets;
  }

  entry(index: number): Entry | undefined {
    return this.#entries[index - this.#start];
  }

  /** The DTs of a TSDU that are kept, in order. */
  dtsOf(tsdu: Tsdu): readonly TpduEntry[] {
    const dts: TpduEntry[] = [];
    for (let index = Math.max(tsdu.first, this.#start); index <= tsdu.last; index += 1) {
      const entry = this.entry(index);
      if (entry?.kind === 'tpdu' && entry.tsdu === tsdu) {
        dts.push(entry);
      }
    }
    return dts;
  }

  /** A stream of rows begins, or goes on after the connection to the server was lost. */
  begin(hello: Hello): void {
    this.hello = hello;
    if (!this.#hasOwnLimits) {
      this.#limits = hello.source === 'file' ? FILE_LIMITS : LIMITS;
    }
  }

  add(row: Row): void {
    if (row.kind === 'connection') {
      this.#connection(row);
    } else if (row.kind === 'lost') {
      // The row that follows has the same number.
      this.#seq = row.seq - 1;
      this.#lost(row);
    } else if (row.seq > this.#seq) {
      // Otherwise it came twice, because the browser has connected again.
      this.#seq = row.seq;
      this.#addRow(row);
    }
    this.#forget();
  }

  #addRow(row: TpduRow | EventRow | NoteRow): void {
    const { conversation } = this.#legs.get(row.connection) ?? {};
    if (conversation !== undefined) {
      conversation.lastTime = row.time;
    }
    switch (row.kind) {
      case 'tpdu':
        this.#tpdu(row);
        return;
      case 'event':
        this.#event(row);
        return;
      case 'note':
        this.#note(row);
        return;
    }
  }

  /** Forgets entries and ended connections; what is open goes on with its counters. */
  clear(): void {
    this.#start = this.end;
    this.#entries = [];
    this.#octets = 0;
    this.forgotten = 0;
    this.missing = 0;
    this.statistics = new Statistics();
    this.#forgetConversations(({ isOver }) => isOver);
  }

  #connection(row: ConnectionRow): void {
    if (this.#legs.has(row.connection)) {
      return;
    }
    const { pair } = row;
    let conversation = pair === undefined ? undefined : this.#pairs.get(pair);
    if (conversation === undefined) {
      conversation = new Conversation(pair ?? row.connection, row.time);
      this.conversations.push(conversation);
      if (pair !== undefined) {
        this.#pairs.set(pair, conversation);
      }
    }
    const leg = new Leg(row, conversation);
    conversation.legs.push(leg);
    this.#legs.set(row.connection, leg);
    this.#boundConversations(conversation);
  }

  #tpdu(row: TpduRow): void {
    const leg = this.#legs.get(row.connection);
    if (leg === undefined) {
      const words = `a TPDU of connection ${row.connection}, which this page does not know`;
      this.#push(this.#notice(row, undefined, words, true));
      return;
    }
    const stored = this.#store.addBase64(row.octets);
    const isFromClient = (row.direction === 'received') === (leg.row.role === 'server');
    const octets = octetsOf(stored);
    const { tpdu, deviations } = leg.follow(octets, isFromClient, row.time);
    const base = { ...stored, leg, isFromClient };
    const index = this.end;
    const entry: TpduEntry = {
      kind: 'tpdu',
      index,
      time: row.time,
      frame: row.frame,
      deviations,
      ...base,
      type: tpduTypeOf(octets[1] ?? 0),
      tsdu: tpdu?.type === 'DT' ? dtOf(leg, tpdu, isFromClient, index) : undefined,
      isCopy: leg.conversation.isCopy(base),
      isRelayed: false,
    };
    this.#octets += stored.length;
    this.#push(entry);
    leg.conversation.awaitCopy(entry);
    this.#count(entry, tpdu);
  }

  #count(entry: TpduEntry, tpdu: Tpdu | undefined): void {
    const { leg, isFromClient, tsdu, time } = entry;
    const { conversation } = leg;
    leg.traffic(isFromClient).tpdus += 1;
    if (leg !== conversation.first) {
      return;
    }
    const { statistics } = this;
    statistics.tpdu(entry.type, isFromClient, entry.length, time);
    if (entry.deviations.length > 0) {
      statistics.deviating += 1;
      conversation.deviating += 1;
    }
    if (leg.times.cr !== undefined && leg.times.answer === time && tpdu?.type !== 'DT') {
      statistics.answerTime.add(Math.max(0, time - leg.times.cr));
    }
    if (tsdu === undefined) {
      return;
    }
    if (!isFromClient && tsdu.count === 1) {
      const took = conversation.responded(time);
      if (took !== undefined) {
        statistics.latency.add(took);
      }
    }
    if (tsdu.isComplete) {
      statistics.tsdu(isFromClient, tsdu.octets);
      if (isFromClient) {
        conversation.requested(time);
      }
    }
  }

  #event(row: EventRow): void {
    const leg = this.#legs.get(row.connection);
    const { event } = row;
    leg?.happened(row);
    // The CR and CC show the other two.
    if (leg !== undefined && event !== 'request' && event !== 'open') {
      const isFailure = event !== 'close' || leg.state === 'refused';
      const { ending } = leg;
      const words = ending?.time === row.time ? ending.words : eventWords(row, leg);
      const isCopy = saysNothingNew(row, leg);
      this.#push({ ...this.#notice(row, leg, words, isFailure), isCopy });
    }
  }

  #note(row: NoteRow): void {
    const leg = this.#legs.get(row.connection);
    leg?.noted(row.text);
    this.#push(this.#notice(row, leg, row.text, true));
  }

  #lost({ time, seq, from }: Pick<LostRow, 'time' | 'seq' | 'from'>): void {
    const count = seq - from;
    this.missing += count;
    const rows = count === 1 ? '1 row is' : `${count} rows are`;
    const words = `${rows} missing: the server forgot them before this page could take them`;
    this.#push(this.#notice({ time }, undefined, words, true));
  }

  #notice(
    row: { readonly time: number; readonly frame?: number },
    leg: Leg | undefined,
    text: string,
    isFailure: boolean,
  ): NoticeEntry {
    const { time, frame } = row;
    return {
      kind: 'notice',
      index: this.end,
      time,
      leg,
      frame,
      text,
      isFailure,
      isCopy: false,
      deviations: NONE,
    };
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
  }

  #forget(): void {
    const { entries, octets } = this.#limits;
    if (this.#entries.length <= entries && this.#octets <= octets) {
      return;
    }
    let count = 0;
    const least = Math.ceil(this.#entries.length * FORGOTTEN_SHARE);
    const target = octets * (1 - FORGOTTEN_SHARE);
    while (count < this.#entries.length && (count < least || this.#octets > target)) {
      const entry = this.#entries[count];
      this.#octets -= entry?.kind === 'tpdu' ? entry.length : 0;
      count += 1;
    }
    this.#entries = this.#entries.slice(count);
    this.#start += count;
    this.forgotten += count;
  }

  /** Beyond the limit a share is forgotten: first what is over, then what was silent longest. */
  #boundConversations(newest: Conversation): void {
    const { conversations } = this.#limits;
    if (this.conversations.length <= conversations) {
      return;
    }
    const kept = Math.floor(conversations * (1 - FORGOTTEN_SHARE));
    const order = this.conversations
      .filter((each) => each !== newest)
      .sort((a, b) => Number(b.isOver) - Number(a.isOver) || a.lastTime - b.lastTime);
    const forgotten = new Set(order.slice(0, this.conversations.length - kept));
    this.#forgetConversations((each) => forgotten.has(each));
  }

  #forgetConversations(isForgotten: (conversation: Conversation) => boolean): void {
    const kept: Conversation[] = [];
    for (const conversation of this.conversations) {
      if (isForgotten(conversation)) {
        for (const { row } of conversation.legs) {
          this.#legs.delete(row.connection);
          if (row.pair !== undefined) {
            this.#pairs.delete(row.pair);
          }
        }
      } else {
        kept.push(conversation);
      }
    }
    this.conversations.splice(0, this.conversations.length, ...kept);
  }
}

/** Adds a DT to the TSDU of its side, and returns that. */
function dtOf(
  leg: Leg,
  dt: { readonly eot: boolean; readonly userData: Uint8Array },
  isFromClient: boolean,
  index: number,
): Tsdu {
  const traffic = leg.traffic(isFromClient);
  const tsdu: Tsdu = traffic.tsdu ?? {
    first: index,
    last: index,
    count: 0,
    octets: 0,
    isComplete: false,
    shownIn: 0,
  };
  tsdu.last = index;
  tsdu.count += 1;
  tsdu.octets += dt.userData.length;
  tsdu.isComplete = dt.eot;
  traffic.octets += dt.userData.length;
  traffic.tsdus += dt.eot ? 1 : 0;
  traffic.tsdu = dt.eot ? undefined : tsdu;
  return tsdu;
}

/** In a proxy, what happens on one connection mostly follows from what has happened on the other, or was shown before. */
function saysNothingNew({ event, cause }: EventRow, leg: Leg): boolean {
  const { conversation, row } = leg;
  if (event === 'refused') {
    // The proxy refuses the client because the target has, or because a note says why it did not reach the target.
    return cause === 'user' && row.pair !== undefined;
  }
  return (
    event === 'close' &&
    conversation.legs.some((other) => other !== leg && other.times.close !== undefined)
  );
}

function eventWords({ event, how, by, error, cause }: EventRow, leg: Leg): string {
  switch (event) {
    case 'close':
      return closeWords({ how, side: leg.sideOf(by) });
    case 'error':
      return error?.message ?? 'it failed';
    default:
      return `${event}: ${cause ?? ''}`;
  }
}
