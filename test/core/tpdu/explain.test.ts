import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainTpdu } from '../../../src/core/tpdu/index.js';
import { hex } from '../../support/raw.js';

/** Field, value and meaning of each row, as one line. */
function lines(digits: string): string[] {
  return explainTpdu(hex(digits)).map(({ start, end, field, value, meaning, deviations }) =>
    [`${start}-${end}`, field.trim(), value, meaning, ...deviations].filter(Boolean).join(' | '),
  );
}

/** Every octet in one row, none in two, in order. */
function covers(octets: Uint8Array): boolean {
  let at = 0;
  for (const { start, end } of explainTpdu(octets)) {
    if (start !== at || end <= start) {
      return false;
    }
    at = end;
  }
  return at === octets.length;
}

describe('explainTpdu', () => {
  it('explains a CR with its parameters', () => {
    expect(lines('0e e0 0000 4a1c 00 c0010a c2020102 07')).toEqual([
      '0-1 | LI | 14 | 14 octets of header follow',
      '1-2 | code | CR | connection request',
      '2-4 | DST-REF | 0x0000',
      '4-6 | SRC-REF | 0x4a1c',
      '6-7 | class, options | 0, 0 | class 0',
      '7-8 | parameter | 0xc0 | TPDU size',
      '8-9 | length | 1',
      '9-10 | value | 1024 | octets',
      '10-11 | parameter | 0xc2 | called T-selector',
      '11-12 | length | 2',
      '12-14 | value | 0x0102',
      '14-15 | rest of the header | a parameter that extends past the end of the header | param-truncated',
    ]);
  });

  it('explains DT, DR and ER', () => {
    expect(lines('02 f0 80 32 01')).toEqual([
      '0-1 | LI | 2 | 2 octets of header follow',
      '1-2 | code | DT | data',
      '2-3 | EOT, TPDU-NR | 1, 0 | the last TPDU of its TSDU',
      '3-5 | user data | 2 octets',
    ]);
    expect(lines('06 80 1234 0000 03').at(-1)).toBe('6-7 | reason | 3 | address unknown');
    expect(lines('04 70 0001 03').at(-1)).toBe('4-5 | reject cause | 3 | invalid parameter value');
    expect(lines('02 f0 00 68 69').at(-1)).toBe('3-5 | user data | 2 octets: "hi"');
  });

  it('explains expedited data, its acknowledgement, and the DR and DC of class 2', () => {
    expect(lines('04 10 1234 80 6e6f77').slice(1)).toEqual([
      '1-2 | code | ED | expedited data',
      '2-4 | DST-REF | 0x1234',
      '4-5 | EOT, ED-TPDU-NR | 1, 0',
      '5-8 | user data | 3 octets: "now"',
    ]);
    expect(lines('04 20 1234 05').at(-1)).toBe(
      '4-5 | zero, YR-EDTU-NR | 0, 5 | acknowledges the ED of this number',
    );
    expect(lines('09 80 1234 0007 80 e00180').at(-1)).toBe(
      '9-10 | value | non-disruptive: all data came before it (RFC 2126)',
    );
    expect(lines('09 80 1234 0007 80 e001c0').at(-1)).toBe(
      '9-10 | value | abort: data may be missing (RFC 1859)',
    );
    expect(lines('05 c0 1234 0007')[1]).toBe('1-2 | code | DC | disconnect confirm');
  });

  it('explains the options of 0xC6 by the class', () => {
    expect(lines('09 e0 0000 1234 21 c60121').at(-1)).toBe(
      '9-10 | value | 0x21 | expedited data, EA',
    );
    expect(lines('09 e0 0000 1234 21 c60100').at(-1)).toBe('9-10 | value | 0x00 | none');
    expect(lines('09 e0 0000 1234 40 c60121').at(-1)).toBe('9-10 | value | 0x21');
  });

  it('names deviations at the octets that they are about', () => {
    expect(lines('06 e1 0000 0000 01')).toEqual([
      '0-1 | LI | 6 | 6 octets of header follow',
      '1-2 | code | CR | connection request, credit 1 | cdt-nonzero',
      '2-4 | DST-REF | 0x0000',
      '4-6 | SRC-REF | 0x0000 | ref-zero',
      '6-7 | class, options | 0, 1 | class 0, no explicit flow control | option-bits',
    ]);
  });

  it('shows what RDP puts where parameters stand', () => {
    const cookie = '436f6f6b69653a206d737473686173683d656c746f6e730d0a';
    const rows = lines(`27 e0 0000 0000 00 ${cookie} 01 00 0800 03000000`);
    expect(rows).toContain(
      '7-32 | RDP cookie | "Cookie: mstshash=eltons" | not of X.224 | remote-desktop',
    );
    expect(rows).toContain('32-33 | RDP negotiation request | 1 | not of X.224');
    expect(rows).toContain('36-40 | protocols | 0x00000003 | TLS, CredSSP');
  });

  it.each(['', 'ff', '06 e0', '00 e0', '05 40 00 00 00 00 11', '0a 80 0001 0000 00 e0 02 61 62'])(
    'explains whatever it is given: %s',
    (digits) => {
      expect(covers(hex(digits))).toBe(true);
    },
  );

  it('has each octet once, whatever the octets', () => {
    const code = fc.constantFrom(0xe0, 0xd0, 0x80, 0xc0, 0xf0, 0x10, 0x60, 0x20, 0x50, 0x70, 0x40);
    const anything = fc
      .tuple(fc.nat(40), code, fc.uint8Array({ maxLength: 60 }))
      .map(([li, second, rest]) => Uint8Array.of(li, second, ...rest));
    fc.assert(fc.property(fc.oneof(anything, fc.uint8Array()), covers), { numRuns: 2000 });
  });
});
