/**
 * What is kept of each connection as long as a row of it is kept: its addresses, and the rows that say what it is,
 * even if they are forgotten otherwise: its `connection`, its CR and the answer, and why it was refused.
 */
import type { TracedConnection } from '../trace/entry.js';
import type { RowStore } from './row-store.js';

/** Most rows of one connection that are kept here, and the most octets of each. */
const MAX_ROWS = 6;
const MAX_ROW = 2048;

/** Octets counted for each connection, beside its rows. */
const CONNECTION_COST = 512;

/** Octets counted for each row of a connection, beside its text. */
const ROW_COST = 64;

/** One connection. */
export interface ConnectionHead {
  readonly source: TracedConnection;
  /** Number of the latest row of the connection. */
  lastSeq: number;
  /** Numbers of the rows that are kept here. */
  readonly seqs: number[];
  octets: number;
  /** TPDUs that it has sent and received, those that are forgotten too. */
  readonly tpdus: { sent: number; received: number };
}

/** The connections of which rows are kept. */
export class ConnectionHeads {
  readonly #store: RowStore;
  readonly #heads = new Map<number, ConnectionHead>();
  /** The rows of all of them as JSON, by their number, the oldest first. */
  readonly #rows = new Map<number, string>();

  constructor(store: RowStore) {
    this.#store = store;
    store.onForget = (oldestSeq) => this.#forget(oldestSeq);
  }

  get(connection: number): ConnectionHead | undefined {
    return this.#heads.get(connection);
  }

  /** The connections. */
  all(): Iterable<ConnectionHead> {
    return this.#heads.values();
  }

  add(source: TracedConnection): ConnectionHead {
    const { connection, name, role, localAddr, remoteAddr } = source;
    const known = { connection, name, role, localAddr, remoteAddr };
    const head: ConnectionHead = {
      ...{ source: known, lastSeq: this.#store.nextSeq, seqs: [], octets: CONNECTION_COST },
      tpdus: { sent: 0, received: 0 },
    };
    this.#heads.set(connection, head);
    this.#store.reserve(CONNECTION_COST);
    return head;
  }

  /** Keeps a row of the connection, unless it has too many or the row is too long. */
  keep(head: ConnectionHead, seq: number, json: string): void {
    if (head.seqs.length < MAX_ROWS && json.length <= MAX_ROW) {
      const cost = ROW_COST + json.length;
      head.seqs.push(seq);
      head.octets += cost;
      this.#rows.set(seq, json);
      this.#store.reserve(cost);
    }
  }

  /** The rows that are kept here with a number from `from` on and below `before`. */
  *between(from: number, before: number): Generator<readonly [seq: number, json: string]> {
    for (const row of this.#rows) {
      if (row[0] >= before) {
        return;
      }
      if (row[0] >= from) {
        yield row;
      }
    }
  }

  #forget(oldestSeq: number): void {
    for (const [connection, head] of this.#heads) {
      if (head.lastSeq < oldestSeq) {
        this.#heads.delete(connection);
        this.#store.release(head.octets);
        for (const seq of head.seqs) {
          this.#rows.delete(seq);
        }
      }
    }
  }
}
