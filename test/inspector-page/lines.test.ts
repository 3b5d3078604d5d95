import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/inspector-page/model/entry.js';
import { parseFilter } from '../../src/inspector-page/model/filter.js';
import { type LineOptions, Lines } from '../../src/inspector-page/model/lines.js';
import { Session } from '../../src/inspector-page/model/session.js';
import { cc, cr, dt, Rows } from './rows.js';
import { Pair, plantRows, refusedByDr } from './samples.js';

const PLAIN: LineOptions = { filter: parseFilter(''), folds: true, bothLegs: false };

function add(session: Session, rows: Rows): void {
  for (const row of rows.take()) {
    session.add(row);
  }
}

/** Indices of the entries that the lines show. */
function shown(lines: Lines): (number | undefined)[] {
  return Array.from({ length: lines.length }, (_, line) => lines.at(line)?.index);
}

/** A DT alone, a TSDU of three DTs with another connection's DT in it. */
function sample() {
  const rows = new Rows();
  const [one, other] = [rows.connection(), rows.connection()];
  rows.fromClient(one, dt('01'));
  rows.fromClient(one, dt('02', false));
  rows.fromClient(other, dt('ff'));
  rows.fromClient(one, dt('03', false));
  rows.fromClient(one, dt('04'));
  const session = new Session();
  add(session, rows);
  return { session, rows, one };
}

describe('lines', () => {
  test('fold the DTs of a TSDU into the first', () => {
    const { session } = sample();
    const lines = new Lines(session, PLAIN);
    lines.advance(session.end);
    expect(shown(lines)).toEqual([0, 1, 2]);
  });

  test('show each DT without folding', () => {
    const { session } = sample();
    const lines = new Lines(session, { ...PLAIN, folds: false });
    lines.advance(session.end);
    expect(shown(lines)).toEqual([0, 1, 2, 3, 4]);
  });

  test('show each DT of a TSDU that is unfolded', () => {
    const { session } = sample();
    const entry = session.entry(1);
    const unfolded = entry?.kind === 'tpdu' && entry.tsdu !== undefined ? [entry.tsdu] : [];
    const lines = new Lines(session, PLAIN, unfolded);
    lines.advance(session.end);
    expect(shown(lines)).toEqual([0, 1, 2, 3, 4]);
  });

  test('show a TSDU if any of its DTs matches', () => {
    const { session } = sample();
    const lines = new Lines(session, { ...PLAIN, filter: parseFilter('hex:03') });
    lines.advance(session.end);
    expect(shown(lines)).toEqual([3]);
    expect(lines.candidates).toBe(3);
  });

  test('take new entries without going through the old ones again', () => {
    const { session, rows, one } = sample();
    let looked = 0;
    const filter = {
      isEmpty: false,
      faults: [],
      conversationTests: [],
      matches: () => {
        looked += 1;
        return true;
      },
    };
    const lines = new Lines(session, { ...PLAIN, folds: false, filter });
    lines.advance(session.end);
    rows.fromClient(one, dt('05'));
    add(session, rows);
    lines.advance(session.end);
    expect([lines.length, looked]).toEqual([6, 6]);
  });

  test('stop when there is no time left, and go on there', () => {
    const { session } = sample();
    const lines = new Lines(session, PLAIN);
    expect(lines.advance(session.end, () => false)).toBe(false);
    expect(lines.length).toBe(0);
    expect(lines.advance(session.end)).toBe(true);
    expect(lines.length).toBe(3);
  });

  test('stop at the end that they are given, as while the view is paused', () => {
    const { session } = sample();
    const lines = new Lines(session, PLAIN);
    lines.advance(1);
    expect(shown(lines)).toEqual([0]);
  });

  test('leave out what the other leg of a proxy has shown, unless asked', () => {
    const rows = new Rows();
    new Pair(rows, 1).up(dt('01'));
    const session = new Session();
    add(session, rows);
    const one = new Lines(session, PLAIN);
    one.advance(session.end);
    const both = new Lines(session, { ...PLAIN, bothLegs: true });
    both.advance(session.end);
    expect([one.length, both.length]).toEqual([1, 2]);
  });

  test('find the line of an entry', () => {
    const { session } = sample();
    const lines = new Lines(session, { ...PLAIN, filter: parseFilter('conn:1') });
    lines.advance(session.end);
    expect([0, 1, 2, 9].map((index) => lines.lineOf(index))).toEqual([0, 1, 2, 2]);
  });

  test('of forgotten entries go', () => {
    const session = new Session({ entries: 10, octets: 1000, conversations: 10 });
    const rows = new Rows();
    const connection = rows.connection();
    const lines = new Lines(session, PLAIN);
    for (let i = 0; i < 40; i += 1) {
      rows.fromClient(connection, dt('01'));
      add(session, rows);
      lines.advance(session.end);
    }
    expect(lines.trim()).toBe(session.forgotten);
    expect(lines.at(0)?.index).toBe(session.start);
    expect(lines.length).toBe(session.end - session.start);
  });
});

