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

  it.each<[string, string, readonly string[]]>([
    [
      'a CC',
      '06 d4 0001 0002 20',
      [
        '1-2 | code | CC | connection confirm, credit 4',
        '2-4 | DST-REF | 0x0001',
        '4-6 | SRC-REF | 0x0002',
        '6-7 | class, options | 2, 0 | class 2',
      ],
    ],
    [
      'a DR',
      '06 80 0005 0006 80',
      [
        '1-2 | code | DR | disconnect request',
        '2-4 | DST-REF | 0x0005',
        '4-6 | SRC-REF | 0x0006',
        '6-7 | reason | 128 | normal disconnect initiated by the session entity',
      ],
    ],
    [
      'a DC',
      '05 c0 0005 0006',
      ['1-2 | code | DC | disconnect confirm', '2-4 | DST-REF | 0x0005', '4-6 | SRC-REF | 0x0006'],
    ],
    [
      'a normal DT that asks for an acknowledgement',
      '04 f1 0007 5a 00',
      [
        '1-2 | code | DT | data, acknowledgement requested',
        '2-4 | DST-REF | 0x0007',
        '4-5 | EOT, TPDU-NR | 0, 90 | more of the TSDU follows',
        '5-6 | user data | 1 octet',
      ],
    ],
    [
      'an extended DT',
      '07 f0 0007 ffffffff 00',
      [
        '1-2 | code | DT | data',
        '2-4 | DST-REF | 0x0007',
        '4-8 | EOT, TPDU-NR | 1, 2147483647 | the last TPDU of its TSDU',
        '8-9 | user data | 1 octet',
      ],
    ],
    [
      'a short ED',
      '02 10 80 00',
      [
        '1-2 | code | ED | expedited data',
        '2-3 | EOT, ED-TPDU-NR | 1, 0',
        '3-4 | user data | 1 octet',
      ],
    ],
    [
      'a normal AK',
      '04 63 0007 05',
      [
        '1-2 | code | AK | data acknowledgement, credit 3',
        '2-4 | DST-REF | 0x0007',
        '4-5 | zero, YR-TU-NR | 0, 5',
      ],
    ],
    [
      'an extended AK',
      '09 60 0007 00000105 0010',
      [
        '1-2 | code | AK | data acknowledgement',
        '2-4 | DST-REF | 0x0007',
        '4-8 | zero, YR-TU-NR | 0, 261',
        '8-10 | CDT | 16',
      ],
    ],
    [
      'an extended RJ whose bit is not zero',
      '09 50 0007 80000001 0003',
      [
        '1-2 | code | RJ | reject',
        '2-4 | DST-REF | 0x0007',
        '4-8 | zero, YR-TU-NR | 1, 1 | yr-bit8',
        '8-10 | CDT | 3',
      ],
    ],
    [
      'a normal RJ',
      '04 5f 0007 05',
      [
        '1-2 | code | RJ | reject, credit 15',
        '2-4 | DST-REF | 0x0007',
        '4-5 | zero, YR-TU-NR | 0, 5',
      ],
    ],
    [
      'an ED without EOT',
      '04 10 0007 05 00',
      [
        '1-2 | code | ED | expedited data',
        '2-4 | DST-REF | 0x0007',
        '4-5 | EOT, ED-TPDU-NR | 0, 5 | must be 1 in an ED | ed-eot',
        '5-6 | user data | 1 octet',
      ],
    ],
    [
      'an EA whose bit is not zero',
      '04 20 0007 85',
      [
        '1-2 | code | EA | expedited data acknowledgement',
        '2-4 | DST-REF | 0x0007',
        '4-5 | zero, YR-EDTU-NR | 1, 5 | yr-bit8',
      ],
    ],
    [
      'an EA',
      '04 20 0007 7f',
      [
        '1-2 | code | EA | expedited data acknowledgement',
        '2-4 | DST-REF | 0x0007',
        '4-5 | zero, YR-EDTU-NR | 0, 127 | acknowledges the ED of this number',
      ],
    ],
    [
      'an ER',
      '04 70 0005 02',
      [
        '1-2 | code | ER | TPDU error',
        '2-4 | DST-REF | 0x0005',
        '4-5 | reject cause | 2 | invalid TPDU type',
      ],
    ],
  ])('explains %s field by field', (_title, digits, rows) => {
    expect(lines(digits).slice(1)).toEqual(rows);
  });

  it.each([
    ['2f', '2, 15', 'class 2, extended formats, no explicit flow control, undefined bits'],
    ['42', '4, 2', 'class 4, extended formats'],
    ['18', '1, 8', 'class 1, undefined bits'],
    ['34', '3, 4', 'class 3, undefined bits'],
    ['50', '5, 0', 'there is no such class'],
  ])('explains the class octet %s', (octet, value, meaning) => {
    const row = lines(`06 d0 0001 0002 ${octet}`).at(-1);
    expect(row?.split(' | ').slice(0, 4)).toEqual(['6-7', 'class, options', value, meaning]);
  });

  it.each([
    ['c0 01 0b', 'TPDU size', '2048 | octets'],
    ['c0 01 10', 'TPDU size', '65531 | octets'],
    ['c0 01 06', 'TPDU size', '64 | octets'],
    ['f0 01 10', 'preferred maximum TPDU size', '2048 | octets'],
    ['c1 02 0102', 'calling T-selector', '0x0102'],
    ['c2 03 4d5441', 'called T-selector', '"MTA"'],
    ['c3 02 0102', 'checksum', '258'],
    ['c4 01 01', 'version', '1'],
    ['c5 01 07', 'protection', ''],
    ['c6 01 21', 'additional options', '0x21'],
    ['c7 02 0020', 'alternative classes', '0, 2'],
    ['85 02 0064', 'acknowledgement time', '100 | ms'],
    ['86 03 060401', 'residual error rate', 'target 6, minimumAcceptable 4, tsduSize 1'],
    ['87 02 0005', 'priority', '5'],
    ['88 08 0001000200030004', 'transit delay', '1, 2, 3, 4 | ms'],
    ['89 0c 000001000002000003000004', 'throughput', '1, 2, 3, 4 | octets/s'],
    ['8b 02 001e', 'reassignment time', '30 | s'],
    ['f2 04 00007530', 'inactivity time', '30000 | ms'],
    ['dd 01 00', 'not defined', ''],
    ['e0 01 00', 'a parameter of other TPDUs', ''],
    ['c0 02 0b0b', 'TPDU size', '| the length is not allowed'],
    ['c0 01 20', 'TPDU size', '| the value is not defined'],
  ])('explains the parameter %s of a CR of class 4', (parameter, title, value) => {
    const octets = hex(parameter);
    const li = (6 + octets.length).toString(16).padStart(2, '0');
    const rows = explainTpdu(hex(`${li} e0 0000 0005 40 ${parameter}`)).slice(5);
    expect(rows.map(({ start, end }) => [start, end])).toEqual([
      [7, 8],
      [8, 9],
      [9, 7 + octets.length],
    ]);
    expect(rows.map(({ field }) => field)).toEqual(['parameter', '  length', '  value']);
    expect(
      rows.map((row) => (row.meaning === '' ? row.value : `${row.value} | ${row.meaning}`.trim())),
    ).toEqual([`0x${parameter.slice(0, 2)} | ${title}`, String(octets.length - 2), value]);
  });

  it('explains an empty selector as such', () => {
    expect(lines('0a d0 0001 0002 00 c1 00 c2 00').slice(5)).toEqual([
      '7-8 | parameter | 0xc1 | calling T-selector',
      '8-9 | length | 0',
      '9-10 | parameter | 0xc2 | called T-selector',
      '10-11 | length | 0',
    ]);
  });

  it.each([
    ['a DR', '09 80 0005 0006 80 e0 01 07', 'additional information', ''],
    ['an ER', '07 70 0005 02 c1 01 07', 'invalid TPDU', ''],
    ['an AK', '08 60 0007 05 8a 02 0001', 'subsequence number', '1'],
    [
      'an AK',
      '0e 60 0007 05 8c 08 0000000100020003',
      'flow control confirmation',
      'lowerWindowEdge 1, subsequenceNumber 2, credit 3',
    ],
    ['an AK', '08 60 0007 05 8f 02 0001', 'selective acknowledgement', ''],
    ['a DT', '08 f0 0007 85 90 02 0001', 'ED-TPDU-NR', '1'],
  ])('explains a parameter of %s: %s', (_type, digits, title, value) => {
    const rows = explainTpdu(hex(digits));
    expect(rows.find(({ field }) => field === 'parameter')?.meaning).toBe(title);
    expect(rows.find(({ field }) => field === '  value')).toMatchObject({ value, meaning: '' });
  });

  it('explains the parameters of a DR although they look like remote desktop', () => {
    expect(lines('0e 80 0001 0002 00 0200 0800 03000000')[5]).toBe(
      '7-8 | parameter | 0x02 | not defined | param-unknown',
    );
  });

  it('explains options by their number where the class does not exist', () => {
    expect(lines('09 e0 0000 1234 50 c6 01 21').at(-1)).toBe('9-10 | value | 33');
  });

  it('explains the parameters of a CC of class 0 by that class', () => {
    expect(lines('0a d0 0001 0002 00 87 02 0000')[5]).toBe(
      '7-8 | parameter | 0x87 | a parameter of other TPDUs | param-not-allowed',
    );
  });

  it('explains no field of a TPDU whose code is not known', () => {
    expect(lines('04 40 0001 00 07')).toEqual([
      '0-1 | LI | 4 | 4 octets of header follow',
      '1-2 | code | 0x40 | no TPDU has this code | tpdu-code',
      '2-5 | rest of the header | not known',
      '5-6 | user data | 1 octet',
    ]);
  });

  it('says which field LI has cut short', () => {
    expect(lines('05 c0 0005 00').slice(2)).toEqual([
      '2-4 | DST-REF | 0x0005',
      '4-5 | SRC-REF | cut short by LI',
    ]);
    expect(lines('03 c0 0005 0006').slice(2)).toEqual([
      '2-4 | DST-REF | 0x0005',
      '4-6 | user data | 2 octets',
    ]);
  });

  it('explains LI alone', () => {
    expect(lines('02')).toEqual(['0-1 | LI | 2 | 2 octets of header follow | tpdu-too-short']);
  });

  it('names a deviation behind the last octet at the last row', () => {
    expect(lines('02 10 80')).toEqual([
      '0-1 | LI | 2 | 2 octets of header follow',
      '1-2 | code | ED | expedited data',
      '2-3 | EOT, ED-TPDU-NR | 1, 0 | ed-length',
    ]);
  });

  it('names deviations that a strict reading refuses, and uses the class', () => {
    const rows = explainTpdu(hex('02 f1 81 00'), { class: 0, strict: true });
    expect(rows.map(({ deviations }) => deviations)).toEqual([
      [],
      ['code-nibble'],
      ['tpdu-nr'],
      [],
    ]);
  });

  it('names a deviation once in a row', () => {
    const rows = explainTpdu(hex('0b e0 0000 0005 41 c7 03 012122'));
    expect(rows.map(({ deviations }) => deviations).at(-1)).toEqual(['alt-option-bits']);
  });

  it.each([
    ['7e', ': "~"'],
    ['20', ': " "'],
    ['1f', ''],
    ['7f', ''],
    ['22', ': "\\""'],
  ])('quotes user data that is printable as a whole: %s', (octet, text) => {
    expect(explainTpdu(hex(`02 f0 80 61 ${octet}`)).at(-1)?.meaning).toBe(
      text === '' ? '2 octets' : `2 octets: "a${text.slice(3)}`,
    );
  });

  it('quotes 40 characters of user data and shows that there are more', () => {
    const quoted = (length: number) =>
      explainTpdu(hex(`02 f0 80 ${'61'.repeat(length)}`)).at(-1)?.meaning;
    expect(quoted(40)).toBe(`40 octets: "${'a'.repeat(40)}"`);
    expect(quoted(41)).toBe(`41 octets: "${'a'.repeat(40)}" …`);
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

  it('shows every field of a remote desktop CR', () => {
    const id = '11'.repeat(16);
    const correlation = `06 00 2400 ${id} ${'00'.repeat(16)}`;
    expect(lines(`35 e0 0000 1234 00 610d0a 01 08 0800 03000000 ${correlation}`).slice(5)).toEqual([
      '7-10 | RDP routing token | "a" | not of X.224 | remote-desktop',
      '10-11 | RDP negotiation request | 1 | not of X.224',
      '11-12 | flags | 0x08 | correlation info present',
      '12-14 | length | 8 | least significant octet first',
      '14-18 | protocols | 0x00000003 | TLS, CredSSP',
      '18-19 | RDP correlation info | 6 | not of X.224',
      '19-20 | flags | 0x00',
      '20-22 | length | 36 | least significant octet first',
      `22-38 | correlation id | ${id}`,
      '38-54 | reserved',
    ]);
  });

  it.each([
    [
      '02 01 0800 01000000',
      [
        '7-8 | RDP negotiation response | 2 | not of X.224 | remote-desktop',
        '8-9 | flags | 0x01 | extended client data supported',
        '9-11 | length | 8 | least significant octet first',
        '11-15 | protocol | 0x00000001 | TLS',
      ],
    ],
    [
      '03 00 0800 05000000',
      [
        '7-8 | RDP negotiation failure | 3 | not of X.224 | remote-desktop',
        '8-9 | flags | 0x00',
        '9-11 | length | 8 | least significant octet first',
        '11-15 | failure code | 5 | HYBRID_REQUIRED_BY_SERVER',
      ],
    ],
  ])('shows every field of a remote desktop CC: %s', (variable, rows) => {
    expect(lines(`0e d0 0001 1234 00 ${variable}`).slice(5)).toEqual(rows);
  });

  it('shows the line of a cookie although what follows it is broken', () => {
    const cookie = '436f6f6b69653a20610d0a';
    expect(lines(`13 e0 0000 1234 00 ${cookie} 01 08`).slice(5)).toEqual([
      '7-18 | RDP cookie | "Cookie: a" | not of X.224 | remote-desktop',
      '18-20 | rest of the header | a parameter that extends past the end of the header',
    ]);
    expect(lines('0f e0 0000 1234 00 436f6f6b69653a2061').slice(5)).toEqual([
      '7-16 | RDP cookie | "Cookie: a" | not of X.224 | remote-desktop',
    ]);
  });

  it('shows no cookie in another class', () => {
    expect(lines('0f e0 0000 1234 10 436f6f6b69653a2061').slice(5)[0]).toBe(
      '7-16 | rest of the header | a parameter that extends past the end of the header | param-truncated',
    );
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
