import { describe, expect, test } from 'vitest';
import { parseFilter } from '../../src/inspector-page/model/filter.js';
import { type LineOptions, Lines } from '../../src/inspector-page/model/lines.js';
import { Session } from '../../src/inspector-page/model/session.js';
import { dt, Rows } from './rows.js';
import { Pair } from './samples.js';

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
