/** What the store holds as a file: a capture for Wireshark, or JSON lines. It is made while the browser takes it. */
import type { ServerResponse } from 'node:http';
import { formatAddress } from '../address.js';
import { Entry } from '../trace/entry.js';
import { jsonOfEntry } from '../trace/lines.js';
import { Conversations } from '../trace/pcapng.js';
import { redactTpdu } from '../trace/sink.js';
import { begin } from './answers.js';
import type { RowFeed } from './row-feed.js';
import { Cursor, type StoredRow } from './row-store.js';
import type { EventRow } from './rows.js';

/** The formats, by their names in the address. */
export const DOWNLOAD_FORMATS = ['pcapng', 'jsonl'] as const;

export type DownloadFormat = (typeof DOWNLOAD_FORMATS)[number];

const TYPES: Readonly<Record<DownloadFormat, string>> = {
  pcapng: 'application/octet-stream',
  jsonl: 'application/x-ndjson; charset=utf-8',
};

/** The port on which Wireshark decodes TPKT. */
const COTP_PORT = 102;

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
}

/** Makes the records of a file. */
interface Encoder {
  readonly start: () => Buffer;
  readonly tpdu: (entry: Entry, octets: Buffer) => Buffer;
  readonly close: (row: EventRow) => Buffer;
  readonly end: (lostRows: number) => Buffer;
}

const NOTHING = Buffer.alloc(0);

const ENCODERS: Readonly<Record<DownloadFormat, () => Encoder>> = {
  pcapng() {
    const conversations = new Conversations(COTP_PORT);
    return {
      start: conversations.preamble,
      tpdu: (entry, octets) => conversations.record(entry, octets, () => true)?.octets ?? NOTHING,
      close: ({ connection, how = 'fin', by = 'local', time }) =>
        conversations.end(connection, how, by, time)?.octets ?? NOTHING,
      end: conversations.epilogue,
    };
  },
  jsonl: () => ({
    start: () => NOTHING,
    tpdu: (entry, octets) => Buffer.from(`${jsonOfEntry(entry, octets)}\n`),
    close: () => NOTHING,
    end: () => NOTHING,
  }),
};

/** Sends the file. Resolves when the browser has taken it, or has left. */
export async function sendDownload(
  feed: RowFeed,
  response: ServerResponse,
  { format, redact, now }: DownloadOptions,
): Promise<void> {
  const name = `cotp-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}${redact ? '-redacted' : ''}`;
  begin(response, TYPES[format], {
    'Content-Disposition': `attachment; filename="${name}.${format}"`,
  });
  response.setTimeout(MAX_SILENCE, () => response.destroy());
  for (const piece of pieces(feed, ENCODERS[format](), redact)) {
    if (!response.write(piece) && !response.destroyed) {
      await roomIn(response);
    }
    if (response.destroyed) {
      return;
    }
  }
  response.end();
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

/** The file, in pieces. Between two of them rows may be forgotten, and added; added ones are not in the file. */
function* pieces(feed: RowFeed, encoder: Encoder, redact: boolean): Generator<Buffer> {
  const { store } = feed;
  const last = store.nextSeq - 1;
  const cursor = new Cursor(store.oldestSeq);
  let lost = 0;
  let records = [encoder.start()];
  let length = 0;
  while (cursor.nextSeq <= last) {
    const expected = cursor.nextSeq;
    const row = store.next(cursor);
    lost += Math.min(row?.seq ?? expected, last + 1) - expected;
    if (row === undefined || row.seq > last) {
      break;
    }
    const record = recordOf(feed, row, encoder, redact);
    records.push(record);
    length += record.length;
    if (length >= PIECE) {
      yield Buffer.concat(records);
      records = [];
      length = 0;
    }
  }
  yield Buffer.concat([...records, encoder.end(lost)]);
}

function recordOf(feed: RowFeed, row: StoredRow, encoder: Encoder, redact: boolean): Buffer {
  const { time, direction, connection } = row;
  if (direction === undefined) {
    const event = JSON.parse(row.json()) as EventRow;
    return event.event === 'close' ? encoder.close(event) : NOTHING;
  }
  const source = feed.heads.get(connection)?.source;
  if (source === undefined) {
    return NOTHING;
  }
  const octets = row.octets();
  const peer = formatAddress(source.remoteAddr);
  const entry = new Entry({ source, peer, direction, octets, time });
  return encoder.tpdu(entry, redact ? redactTpdu(octets, entry.tpdu) : octets);
}
