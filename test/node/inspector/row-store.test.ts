/** The ring of rows of the inspector. */
import { describe, expect, test } from 'vitest';
import { Cursor, ROW_COST, type StoredRow } from '../../../src/node/inspector/row-block.js';
import { RowStore } from '../../../src/node/inspector/row-store.js';
import { tpkt } from '../../support/splits.js';

const MEBIBYTE = 1_048_576;

function add(store: RowStore, octets: Buffer, connection = 1): number {
  return store.addTpdu({ time: 5.25, connection, direction: 'sent', octets });
}

/** Packets of which the first has TPDUs of so many octets of 1, the second of 2, and so on. */
function packets(...lengths: readonly number[]): { packets: Buffer; tpdus: number } {
  const all = lengths.map((length, i) => tpkt(Buffer.alloc(length, i + 1)));
  return { packets: Buffer.concat(all), tpdus: lengths.length };
}

/** What a row says, with a copy of its octets. */
interface Copied {
  readonly seq: number;
  readonly connection: number;
  readonly direction?: StoredRow['direction'];
  readonly octets?: Buffer;
  readonly json?: string;
}

function copied(row: StoredRow): Copied {
  const { seq, time, connection, direction, frame } = row;
  return direction === undefined
    ? { ...{ seq, time, connection }, json: row.json() }
    : { ...{ seq, time, connection, direction, frame }, octets: Buffer.from(row.octets()) };
}

function all(store: RowStore, from = 1): Copied[] {
  const cursor = new Cursor(from);
  const rows: Copied[] = [];
  for (let row = store.next(cursor); row !== undefined; row = store.next(cursor)) {
    rows.push(copied(row));
  }
  return rows;
}

