/**
 * The rows that the inspector's server sends to its page. The page imports only the types.
 *
 * `events` is a stream of server-sent events. The first is `hello` with a {@link Hello}. Each `rows` carries a
 * JSON array of {@link Row}, and as its `id` the `seq` of the last of them, so that a browser that reconnects gets
 * what follows its `Last-Event-ID`; before a {@link LostRow} that is the `seq` of the row before the gap, and rows come
 * again. An `end` with empty data says that no more rows will come: a file was read whole,
 * or the inspector was closed.
 *
 * The server forgets the oldest rows. A browser that opens later, or is too slow, then gets what is kept of each
 * connection that still has rows, with its old `seq`: the {@link ConnectionRow}, the CR and its answer, why it was
 * refused. Behind them a {@link LostRow} says that the others up to its `seq` are missing.
 */

/** What the rows are of. */
export interface Hello {
  /** `proxy`: two connections a client; `process`: connections of this process; `file`: a capture or a trace. */
  readonly source: 'proxy' | 'process' | 'file';
  /** The address on which the proxy listens, the name of the file, or the title that `inspect` was given. */
  readonly title: string;
  /** The target of the proxy as `host:port`. */
  readonly target?: string;
  /** False for a file that was read whole, and after the inspected process has closed the inspector. */
  readonly isLive: boolean;
  /** User data was replaced by zeros before it came here. */
  readonly isRedacted: boolean;
  /** Octets that the server keeps for browsers that open later. Older rows are forgotten. */
  readonly maxOctets: number;
}

/** Fields of every row. */
interface RowBase {
  /** Counted from 1 without a gap, so that a gap shows what is missing. */
  readonly seq: number;
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  /** Number of the connection, unique in this stream, counted from 1; 0 where a note belongs to no connection. */
  readonly connection: number;
}

/**
 * A connection was seen for the first time. It comes before the other rows of the connection. It comes again, with the
 * same number, where all rows of the connection had been forgotten.
 */
export interface ConnectionRow extends RowBase {
  readonly kind: 'connection';
  readonly name?: string;
  /** Which side the inspected process is. In a file: `server`, so what the client sent is `received`. */
  readonly role: 'client' | 'server';
  /** `host:port` of the inspected process, or of the server in a file. */
  readonly local: string;
  /** `host:port` of the peer, or of the client in a file. */
  readonly remote: string;
  /** In a proxy, the number of the client: its two connections have the same. */
  readonly pair?: number;
}

/** One TPDU. */
export interface TpduRow extends RowBase {
  readonly kind: 'tpdu';
  readonly direction: 'sent' | 'received';
  /** The TPDU without the TPKT header, in base64. */
  readonly octets: string;
  /** The frame in the capture, counted from 1. */
  readonly frame?: number;
}

/** Something happened to a connection that no TPDU shows. The names are those of the channel `cotp:connection`. */
export interface EventRow extends RowBase {
  readonly kind: 'event';
  readonly event: 'request' | 'open' | 'refused' | 'drop' | 'error' | 'close';
  /** Why a server refused the CR or dropped the stream. */
  readonly cause?: string;
  /** Of `close`: how TCP ended, and which side ended it first. Absent if a file does not show it. */
  readonly how?: 'fin' | 'reset';
  readonly by?: 'local' | 'remote';
  /** The frame in the capture. */
  readonly frame?: number;
  /** What failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** A sentence: octets of a capture that are missing, frames that were skipped. */
export interface NoteRow extends RowBase {
  readonly kind: 'note';
  readonly text: string;
  readonly frame?: number;
}

/**
 * Rows that this browser does not get: they were forgotten before it could take them. Its `seq` is that of the row
 * behind it.
 */
export interface LostRow extends RowBase {
  readonly kind: 'lost';
  /** The rows from here to the one before `seq` are missing. */
  readonly from: number;
}

export type Row = ConnectionRow | TpduRow | EventRow | NoteRow | LostRow;
