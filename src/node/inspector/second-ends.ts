/**
 * Finds the TCP connections of which both ends are in the store, because both are in this process. A capture has each
 * of them once: as the end of which more TPDUs are kept has seen it.
 */
import type { TracedConnection } from '../trace/entry.js';
import { Conversation } from '../trace/pcapng/conversation.js';
import type { ConnectionHead } from './connection-heads.js';
import type { RowFeed } from './row-feed.js';
import { Cursor, type StoredRow } from './row-store.js';

/** One end, and how many of its TPDUs are kept. */
interface End {
  readonly head: ConnectionHead;
  tpdus: number;
}

/** Finds the ends that a capture leaves out: their connections, each with that of the end that it has. */
export function secondEnds(feed: RowFeed): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const pairs = candidates(feed);
  if (pairs.length === 0) {
    return found;
  }
  count(feed, new Map(pairs.flat().map((end) => [end.head.source.connection, end])));
  for (const [client, server] of pairs) {
    // The same two ports may be used again, but not by two connections at the same time.
    if (begin(client) <= server.head.lastSeq && begin(server) <= client.head.lastSeq) {
      const [second, written] = client.tpdus < server.tpdus ? [client, server] : [server, client];
      found.set(second.head.source.connection, written.head.source.connection);
    }
  }
  return found;
}

/** Each client and server with the same two addresses. */
function candidates({ heads }: RowFeed): (readonly [client: End, server: End])[] {
  const ofKey = new Map<string, End[]>();
  for (const head of heads.all()) {
    const { key } = new Conversation(head.source, undefined);
    const ends = ofKey.get(key) ?? [];
    ends.push({ head, tpdus: 0 });
    ofKey.set(key, ends);
  }
  const is =
    (role: TracedConnection['role']) =>
    ({ head }: End) =>
      head.source.role === role;
  return [...ofKey.values()].flatMap((ends) =>
    ends
      .filter(is('client'))
      .flatMap((client) => ends.filter(is('server')).map((server) => [client, server] as const)),
  );
}

/** Number of its first row, which is always kept. */
function begin({ head }: End): number {
  return head.seqs[0] ?? head.lastSeq;
}

function count({ store }: RowFeed, ends: ReadonlyMap<number, End>): void {
  const cursor = new Cursor(store.oldestSeq);
  for (let row = store.next(cursor); row !== undefined; row = store.next(cursor)) {
    const end = row.direction === undefined ? undefined : ends.get(row.connection);
    if (end !== undefined) {
      end.tpdus += 1;
    }
  }
}

/** Counts the TPDUs of ends that are left out, and those of the ends in their place. */
export class LeftOut {
  readonly #ends: ReadonlyMap<number, number>;
  readonly #written: ReadonlySet<number>;
  /** How many more were left out than written, of each connection that is written, in each direction. */
  readonly #excess = new Map<string, number>();

  constructor(ends: ReadonlyMap<number, number>) {
    this.#ends = ends;
    this.#written = new Set(ends.values());
  }

  /** Takes a TPDU; true if it is left out. */
  isLeftOut({ connection, direction }: Pick<StoredRow, 'connection' | 'direction'>): boolean {
    const written = this.#ends.get(connection);
    if (written !== undefined) {
      // What one end has sent, the other has received.
      this.#add(`${written} ${direction === 'sent' ? 'received' : 'sent'}`, 1);
    } else if (this.#written.has(connection)) {
      this.#add(`${connection} ${direction}`, -1);
    }
    return written !== undefined;
  }

  /** TPDUs that were left out, and not kept of the end that was written. */
  get missing(): number {
    return [...this.#excess.values()].reduce((sum, each) => sum + Math.max(0, each), 0);
  }

  #add(name: string, by: number): void {
    this.#excess.set(name, (this.#excess.get(name) ?? 0) + by);
  }
}