describe('a store of rows', () => {
  test('gives back what it was given', () => {
    const store = new RowStore(MEBIBYTE);
    const octets = Buffer.from([2, 0xf0, 0x80]);
    store.addTpdu({ time: 1.5, connection: 7, direction: 'received', octets, frame: 9 });
    store.addJson(2.5, 8, '{"kind":"note","text":"a"}');
    expect(all(store)).toEqual([
      { seq: 1, time: 1.5, connection: 7, direction: 'received', octets, frame: 9 },
      { seq: 2, time: 2.5, connection: 8, json: '{"kind":"note","text":"a"}' },
    ]);
  });

  test('copies the octets, so that it keeps no chunk of a socket alive', () => {
    const store = new RowStore(MEBIBYTE);
    const octets = Buffer.from('before');
    add(store, octets);
    octets.fill(0);
    expect(all(store)).toMatchObject([{ octets: Buffer.from('before') }]);
  });

  test('gives each TPDU of a run as a row of its own', () => {
    const store = new RowStore(MEBIBYTE);
    expect(add(store, Buffer.of(1))).toBe(1);
    const run = { time: 7.5, connection: 3, direction: 'received' } as const;
    expect(store.addRun({ ...run, ...packets(3, 300, 1) })).toBe(4);
    expect(add(store, Buffer.of(2))).toBe(5);
    expect([store.nextSeq, store.tpdus]).toEqual([6, 5]);
    const row = { ...run, frame: undefined };
    expect(all(store)).toEqual([
      expect.objectContaining({ seq: 1, octets: Buffer.of(1) }),
      { ...row, seq: 2, octets: Buffer.alloc(3, 1) },
      { ...row, seq: 3, octets: Buffer.alloc(300, 2) },
      { ...row, seq: 4, octets: Buffer.alloc(1, 3) },
      expect.objectContaining({ seq: 5, octets: Buffer.of(2) }),
    ]);
  });

  test('keeps packets that come again at once only once', () => {
    const store = new RowStore(MEBIBYTE);
    const run = packets(3, 1000);
    store.addRun({ time: 1, connection: 1, direction: 'received', ...run });
    store.addRun({ time: 2, connection: 2, direction: 'sent', ...run });
    store.addRun({ time: 3, connection: 2, direction: 'received', ...packets(4) });
    const rows = all(store);
    expect(rows.map(({ connection, direction }) => [connection, direction])).toEqual([
      [1, 'received'],
      [1, 'received'],
      [2, 'sent'],
      [2, 'sent'],
      [2, 'received'],
    ]);
    expect(rows[2]?.octets).toEqual(Buffer.alloc(3, 1));
    expect(rows[3]?.octets).toEqual(Buffer.alloc(1000, 2));
    expect(all(store, 4)[0]?.octets).toEqual(Buffer.alloc(1000, 2));
    // So many entries would take 2 MB if each had its own packets.
    for (let i = 0; i < 1000; i += 1) {
      const next = packets(500, 500);
      store.addRun({ time: 1, connection: 1, direction: 'received', ...next });
      store.addRun({ time: 2, connection: 2, direction: 'sent', ...next });
    }
    expect(store.nextSeq - store.oldestSeq).toBeGreaterThan(3400);
    const isOther = ({ seq, octets }: Copied) =>
      !octets?.equals(Buffer.alloc(500, 1 + ((seq - 6) % 2)));
    expect(all(store, 100).filter(isOther)).toEqual([]);
  });

  test('lets a reader begin within a run', () => {
    const store = new RowStore(MEBIBYTE);
    for (let i = 0; i < 100; i += 1) {
      store.addRun({ time: 1, connection: 1, direction: 'sent', ...packets(3, 4, 5) });
    }
    for (const seq of [1, 2, 3, 4, 150, 299, 300]) {
      const rows = all(store, seq);
      expect(rows.map((row) => row.seq)).toEqual(
        Array.from({ length: 301 - seq }, (_, i) => seq + i),
      );
      expect(rows[0]?.octets?.length).toBe(3 + ((seq - 1) % 3));
    }
  });

  test('forgets runs, also those that a reader has begun', () => {
    const store = new RowStore(MEBIBYTE);
    const cursor = new Cursor(1);
    let last = 0;
    for (let i = 0; i < 3000; i += 1) {
      store.addRun({ time: 1, connection: 1, direction: 'sent', ...packets(500, 501) });
      const row = i % 100 < 50 ? store.next(cursor) : undefined;
      if (row !== undefined) {
        expect(row.seq).toBeGreaterThan(last);
        expect(row.octets().length).toBe(500 + ((row.seq - 1) % 2));
        last = row.seq;
      }
      expect(store.octets).toBeLessThanOrEqual(MEBIBYTE);
    }
    expect(last).toBeGreaterThan(3000);
  });

  test('never holds more octets than it may', () => {
    const store = new RowStore(MEBIBYTE);
    for (let i = 0; i < 10_000; i += 1) {
      add(store, Buffer.alloc(1 + ((i * 37) % 1000)));
      expect(store.octets).toBeLessThanOrEqual(MEBIBYTE);
    }
  });

  test('forgets the oldest rows and keeps the numbers of the others', () => {
    const store = new RowStore(MEBIBYTE);
    for (let i = 1; i <= 5000; i += 1) {
      const octets = Buffer.alloc(1000);
      octets.writeUInt32BE(i);
      expect(add(store, octets)).toBe(i);
    }
    const rows = all(store);
    expect(store.oldestSeq).toBeGreaterThan(3900);
    expect(rows[0]?.seq).toBe(store.oldestSeq);
    expect(rows.at(-1)?.seq).toBe(5000);
    expect(rows.map(({ octets }) => octets?.readUInt32BE())).toEqual(rows.map(({ seq }) => seq));
  });

  test('keeps at least seven eighths of its memory', () => {
    const store = new RowStore(MEBIBYTE);
    for (let i = 0; i < 5000; i += 1) {
      add(store, Buffer.alloc(1000));
    }
    const kept = (store.nextSeq - store.oldestSeq) * (1000 + ROW_COST);
    expect(kept).toBeGreaterThan((6.9 / 8) * MEBIBYTE);
  });

  test('keeps a row that is longer than a block', () => {
    const store = new RowStore(MEBIBYTE);
    add(store, Buffer.alloc(500_000, 1));
    add(store, Buffer.alloc(3, 2));
    expect(all(store).map(({ octets }) => octets?.length)).toEqual([500_000, 3]);
  });

  test('counts what others hold for its rows', () => {
    const store = new RowStore(MEBIBYTE);
    for (let i = 0; i < 5000; i += 1) {
      add(store, Buffer.alloc(1000));
    }
    store.reserve(MEBIBYTE / 2);
    for (let i = 0; i < 1000; i += 1) {
      add(store, Buffer.alloc(1000));
    }
    expect(store.octets).toBeLessThanOrEqual(MEBIBYTE);
    expect((store.nextSeq - store.oldestSeq) * 1000).toBeLessThan(MEBIBYTE / 2);
  });

  test('lets a reader begin at any row', () => {
    const store = new RowStore(MEBIBYTE);
    for (let i = 0; i < 300; i += 1) {
      add(store, Buffer.alloc(1000));
    }
    for (const seq of [1, 2, 127, 128, 299, 300]) {
      expect(all(store, seq)[0]?.seq).toBe(seq);
    }
    expect(all(store, 301)).toEqual([]);
  });

  test('lets a reader go on where rows were added and forgotten meanwhile', () => {
    const store = new RowStore(MEBIBYTE);
    const cursor = new Cursor(1);
    const seen: number[] = [];
    for (let i = 1; i <= 3000; i += 1) {
      const octets = Buffer.alloc(1000);
      octets.writeUInt32BE(add(store, octets) + 1);
      add(store, octets);
      const row = i < 500 || i > 2500 ? store.next(cursor) : undefined;
      if (row !== undefined && row.seq % 2 === 0) {
        expect(row.octets().readUInt32BE()).toBe(row.seq);
        seen.push(row.seq);
      }
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen.at(-1)).toBeGreaterThan(4000);
  });
});
