/** What a browser of the inspector gets of connections, and what it gets where rows were forgotten. */
import { describe, expect, test } from 'vitest';
import { CotpError } from '../../../src/index.js';
import { RowFeed } from '../../../src/node/inspector/row-feed.js';
import { RowReader } from '../../../src/node/inspector/row-reader.js';
import type { Row } from '../../../src/node/inspector/rows.js';
import type { ConnectionEvent } from '../../../src/node/trace/events.js';
import { CC_TPDU, CR_TPDU, DT_TPDU, tpdu } from '../../support/inspector.js';
import { hex } from '../../support/raw.js';

const MEBIBYTE = 1_048_576;

function rowsFrom(feed: RowFeed, seq = 1): Row[] {
  const reader = new RowReader(feed, seq);
  const rows: Row[] = [];
  for (let batch = reader.next(1000); batch !== undefined; batch = reader.next(1000)) {
    rows.push(...batch.rows.map((row) => JSON.parse(row) as Row));
  }
  return rows;
}

/** Adds DTs of a connection until the first row is forgotten. */
function flood(feed: RowFeed, connection: number): void {
  const octets = Buffer.concat([hex('02 f0 80'), Buffer.alloc(1000)]);
  for (let i = 0; i < 2000; i += 1) {
    feed.tpdu(tpdu(octets, { connection }));
  }
}

function event(own: Partial<ConnectionEvent>): ConnectionEvent {
  return { ...tpdu(''), peer: '', id: 1, ...own } as ConnectionEvent;
}

describe('the rows of a connection', () => {
  test('begin with the connection', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(CR_TPDU, { name: '#3' }), 3, 17);
    expect(rowsFrom(feed)).toEqual([
      {
        ...{ seq: 1, time: 1_700_000_000_000, connection: 1, kind: 'connection' },
        ...{ role: 'server', local: '127.0.0.1:1102', remote: '127.0.0.1:50000' },
        ...{ name: '#3', pair: 3 },
      },
      {
        ...{ seq: 2, time: 1_700_000_000_000, connection: 1, kind: 'tpdu' },
        ...{ direction: 'received', frame: 17, octets: hex(CR_TPDU).toString('base64') },
      },
    ]);
  });

  test('have microseconds', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(DT_TPDU, { time: 1_700_000_000_000.1233 }));
    expect(rowsFrom(feed).map(({ time }) => time)).toEqual([
      1_700_000_000_000.123, 1_700_000_000_000.123,
    ]);
  });

  test.each([
    [{ event: 'request' }, {}],
    [{ event: 'refused', cause: 'selector' }, { cause: 'selector' }],
    [{ event: 'drop', cause: 'limit', error: undefined }, { cause: 'limit' }],
    [
      { event: 'error', error: new CotpError('ERR_COTP_PROTOCOL', 'it is wrong') },
      { error: { code: 'ERR_COTP_PROTOCOL', message: 'it is wrong' } },
    ],
    [
      { event: 'drop', cause: 'limit', error: new Error('a\u202eb\x1b[31m\n\u{e0001}é') },
      {
        cause: 'limit',
        error: { code: 'Error', message: 'a\\u{202e}b\\u{1b}[31m\\u{a}\\u{e0001}é' },
      },
    ],
    [
      { event: 'error', error: new RangeError('too much') },
      { error: { code: 'RangeError', message: 'too much' } },
    ],
    [
      { event: 'close', how: 'reset', by: 'remote' },
      { how: 'reset', by: 'remote' },
    ],
  ] as const)('tell what happened: %j', (own, expected) => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.event(event(own as Partial<ConnectionEvent>));
    expect(rowsFrom(feed)[1]).toEqual({
      ...{ seq: 2, time: 1_700_000_000_000, connection: 1, kind: 'event', event: own.event },
      ...expected,
    });
  });

  test('have no user data if it is redacted', () => {
    const feed = new RowFeed(MEBIBYTE, true);
    feed.tpdu(tpdu(DT_TPDU));
    expect(rowsFrom(feed)[1]).toMatchObject({
      octets: hex('02 f0 80 000000000000').toString('base64'),
    });
  });

  test.each([
    [false, DT_TPDU],
    [true, '02 f0 80 000000000000'],
  ])('are the TPDUs that a relay passes on together; redacted: %s', (redact, octets) => {
    const feed = new RowFeed(MEBIBYTE, redact);
    const packet = Buffer.concat([hex('0300000d'), hex(DT_TPDU)]);
    const source = tpdu('');
    const run = { source, time: source.time, direction: 'received', tpdus: 2 } as const;
    feed.run(source, { ...run, packets: Buffer.concat([packet, packet]) }, 3);
    const row = { kind: 'tpdu', direction: 'received', octets: hex(octets).toString('base64') };
    expect(rowsFrom(feed)).toMatchObject([
      { seq: 1, kind: 'connection', pair: 3 },
      { seq: 2, ...row },
      { seq: 3, ...row },
    ]);
    expect(feed.store.tpdus).toBe(2);
  });

  test('may have a note, which is cut if it is long', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.note('x'.repeat(5000), { time: 1, connection: 0, frame: 4 });
    expect(rowsFrom(feed)).toEqual([
      { seq: 1, time: 1, connection: 0, kind: 'note', frame: 4, text: 'x'.repeat(4096) },
    ]);
  });
});

