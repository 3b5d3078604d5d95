/**
 * Finds the TCP connections of which both ends are in the store, because both are in this process. A capture has each
 * of them once: as the end of which more TPDUs are kept has seen it.
 */
import type { TracedConnection } from '../trace/entry.js';
import { Conversation } from '../trace/pcapng/conversation.js';
import type { ConnectionHead } from './connection-heads.js';
import { Cursor } from './row-block.js';
import type { RowFeed } from './row-feed.js';

/** One end, and how many of its TPDUs are kept. */
interface End {
  readonly head: ConnectionHead;
  kept: number;
}

/** The ends that a capture leaves out. */
export interface SecondEnds {
  readonly connections: ReadonlySet<number>;
  /** Their TPDUs that the other end has seen too, those that are forgotten among them. */
  readonly tpdus: number;
}

/** For a file that has both ends. */
export const NO_SECOND_ENDS: SecondEnds = { connections: new Set(), tpdus: 0 };

/** Finds the ends that a capture leaves out. */
export function secondEnds(feed: RowFeed): SecondEnds {
  const pairs = candidates(feed);
  if (pairs.length === 0) {
    return NO_SECOND_ENDS;
  }
  count(feed, new Map(pairs.flat().map((end) => [end.head.source.connection, end])));
  const paired = new Set<End>();
  const connections = new Set<number>();
  let tpdus = 0;
  for (const [client, server] of pairs) {
    // The same two ports may be used again, but not by two connections at the same time.
    const isSame = begin(client) <= server.head.lastSeq && begin(server) <= client.head.lastSeq;
    if (isSame && !paired.has(client) && !paired.has(server)) {
      paired.add(client).add(server);
      const second = client.kept < server.kept ? client : server;
      connections.add(second.head.source.connection);
      tpdus += seenByBoth(client.head.tpdus, server.head.tpdus);
    }
  }
  return { connections, tpdus };
}

/** What one end has sent, the other has received, or will. */
function seenByBoth(one: ConnectionHead['tpdus'], other: ConnectionHead['tpdus']): number {
  return Math.min(one.sent, other.received) + Math.min(one.received, other.sent);
}

/** Each client and server with the same two addresses. */
function candidates({ heads }: RowFeed): (readonly [client: End, server: End])[] {
  const ofKey = new Map<string, End[]>();
  for (const head of heads.all()) {
    const { key } = new Conversation(head.source);
    const ends = ofKey.get(key) ?? [];
    ends.push({ head, kept: 0 });
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

/** Counts the TPDUs that are kept of each end. */
function count({ store }: RowFeed, ends: ReadonlyMap<number, End>): void {
  const cursor = new Cursor(store.oldestSeq);
  for (let row = store.next(cursor); row !== undefined; row = store.next(cursor)) {
    const end = row.direction === undefined ? undefined : ends.get(row.connection);
    if (end !== undefined) {
      end.kept += 1;
    }
  }
}
