/**
 * The lines of one conversation, for a filter that asks about conversations. What such a filter lets through changes
 * when the conversation is refused, or when a proxy calls another selector: then all entries are looked at again.
 */
import type { Conversation } from './conversation.js';
import type { Entry } from './entry.js';

let lists = 0;

/** Each list of lines has a number, which `Tsdu.shownIn` holds. */
export function newList(): number {
  lists += 1;
  return lists;
}

export class ConversationLines {
  readonly conversation: Conversation;
  /** Changes when the entries are looked at again, so that no TSDU counts as shown then. */
  list: number = newList();
  /** Entries are to be looked at again; the lines that are shown until then are those from before. */
  isBehind = false;
  /** All entries that can be shown with any filter, in order. */
  #entries: Entry[] = [];
  /** How many of them were looked at again, and those that match. */
  #looked = 0;
  #lines: Entry[] = [];
  #answers: string;

  /** @param answers what the filter's tests of conversations say of it */
  constructor(conversation: Conversation, answers: string) {
    this.conversation = conversation;
    this.#answers = answers;
  }

  /** Index in the session of the oldest entry. */
  get start(): number {
    return this.#entries[0]?.index ?? Number.POSITIVE_INFINITY;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Begins to look at the entries again if the answers have changed; returns whether they have. */
  learn(answers: string): boolean {
    if (answers === this.#answers) {
      return false;
    }
    this.#answers = answers;
    this.list = newList();
    this.#lines = [];
    this.isBehind = true;
    this.#looked = 0;
    return true;
  }

  /**
   * Looks at some entries again.
   *
   * @param most of them
   * @returns at how many it has looked
   */
  lookAgain(most: number, matches: (entry: Entry, list: number) => boolean): number {
    const some = this.#entries.slice(this.#looked, this.#looked + most);
    this.#lines.push(...some.filter((entry) => matches(entry, this.list)));
    this.#looked += some.length;
    this.isBehind = this.#looked < this.#entries.length;
    return some.length;
  }

  /** What was found. Only once, so that it is not kept. */
  takeLines(): readonly Entry[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Drops the entries before `start`, which the session has forgotten; returns true if none is left. */
  forget(start: number): boolean {
    if (this.#entries.length > 0 && this.start >= start) {
      return false;
    }
    const kept = this.#entries.filter(({ index }) => index >= start);
    this.#looked = Math.max(0, this.#looked - (this.#entries.length - kept.length));
    this.#entries = kept;
    this.#lines = this.#lines.filter(({ index }) => index >= start);
    return kept.length === 0;
  }
}
