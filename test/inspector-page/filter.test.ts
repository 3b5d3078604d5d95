import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/inspector-page/model/entry.js';
import {
  hasTerm,
  parseFilter,
  replacedKey,
  toggledTerm,
  toggledType,
} from '../../src/inspector-page/model/filter.js';
import { Session } from '../../src/inspector-page/model/session.js';
import { cc, cr, dt, Rows } from './rows.js';

/** Two connections; each entry has the name that the tests expect. */
function sample(): ReadonlyMap<string, Entry> {
  const rows = new Rows();
  const s7 = rows.connection({ remote: '10.20.0.31:49152' });
  const other = rows.connection({ remote: '10.20.0.77:50112' });
  const named = rows.connection({ remote: '10.20.0.78:50113' });
  rows.fromClient(s7, cr({ calling: '0100', called: '0102' }));
  rows.fromServer(s7, cc({ calling: '0100', called: '0102' }));
  rows.fromClient(s7, dt('3201000000'));
  rows.fromServer(s7, dt(Buffer.from(`Hello world${'x'.repeat(300)}`)));
  rows.fromClient(other, cr({ calling: '4d5441', called: '0203' }));
  rows.fromServer(other, { type: 'DR', dstRef: 0x4a1c, reason: 3 });
  rows.fromClient(s7, '02f081 01');
  rows.note('a TCP segment is missing');
  rows.fromClient(named, cr({ called: Buffer.from('MY, APP').toString('hex') }));
  const session = new Session();
  for (const row of rows.take()) {
    session.add(row);
  }
  const names = ['CR', 'CC', 'job', 'answer', 'CR2', 'DR', 'bad', 'note', 'CR3'];
  return new Map(names.map((name, index) => [name, session.entry(index) as Entry]));
}

const entries = sample();

function matching(text: string): string[] {
  const { matches, faults } = parseFilter(text);
  expect(faults).toEqual([]);
  return [...entries].filter(([, entry]) => matches(entry)).map(([name]) => name);
}

const all = [...entries.keys()];
const without = (...names: string[]) => all.filter((name) => !names.includes(name));

describe('a filter', () => {
  test.each([
    ['', all],
    ['tsel:0x0102', ['CR', 'CC', 'job', 'answer', 'bad']],
    ['tsel:"MTA"', ['CR2', 'DR']],
    ['called:0x0100', []],
    ['calling:0x0100', ['CR', 'CC', 'job', 'answer', 'bad', 'CR3']],
    ['tsel:"MTA","MTB"', ['CR2', 'DR']],
    ['tsel:"MTA",0x0102', without('note', 'CR3')],
    ['tsel:0x0102,"MTA"', without('note', 'CR3')],
    ['tsel:"MTA","MY, APP" type:cr', ['CR2', 'CR3']],
    ['-tsel:0x0102,"MY, APP"', ['CR2', 'DR', 'note']],
    ['called:02.03', ['CR2', 'DR']],
    ['constructor', []],
    ['__proto__', []],
    ['-constructor', all],
    ['dir:out', ['CR', 'job', 'CR2', 'bad', 'CR3']],
    ['dir:in', ['CC', 'answer', 'DR']],
    ['from:server', ['CC', 'answer', 'DR']],
    ['len>200', ['answer']],
    ['len<=7', ['DR', 'bad']],
    ['len:18', ['CR', 'CC']],
    ['len=18', ['CR', 'CC']],
    ['hex:3201', ['job']],
    ['hex:0x32_01'.replace('_', ''), ['job']],
    ['type:cr', ['CR', 'CR2', 'CR3']],
    ['type:CR,cc', ['CR', 'CC', 'CR2', 'CR3']],
    ['conn:2', ['CR2', 'DR']],
    ['conn:1,2', without('note', 'CR3')],
    ['bad', ['bad', 'note']],
    ['refused', ['CR2', 'DR']],
    ['hello', ['answer']],
    ['"Hello world"', ['answer']],
    ['Hello" "world', ['answer']],
    ['"Hello world', ['answer']],
    ['-"Hello world', without('answer')],
    ['"Hello world",segment', ['answer', 'note']],
    ['bad,refused', ['CR2', 'DR', 'bad', 'note']],
    ['hex:"32 01","ff ff"', ['job']],
    ['"my, app"', ['CR3']],
    [',', ['CR3']],
    ['10.20.0.77', ['CR2', 'DR']],
    ['segment', ['note']],
    ['unknown', ['DR']],
    ['type:dt dir:in', ['answer']],
    ['-type:dt', without('job', 'answer', 'bad')],
    ['-hello', without('answer')],
    ['conn:1 -dir:in -bad', ['CR', 'job']],
  ])('%s', (text, names) => {
    expect(matching(text)).toEqual(names);
  });
});

describe('a wrong word is reported, and has no effect:', () => {
  test.each([
    ['dir:up', "dir: takes out or in, not 'up'"],
    ['len>much', "len> takes a number, not 'much'"],
    ['len>', 'len> takes a number'],
    ['hex:321', "hex: takes pairs of hexadecimal digits, as hex:3201, not '321'"],
    ['type:xy', "type: takes cr, cc, dr, dc, dt, ed, ak, ea, rj, er, not 'xy'"],
    ['tsel:zz', `'zz' is no T-selector: write 0x0102, 01.02, "MTA" or #00112233`],
    ['tsel:"MTA,0x0102', `'"MTA,0x0102' is no T-selector: write 0x0102, 01.02, "MTA" or #00112233`],
    ['tsel:MTA"', `'MTA"' is no T-selector: write 0x0102, 01.02, "MTA" or #00112233`],
    ['conn:a', "conn: takes a number, not 'a'"],
    ['frame:', 'frame: takes a number'],
    ['size>3', 'only len has >: write size:… or "size>3"'],
  ])('%s', (text, fault) => {
    const { faults, isEmpty } = parseFilter(text);
    expect([faults, isEmpty]).toEqual([[fault], true]);
  });

  test('an unknown key, with those that there are', () => {
    const [fault] = parseFilter('colour:red').faults;
    expect(fault).toMatch(/^there is no colour: among tsel, calling, called, type, conn, dir/);
  });

  test('and the others still count', () => {
    const { faults, matches } = parseFilter('dir:up type:cr');
    expect(faults).toHaveLength(1);
    expect([...entries.values()].filter(matches)).toHaveLength(3);
  });
});

describe('a button', () => {
  test('puts a word into the filter and takes it out again', () => {
    expect(toggledTerm('len>3', 'bad')).toBe('len>3 bad');
    expect(toggledTerm('len>3 bad', 'bad')).toBe('len>3');
    expect(hasTerm('len>3 bad', 'bad')).toBe(true);
    expect(hasTerm('badly', 'bad')).toBe(false);
  });

  test('keeps the types in one term', () => {
    expect(toggledType('"a b"', 'cr')).toBe('"a b" type:cr');
    expect(toggledType('type:cr len>3', 'cc')).toBe('len>3 type:cr,cc');
    expect(toggledType('len>3 type:cr,cc', 'cr')).toBe('len>3 type:cc');
    expect(toggledType('type:cc', 'cc')).toBe('');
    expect(toggledType('"a type:cr" Type:CC', 'dt')).toBe('"a type:cr" type:cc,dt');
  });

  test('replaces the connection', () => {
    expect(replacedKey('conn:1 bad', 'conn', '2')).toBe('bad conn:2');
    expect(replacedKey('conn:1 bad', 'conn', undefined)).toBe('bad');
    expect(replacedKey('tsel:"MTA","a b" conn:1', 'conn', '2')).toBe('tsel:"MTA","a b" conn:2');
  });
});
