/** What the store holds as a file: a capture for Wireshark, or JSON lines. It is made while the browser takes it. */
import type { ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_PORT, formatAddress } from '../address.js';
import { Entry, type TracedConnection } from '../trace/entry.js';
import { jsonOfEntry } from '../trace/lines.js';
import { Conversations } from '../trace/pcapng.js';
import { redactTpdu } from '../trace/sink.js';
import { begin } from './answers.js';
import { Cursor } from './row-block.js';
import type { RowFeed } from './row-feed.js';
import type { EventRow, Row } from './rows.js';
import { NO_SECOND_ENDS, secondEnds } from './second-ends.js';
import type { WritePace } from './write-pace.js';

/** The formats, by their names in the address. */
export const DOWNLOAD_FORMATS = ['pcapng', 'jsonl'] as const;

export type DownloadFormat = (typeof DOWNLOAD_FORMATS)[number];

const TYPES: Readonly<Record<DownloadFormat, string>> = {
  pcapng: 'application/octet-stream',
  jsonl: 'application/x-ndjson; charset=utf-8',
};

/** Octets that are written at once. */
const PIECE = 65_536;

/** A browser that takes nothing for so many milliseconds is closed. */
const MAX_SILENCE = 60_000;

export interface DownloadOptions {
  readonly format: DownloadFormat;
  /** Replaces user data by zeros. */
  readonly redact: boolean;
  /** In milliseconds since 1970, for the name of the file. */
  readonly now: number;
  readonly pace: Pick<WritePace, 'downloads' | 'pauseOfDownload'>;
}

/** Makes the records of a file. */
interface Encoder {
  readonly start: () => Buffer;
  /** True if the two ends of a connection are one conversation of the file. */
  readonly hasOneEnd: boolean;
  /** `undefined` if the file cannot have it. */
  readonly tpdu: (entry: Entry, octets: Buffer) => Buffer | undefined;
  readonly close: (row: EventRow) => Buffer;
  /** @param lost TPDUs that are not in the file */
  readonly end: (lost: number) => Buffer;
}

const NOTHING = Buffer.alloc(0);

const ENCODERS: Readonly<Record<DownloadFormat, () => Encoder>> = {
  pcapng() {
    const conversations = new Conversations(DEFAULT_PORT);
    return {
      hasOneEnd: true,
      start: conversations.preamble,
      tpdu: (entry, octets) => conversations.record(entry, octets, () => true)?.octets,
      close: ({ connection, how = 'fin', by = 'local', time }) =>
        conversations.end(connection, how, by, time)?.octets ?? NOTHING,
      end: conversations.epilogue,
    };
  },
  jsonl: () => ({
    hasOneEnd: false,
    start: () => NOTHING,
    tpdu: (entry, octets) => Buffer.from(`${jsonOfEntry(entry, octets)}\n`),
    close: () => NOTHING,
    end: (lost) => (lost > 0 ? Buffer.from(`${JSON.stringify({ lost })}\n`) : NOTHING),
  }),
};

/** Sends the file. Resolves when the browser has taken it, or has left. */
export async function sendDownload(
  feed: RowFeed,
  response: ServerResponse,
  { format, redact, now, pace }: DownloadOptions,
): Promise<void> {
  const name = `cotp-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}${redact ? '-redacted' : ''}`;
  begin(response, TYPES[format], {
    'Content-Disposition': `attachment; filename="${name}.${format}"`,
  });
  response.setTimeout(MAX_SILENCE, () => response.destroy());
  pace.downloads += 1;
  try {
    let begun = performance.now();
    for (const piece of pieces(feed, ENCODERS[format](), redact)) {
      const isFull = !response.write(piece);
      const pause = pace.pauseOfDownload(performance.now() - begun);
      if (isFull && !response.destroyed) {
        await roomIn(response);
      }
      // The system may take each piece at once. Without a turn of the event loop no connection would be served meanwhile.
      await (pause > 0 ? sleep(pause) : turn());
      if (response.destroyed) {
        return;
      }
      begun = performance.now();
    }
    response.end();
  } finally {
    pace.downloads -= 1;
  }
}

/** Resolves when the browser has taken what was written, or has left. */
function roomIn(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}

/**
 * The file, in pieces. Between two of them rows may be forgotten, and added; added ones are not in the file. Each TPDU
 * that was ever fed is written, at one end at least, or counts as lost.
 */
function* pieces(feed: RowFeed, encoder: Encoder, redact: boolean): Generator<Buffer> {
  const leftOut = encoder.hasOneEnd ? secondEnds(feed) : NO_SECOND_ENDS;
  let lost = feed.store.tpdus - leftOut.tpdus;
  let records = [encoder.start()];
  let length = 0;
  for (const row of keptRows(feed)) {
    if (leftOut.connections.has(row.connection)) {
      continue;
    }
    const record = row.octets === undefined ? encoder.close(row) : tpduRecord(row, encoder, redact);
    lost -= row.octets !== undefined && record !== undefined ? 1 : 0;
    records.push(record ?? NOTHING);
    length += record?.length ?? 0;
    if (length >= PIECE) {
      yield Buffer.concat(records);
      records = [];
      length = 0;
    }
  }
  yield Buffer.concat([...records, encoder.end(lost)]);
}

/** A TPDU of the file. Its octets are valid until the next row is read. */
interface KeptTpdu {
  readonly source: TracedConnection;
  readonly connection: number;
  readonly time: number;
  readonly direction: 'sent' | 'received';
  readonly octets: Buffer;
}

type KeptRow = KeptTpdu | (EventRow & { readonly octets?: undefined });

/** The TPDUs and ends of connections up to now. Of what is forgotten it has what is kept of each connection. */
function* keptRows(feed: RowFeed): Generator<KeptRow> {
  const { store, heads } = feed;
  const last = store.nextSeq - 1;
  const cursor = new Cursor(1);
  while (cursor.nextSeq <= last) {
    const { oldestSeq } = store;
    if (cursor.nextSeq < oldestSeq) {
      for (const [, json] of heads.between(cursor.nextSeq, Math.min(oldestSeq, last + 1))) {
        yield* keptRow(feed, JSON.parse(json) as Row);
      }
      cursor.nextSeq = oldestSeq;
      continue;
    }
    const row = store.next(cursor);
    if (row?.direction === undefined) {
      yield* row === undefined ? [] : keptRow(feed, JSON.parse(row.json()) as Row);
      continue;
    }
    const { time, direction, connection } = row;
    const source = heads.get(connection)?.source;
    if (source !== undefined) {
      yield { source, connection, time, direction, octets: row.octets() };
    }
  }
}

/** A row that was JSON, if the file has it. */
function keptRow({ heads }: RowFeed, row: Row): readonly KeptRow[] {
  if (row.kind === 'event') {
    return row.event === 'close' ? [row] : [];
  }
  const source = heads.get(row.connection)?.source;
  return row.kind === 'tpdu' && source !== undefined
    ? [{ ...row, source, octets: Buffer.from(row.octets, 'base64') }]
    : [];
}

function tpduRecord(tpdu: KeptTpdu, encoder: Encoder, redact: boolean): Buffer | undefined {
  const { source, direction, octets, time } = tpdu;
  const peer = formatAddress(source.remoteAddr);
  const entry = new Entry({ source, peer, direction, octets, time });
  return encoder.tpdu(entry, redact ? redactTpdu(octets, entry.tpdu) : octets);
}