test('a note has no character that hides others or reverses their order', () => {
  const feed = new RowFeed(MEBIBYTE, false);
  feed.note('frame \u2066x\x00', { time: 1, connection: 0 });
  expect(rowsFrom(feed)[0]).toMatchObject({ text: 'frame \\u{2066}x\\u{0}' });
});

describe('when rows were forgotten, a browser', () => {
  test('first gets the connection, its CR and its CC, then that others are lost', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(CR_TPDU));
    feed.tpdu(tpdu(CC_TPDU, { direction: 'sent' }));
    feed.tpdu(tpdu(DT_TPDU));
    flood(feed, 1);
    const [connection, cr, cc, lost, next] = rowsFrom(feed);
    expect(connection).toMatchObject({ kind: 'connection', seq: 1 });
    expect(cr).toMatchObject({ kind: 'tpdu', seq: 2, octets: hex(CR_TPDU).toString('base64') });
    expect(cc).toMatchObject({ kind: 'tpdu', seq: 3, octets: hex(CC_TPDU).toString('base64') });
    expect(lost).toMatchObject({ kind: 'lost', from: 1, seq: feed.store.oldestSeq });
    expect(next).toMatchObject({ kind: 'tpdu', seq: feed.store.oldestSeq });
  });

  test('gets why a connection was refused', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.event(event({ event: 'refused', cause: 'class' }));
    flood(feed, 1);
    expect(rowsFrom(feed)[1]).toMatchObject({ event: 'refused', cause: 'class' });
  });

  test('gets only what it does not have', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(CR_TPDU));
    flood(feed, 1);
    const [lost] = rowsFrom(feed, 10);
    expect(lost).toMatchObject({ kind: 'lost', from: 10 });
  });

  test('gets nothing of a connection that has no row any more', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(CR_TPDU));
    flood(feed, 2);
    expect(feed.heads.get(1)).toBeUndefined();
    expect(rowsFrom(feed).filter(({ connection }) => connection === 1)).toEqual([]);
  });

  test('gets the connection again when it has new rows', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(CR_TPDU));
    flood(feed, 2);
    feed.tpdu(tpdu(DT_TPDU));
    const [connection, dt] = rowsFrom(feed).filter((row) => row.connection === 1);
    expect(connection).toMatchObject({ kind: 'connection', seq: feed.store.nextSeq - 2 });
    expect(dt).toMatchObject({ kind: 'tpdu' });
  });

  test('that connects again within a gap gets all of the gap again', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    feed.tpdu(tpdu(CR_TPDU));
    feed.tpdu(tpdu(CC_TPDU, { direction: 'sent' }));
    flood(feed, 1);
    // Only one row, the connection.
    const { rows = [], lastSeq = 0 } = new RowReader(feed, 1).next(1) ?? {};
    expect(rows).toHaveLength(1);
    const [connection, cr, cc, lost] = rowsFrom(feed, lastSeq + 1);
    expect([connection?.seq, cr?.seq, cc?.seq]).toEqual([1, 2, 3]);
    expect(lost).toMatchObject({ kind: 'lost', from: 1, seq: feed.store.oldestSeq });
  });

  test('loses rows while it reads, and gets a row that says which', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    const reader = new RowReader(feed, 1);
    feed.tpdu(tpdu(CR_TPDU));
    expect(reader.next(1_000_000)?.lastSeq).toBe(2);
    flood(feed, 1);
    const { rows } = reader.next(10) ?? { rows: [] };
    expect(rows.map((row) => JSON.parse(row) as Row)).toMatchObject([
      { kind: 'lost', from: 3, seq: feed.store.oldestSeq },
    ]);
  });
});

describe('the memory of an inspector', () => {
  test('is bounded however many connections there are', () => {
    const feed = new RowFeed(MEBIBYTE, false);
    for (let connection = 1; connection <= 20_000; connection += 1) {
      feed.tpdu(tpdu(CR_TPDU, { connection }));
      expect(feed.store.octets).toBeLessThanOrEqual(MEBIBYTE);
    }
    expect(feed.heads.get(20_000)).toBeDefined();
    expect(feed.heads.get(1)).toBeUndefined();
  });
});