describe('a filter that asks about connections', () => {
  /** Lines that have seen each row alone, and what the session has then. */
  function oneByOne(rows: Rows, options: Partial<LineOptions>) {
    const session = new Session();
    const lines = new Lines(session, { ...PLAIN, ...options });
    for (const row of rows.take()) {
      session.add(row);
      lines.advance(session.end);
    }
    return { lines, session };
  }

  test('shows the CR that came before the refusal', () => {
    const rows = new Rows();
    refusedByDr(rows, 1);
    const { lines } = oneByOne(rows, { filter: parseFilter('refused type:cr') });
    expect(shown(lines)).toEqual([0]);
  });

  test('hides the CR that came before the refusal, if it is negated', () => {
    const rows = new Rows();
    refusedByDr(rows, 1);
    const { lines } = oneByOne(rows, { filter: parseFilter('-refused') });
    expect(lines.length).toBe(0);
  });

  test('shows the CR of a client before the selector that the proxy calls instead', () => {
    const rows = new Rows();
    const pair = new Pair(rows, 1);
    rows.fromClient(pair.client, cr({ called: '0102' }));
    rows.fromClient(pair.target, cr({ called: '0200' }));
    const { lines } = oneByOne(rows, { filter: parseFilter('called:0x0200') });
    expect(shown(lines)).toEqual([0, 1]);
  });

  /** Connections that are refused late, among others and behind TSDUs of several DTs. */
  function manyRows(): Rows {
    const rows = new Rows();
    plantRows(rows);
    const [one, other] = [rows.connection(), rows.connection()];
    for (const connection of [one, other]) {
      rows.fromClient(connection, cr());
      rows.fromClient(connection, dt('01', false));
      rows.fromClient(connection, dt('02', false));
    }
    rows.fromServer(one, { type: 'DR', dstRef: 0x4a1c, reason: 3 });
    rows.fromClient(one, dt('03'));
    rows.fromServer(other, cc());
    rows.fromClient(other, dt('03'));
    rows.fromClient(other, cr({ called: '0777' }));
    return rows;
  }

  const TEXTS = [
    'refused',
    '-refused',
    'refused hex:02',
    'refused,bad',
    'called:0x0102 -refused',
    'calling:0x0200 bad',
    'tsel:0x0777',
    '-tsel:0x0777 type:dt',
  ];
  const WAYS = [
    { folds: true, bothLegs: false },
    { folds: true, bothLegs: true },
    { folds: false, bothLegs: false },
    { folds: false, bothLegs: true },
  ];

  test.each(TEXTS)('shows what it shows when it is set at the end: %s', (text) => {
    for (const way of WAYS) {
      const options = { ...PLAIN, ...way, filter: parseFilter(text) };
      const { lines, session } = oneByOne(manyRows(), options);
      const last = new Lines(session, options);
      last.advance(session.end);
      expect([way, shown(lines)]).toEqual([way, shown(last)]);
      expect(lines.candidates).toBe(last.candidates);
      expect(lines.length).toBeGreaterThan(0);
    }
  });

  test('looks again only at the entries of the connection that has changed', () => {
    const rows = new Rows();
    const [one, other] = [rows.connection(), rows.connection()];
    rows.fromClient(one, cr());
    for (let i = 0; i < 100; i += 1) {
      rows.fromClient(other, dt('01'));
    }
    rows.fromServer(one, { type: 'DR', dstRef: 0x4a1c, reason: 3 });
    const filter = parseFilter('refused');
    let looked = 0;
    const matches = (entry: Entry) => {
      looked += 1;
      return filter.matches(entry);
    };
    const { lines } = oneByOne(rows, { filter: { ...filter, matches } });
    expect(shown(lines)).toEqual([0, 101]);
    expect(looked).toBe(101 + 2);
  });

  test('goes on where it stopped, if there is no time to look at all entries again', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    for (let i = 0; i < 1200; i += 1) {
      rows.fromClient(connection, dt('01'));
    }
    const { lines, session } = oneByOne(rows, { filter: parseFilter('refused') });
    rows.fromServer(connection, { type: 'DR', dstRef: 0x4a1c, reason: 3 });
    add(session, rows);
    let steps = 0;
    let asked = 0;
    const forOneBatch = () => {
      asked += 1;
      return asked % 2 === 1;
    };
    while (!lines.advance(session.end, forOneBatch)) {
      steps += 1;
    }
    expect(steps).toBeGreaterThan(1);
    expect(lines.length).toBe(1202);
  });

  test('keeps nothing of entries that are forgotten', () => {
    const session = new Session({ entries: 10, octets: 1000, conversations: 10 });
    const rows = new Rows();
    const connection = rows.connection();
    const lines = new Lines(session, { ...PLAIN, filter: parseFilter('refused') });
    rows.fromClient(connection, cr());
    for (let i = 0; i < 40; i += 1) {
      rows.fromClient(connection, dt('01'));
      add(session, rows);
      lines.advance(session.end);
      lines.trim();
    }
    rows.fromServer(connection, { type: 'DR', dstRef: 0x4a1c, reason: 3 });
    add(session, rows);
    lines.advance(session.end);
    lines.trim();
    expect(lines.at(0)?.index).toBe(session.start);
    expect(lines.length).toBe(session.end - session.start);
  });
});
