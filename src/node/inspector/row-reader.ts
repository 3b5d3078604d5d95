/** Reads the rows for one browser, as JSON, in pieces of a bounded size. */
import { Cursor, type StoredRow } from './row-block.js';
import type { RowFeed } from './row-feed.js';
import { tpduJson } from './row-feed.js';
import type { LostRow } from './rows.js';

/** A piece of the rows. */
export interface Batch {
  /** Rows as JSON. */
  readonly rows: readonly string[];
  /**
   * What a browser has then: the number of the last of them. Between the kept rows of a gap it is the row before the gap,
   * so that a browser that connects again gets the whole gap again, and what is lost in it.
   */
  readonly lastSeq: number;
}

/** A place in the rows. */
export class RowReader {
  readonly #feed: RowFeed;
  readonly #cursor: Cursor;
  /** The first row of a gap whose kept rows are being read. */
  #lostFrom: number | undefined;

  /** @param seq number of the first row to read */
  constructor(feed: RowFeed, seq: number) {
    this.#feed = feed;
    this.#cursor = new Cursor(seq);
  }

  /** True if rows wait. */
  get hasMore(): boolean {
    return this.#cursor.nextSeq < this.#feed.store.nextSeq;
  }

  /** The next rows: one or more, and no further one after `maxCharacters`. `undefined` if there are none. */
  next(maxCharacters: number): Batch | undefined {
    const { store } = this.#feed;
    const rows: string[] = [];
    let characters = 0;
    let lastSeq = 0;
    if (this.#cursor.nextSeq < store.oldestSeq) {
      for (const [seq, json] of this.#afterLoss(store.oldestSeq)) {
        rows.push(json);
        characters += json.length;
        lastSeq = this.#lostFrom === undefined ? seq : this.#lostFrom - 1;
        if (characters >= maxCharacters) {
          return { rows, lastSeq };
        }
      }
    }
    while (characters < maxCharacters) {
      const row = store.next(this.#cursor);
      if (row === undefined) {
        break;
      }
      const json = jsonOf(row);
      rows.push(json);
      characters += json.length;
      lastSeq = row.seq;
    }
    return rows.length === 0 ? undefined : { rows, lastSeq };
  }

  /** What is kept of the connections, and that all else up to the oldest row is lost. */
  *#afterLoss(oldest: number): Generator<readonly [seq: number, json: string]> {
    const { heads, store } = this.#feed;
    const cursor = this.#cursor;
    this.#lostFrom ??= cursor.nextSeq;
    for (const row of heads.between(cursor.nextSeq, oldest)) {
      cursor.nextSeq = row[0] + 1;
      yield row;
    }
    cursor.nextSeq = oldest;
    const from = this.#lostFrom;
    this.#lostFrom = undefined;
    const lost: LostRow = { seq: oldest, time: this.#timeOf(), connection: 0, kind: 'lost', from };
    yield [store.oldestSeq - 1, JSON.stringify(lost)];
  }

  /** The time of the row at the cursor. */
  #timeOf(): number {
    const ahead = new Cursor(this.#cursor.nextSeq);
    return this.#feed.store.next(ahead)?.time ?? 0;
  }
}

function jsonOf(row: StoredRow): string {
  return row.direction === undefined ? row.json() : tpduJson(row, row.direction, row.base64());
}
