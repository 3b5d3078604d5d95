/**
 * The lines of the ladder: the entries that the filter lets through, with the DTs of a TSDU folded into one. It goes
 * through the entries once, in steps, so that new entries cost only themselves and a slow filter never blocks the page.
 * Only the entries of a conversation of which the filter says something else than before are looked at again.
 */
import type { Conversation } from './conversation.js';
import { ConversationLines, newList } from './conversation-lines.js';
import type { Entry, Tsdu } from './entry.js';
import type { Filter } from './filter.js';
import type { Session } from './session.js';

/** How lines are made. */
export interface LineOptions {
  readonly filter: Filter;
  /** One line for each TSDU, not for each DT. */
  readonly folds: boolean;
  /** Both legs of a proxy, also where they carry the same octets. */
  readonly bothLegs: boolean;
}

/** Entries between two looks at the clock. */
const BATCH = 500;

export class Lines {
  readonly #session: Session;
  readonly #options: LineOptions;
  readonly #list: number = newList();
  readonly #unfolded: Set<Tsdu>;
  /** Empty if the filter does not ask about conversations. */
  readonly #conversations = new Map<Conversation, ConversationLines>();
  /** Those whose entries are to be looked at again. */
  readonly #behind = new Set<ConversationLines>();
  #items: Entry[] = [];
  #next: number;
  /** As the session had it when forgotten entries were dropped last. */
  #start: number;
  /** Entries that were looked at and can be shown with any filter. */
  #candidates = 0;

  constructor(session: Session, options: LineOptions, unfolded: Iterable<Tsdu> = []) {
    this.#session = session;
    this.#options = options;
    this.#unfolded = new Set(unfolded);
    this.#next = session.start;
    this.#start = session.start;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Lines that there would be without a filter, of the entries that were looked at. */
  get candidates(): number {
    return this.#candidates;
  }

  /** Index of the first entry that was not looked at. */
  get next(): number {
    return this.#next;
  }

  get unfolded(): ReadonlySet<Tsdu> {
    return this.#unfolded;
  }

  at(line: number): Entry | undefined {
    return this.#items[line];
  }

  /** The line that shows this entry or the next one behind it; the number of lines if there is none. */
  lineOf(index: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle]?.index ?? 0) < index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /**
   * Looks at entries up to `end`, as long as `hasTime`.
   *
   * @returns true if all of them were looked at
   */
  advance(end: number, hasTime: () => boolean = () => true): boolean {
    this.#next = Math.max(this.#next, this.#session.start);
    while (!this.#isDone(end) && hasTime()) {
      this.#considerSome(end);
      this.#lookAgainAtSome();
    }
    return this.#isDone(end);
  }

  /** Drops the lines of entries that the session has forgotten; returns how many. */
  trim(): number {
    const { start } = this.#session;
    if (start > this.#start) {
      this.#start = start;
      this.#forget(start);
    }
    const count = this.lineOf(start);
    if (count > 0) {
      this.#items = this.#items.slice(count);
      this.#candidates = Math.max(this.#items.length, this.#candidates - count);
    }
    return count;
  }

  #isDone(end: number): boolean {
    return this.#next >= end && this.#behind.size === 0;
  }

  #considerSome(end: number): void {
    const stop = Math.min(end, this.#next + BATCH);
    for (; this.#next < stop; this.#next += 1) {
      const entry = this.#session.entry(this.#next);
      if (entry !== undefined) {
        this.#consider(entry);
      }
    }
  }

  #consider(entry: Entry): void {
    // A copy may change the answers too.
    const own = this.#conversationLines(entry);
    if (entry.isCopy && !this.#options.bothLegs) {
      return;
    }
    if ((this.#foldedTsdu(entry)?.first ?? entry.index) === entry.index) {
      this.#candidates += 1;
    }
    own?.add(entry);
    if (own?.isBehind !== true && this.#matches(entry, own?.list ?? this.#list)) {
      this.#items.push(entry);
    }
  }

  /** True if the entry has a line in this list: of the DTs of a folded TSDU, only the first that matches has one. */
  #matches(entry: Entry, list: number): boolean {
    const tsdu = this.#foldedTsdu(entry);
    if (tsdu?.shownIn === list || !this.#options.filter.matches(entry)) {
      return false;
    }
    if (tsdu !== undefined) {
      tsdu.shownIn = list;
    }
    return true;
  }

  #foldedTsdu(entry: Entry): Tsdu | undefined {
    const tsdu = entry.kind === 'tpdu' && this.#options.folds ? entry.tsdu : undefined;
    return tsdu === undefined || this.#unfolded.has(tsdu) ? undefined : tsdu;
  }

  /**
   * What is kept of the conversation of an entry; `undefined` if the filter asks about none. What the filter asks about
   * changes only with an entry that is no DT, so the answers are compared here alone.
   */
  #conversationLines(entry: Entry): ConversationLines | undefined {
    const { conversationTests } = this.#options.filter;
    if (entry.leg === undefined || conversationTests.length === 0) {
      return undefined;
    }
    const { conversation } = entry.leg;
    const known = this.#conversations.get(conversation);
    if (known !== undefined && entry.kind === 'tpdu' && entry.type === 'DT') {
      return known;
    }
    const answers = conversationTests.map((test) => test(conversation)).join();
    if (known === undefined) {
      const own = new ConversationLines(conversation, answers);
      this.#conversations.set(conversation, own);
      return own;
    }
    if (known.learn(answers)) {
      this.#behind.add(known);
    }
    return known;
  }

  #lookAgainAtSome(): void {
    const done = new Map<Conversation, ConversationLines>();
    let left = BATCH;
    for (const own of this.#behind) {
      left -= own.lookAgain(left, (entry, list) => this.#matches(entry, list));
      if (own.isBehind) {
        break;
      }
      this.#behind.delete(own);
      done.set(own.conversation, own);
    }
    if (done.size > 0) {
      this.#replaceLines(done);
    }
  }

  /** Puts the lines that were found in place of those that the conversations had. What is before their entries stays. */
  #replaceLines(done: ReadonlyMap<Conversation, ConversationLines>): void {
    const found = [...done.values()];
    const first = this.lineOf(Math.min(...found.map(({ start }) => start)));
    const others = this.#items
      .splice(first)
      .filter(({ leg }) => leg === undefined || !done.has(leg.conversation));
    const lines = [...others, ...found.flatMap((own) => own.takeLines())];
    this.#items = this.#items.concat(lines.sort((a, b) => a.index - b.index));
  }

  #forget(start: number): void {
    for (const own of this.#conversations.values()) {
      if (own.forget(start)) {
        this.#conversations.delete(own.conversation);
        this.#behind.delete(own);
      }
    }
  }
}
