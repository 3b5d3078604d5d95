import { describe, expect, test } from 'vitest';
import { TPDU_COPIES } from '../../src/inspector-page/model/copies.js';
import type { TpduEntry } from '../../src/inspector-page/model/entry.js';
import { Histogram } from '../../src/inspector-page/model/histogram.js';
import { Session } from '../../src/inspector-page/model/session.js';
import { verdictOf } from '../../src/inspector-page/model/verdict.js';
import {
  asciiOf,
  clock,
  describe as describeEntry,
  duration,
  many,
  seconds,
  size,
  summary,
} from '../../src/inspector-page/model/words.js';
import { type AnyTpdu, cc, cr, dt, Rows } from './rows.js';

/** The entry of the last of these TPDUs; those of the client and the server take turns. */
function last(...tpdus: readonly AnyTpdu[]): TpduEntry {
  const rows = new Rows();
  const connection = rows.connection();
  for (const [index, tpdu] of tpdus.entries()) {
    if (index % 2 === 0) {
      rows.fromClient(connection, tpdu);
    } else {
      rows.fromServer(connection, tpdu);
    }
  }
  const session = new Session();
  for (const row of rows.take()) {
    session.add(row);
  }
  return session.entry(session.end - 1) as TpduEntry;
}

describe('a line of the ladder says of', () => {
  test.each<[string, AnyTpdu, string]>([
    ['a CR whom it calls', cr(), '0x0100 → 0x0102 (PG, rack 0, slot 2), class 0, 1024 octets'],
    ['a CR without selectors that', { type: 'CR', srcRef: 1 }, 'none → none, class 0, no size'],
    ['a DR its reason', { type: 'DR', dstRef: 1, reason: 3 }, 'reason 3: address unknown'],
    ['an ER its cause', { type: 'ER', dstRef: 1, rejectCause: 2 }, 'cause 2: invalid TPDU type'],
    ['octets that are no TPDU why', '024080', 'no TPDU type has this code: tpdu-code at octet 2'],
  ])('%s', (_, tpdu, words) => {
    expect(summary(last(tpdu))).toBe(words);
  });
});

describe('a histogram', () => {
  test('of nothing has no percentiles', () => {
    expect(new Histogram().percentile(0.5)).toBeUndefined();
  });

  test('counts times too short to measure as one step', () => {
    const histogram = new Histogram();
    histogram.add(0);
    expect(histogram.percentile(0.99)).toBeLessThan(0.001);
  });
});

test('a TPDU in words leaves out what has a column of its own', () => {
  expect(describeEntry(last('02f081 01'))).toBe('(1) EOT 1 octet');
});

describe('the verdict', () => {
  test('is good for a TPDU that keeps to the standard, and says by what it was judged', () => {
    expect(verdictOf(last(cr(), cc(), dt('01')))).toEqual({
      isGood: true,
      words: 'keeps to X.224, class 0, at most 1024 octets',
    });
  });

  test('names the fault that strict decoding refuses', () => {
    const { isGood, words } = verdictOf(last(cr(), cc(), '02f081 01'));
    expect(isGood).toBe(false);
    expect(words).toMatch(/^strict decoding refuses it: .*tpdu-nr at octet 3$/);
  });

  test('names what deviates from the offer alone', () => {
    expect(verdictOf(last(cr({ size: 512 }), cc({ size: 1024 })))).toEqual({
      isGood: false,
      words: 'deviates from what was offered: cc-size',
    });
  });
});

test('octets are copied as hexadecimal, as a C array and as a command', () => {
  const octets = Uint8Array.from({ length: 13 }, (_, i) => i);
  expect(TPDU_COPIES.map(({ make }) => make(octets))).toEqual([
    '000102030405060708090a0b0c',
    `static const unsigned char tpdu[13] = {
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
  0x0c,
};
`,
    'cotp decode 000102030405060708090a0b0c',
  ]);
});

test('octets as characters', () => {
  expect(asciiOf(Uint8Array.of(0x41, 0x20, 0x7e, 0x7f, 0, 0xff))).toBe('A ~···');
});

describe('numbers for people:', () => {
  test.each([
    [size(0), '0'],
    [size(999), '999'],
    [size(1262), '1.2K'],
    [size(65_536), '64K'],
    [size(5 * 1024 * 1024), '5.0M'],
    [duration(undefined), '–'],
    [duration(0.213), '0.21 ms'],
    [duration(12.34), '12.3 ms'],
    [duration(123.4), '123 ms'],
    [duration(1240), '1.24 s'],
    [many(1, 'TSDU'), '1 TSDU'],
    [many(1234, 'TSDU'), '1,234 TSDUs'],
    [seconds(1.5), '0.001500'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  test('a time of day has milliseconds', () => {
    expect(clock(Date.now())).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/);
  });
});
