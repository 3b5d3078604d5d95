import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { closeLater } from '../support/life.js';
import { COTP, Running, typed } from './support.js';

const CR = '0300001611e00000000200c0010ac1020100c2020102';

/** Octets in the form `03:00:…`. */
const joined = (separator: string, prefix = '') =>
  CR.match(/../g)
    ?.map((octet) => `${prefix}${octet}`)
    .join(separator) ?? '';

const utf16 = (text: string) => Buffer.from(text, 'utf16le');

const DUMP = `0000   03 00 00 16 11 e0 00 00  00 02 00 c0 01 0a c1 02   ................
0010   01 00 c2 02 01 02                                 ......
`;
const XXD = `00000000: 0300 0016 11e0 0000 0002 00c0 010a c102  ................
00000010: 0100 c202 0102                           ......
`;
const HEXDUMP = `00000000  03 00 00 16 11 e0 00 00  00 02 00 c0 01 0a c1 02  |................|
00000010  01 00 c2 02 01 02                                 |......|
00000016
`;

/** The output for a message. */
const EXPLAINED = `\
TPKT 1, 22 octets  CR TPDU src-ref: 0x0002 dst-ref: 0x0000 class: 0 calling: 0x0100 called: 0x0102 size: 1024
offset  octets  field           value   meaning
     0  03      TPKT version    3
     1  00        reserved      0
     2  00 16     length        22      18 octets follow
     4  11      LI              17      17 octets of header follow
     5  e0      code            CR      connection request
     6  00 00   DST-REF         0x0000
     8  00 02   SRC-REF         0x0002
    10  00      class, options  0, 0    class 0
    11  c0      parameter       0xc0    TPDU size
    12  01        length        1
    13  0a        value         1024    octets
    14  c1      parameter       0xc1    calling T-selector
    15  02        length        2
    16  01 00     value         0x0100
    18  c2      parameter       0xc2    called T-selector
    19  02        length        2
    20  01 02     value         0x0102
conforms
`;

test('explains every octet', async () => {
  const { code, stdout, stderr } = await typed(['decode', CR]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(EXPLAINED);
});

/** Octets as Python prints them: what is printable as a character, anything else as an escape. */
function printed(octets: Buffer): string {
  const parts = Array.from(octets, (octet) =>
    octet >= 0x20 && octet < 0x7f
      ? String.fromCharCode(octet)
      : `\\x${octet.toString(16).padStart(2, '0')}`,
  );
  return `b'${parts.join('')}'`;
}

test.each([
  ["b'\\x03\\x00\\x00\\x09\\x02\\xf0\\x802\\x01'", '32 01'],
  ["b'\\x03\\x00\\x00\\r\\x02\\xf0\\x80\\n\\t\\0\\\\\\'A'", '0a 09 00 5c 27 41'],
  ['"\\x03\\x00\\x00\\x0b\\x02\\xf0" "\\x80//2\\x01"', '2f 2f 32 01'],
])('loses no octet of a string: %s', async (text, userData) => {
  const { code, stdout } = await typed(['decode', text, '--summary']);
  expect(stdout).toContain(`  ${userData}\n`);
  expect(code).toBe(0);
});

test.each(['plant-0x03.pcap', 'C:\\x03.pcap', '0x03 0x0300', '"\\x03\\q"', "'\\x03é'"])(
  'takes no part of %s for octets',
  async (text) => {
    const { code, stdout, stderr } = await typed(['decode', text]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/no such file and ".+" is no hexadecimal digit/);
  },
);

describe('reads', () => {
  const expected = { code: 0, stdout: EXPLAINED, stderr: '' };

  test.each([
    ['spaces', joined(' ')],
    ['colons', joined(':')],
    ['capitals and a prefix', `0x${CR.toUpperCase()}`],
    ['lines', joined('\n')],
    ['a C array', `unsigned char cr[] = { /* 0x99 */ ${joined(', ', '0x')} }; // 0x77`],
    ['an escaped string', `"${joined('', '\\x')}"`],
    ['an escaped string without quotes', joined(' ', '\\x')],
    ['octets as Python prints them', `cr = ${printed(Buffer.from(CR, 'hex'))}`],
    ["Wireshark's dump", DUMP],
    ['the dump of xxd', XXD],
    ['the dump of hexdump -C', HEXDUMP],
    ['octets as they are', Buffer.from(CR, 'hex')],
    ['lines of dumps that end with U+2028', DUMP.replaceAll('\n', '\u2028')],
    ['UTF-8 with a byte order mark', `\ufeff${joined(' ')}`],
    ['UTF-16 with a byte order mark', utf16(`\ufeff${joined(' ')}\r\n`)],
    ['UTF-16 of the other byte order', utf16(`\ufeff${DUMP}`).swap16()],
    ['UTF-16 in gzip', gzipSync(utf16(`\ufeff${joined(' ')}`))],
    ['a comment with letters beyond ASCII', `/* Größe, длина, 長さ */ ${joined(', ', '0x')}`],
    ['a comment in Latin-1', Buffer.from(`/* Größe */ ${joined(', ', '0x')}`, 'latin1')],
    ['octets as they are behind a byte order mark', Buffer.from(`efbbbf${CR}`, 'hex')],
  ])('%s', async (_name, input) => {
    expect(await typed(['decode'], input)).toEqual(expected);
    expect(await typed(['decode', '-'], input)).toEqual(expected);
  });

  test('a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-decode-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'cr.bin');
    await writeFile(file, Buffer.from(CR, 'hex'));
    expect(await typed(['decode', file])).toEqual(expected);
  });

  test.each([
    ['no-break spaces', '\u00a0'],
    ['narrow no-break spaces', '\u202f'],
    ['ideographic spaces', '\u3000'],
    ['next lines', '\u0085'],
    ['zero-width spaces', '\u200b'],
    ['zero-width no-break spaces', '\ufeff'],
    ['word joiners', '\u2060'],
    ['marks of direction', '\u200e'],
    ['soft hyphens', '\u00ad'],
  ])('%s between the octets, on the command line and from stdin', async (_name, space) => {
    const text = `${space}${joined(space)}${space}`;
    expect(await typed(['decode', text])).toEqual(expected);
    expect(await typed(['decode'], text)).toEqual(expected);
  });

  test('several arguments, several TPKTs, and TPDUs without TPKT', async () => {
    const { code, stdout } = await typed(['decode', '03 00 00 07', '02f080', CR]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^TPKT 1, 7 octets[\s\S]+^TPKT 2, 22 octets/m);
    expect((await typed(['decode', '02f08041'])).stdout).toMatch(/^TPDU 1, 4 octets {2}DT TPDU/);
  });
});

describe('class 2', () => {
  const CR_2 = '0300000e 09e0 0000 1234 21 c60101';
  const CC_2 = '0300000e 09d0 1234 0007 21 c60101';
  /** A DT of class 0, which class 2 cannot decode. */
  const DT_0 = '03000008 02f080 01';

  test('the class of a CR and its CC counts for the messages behind them', async () => {
    expect((await typed(['decode', DT_0])).code).toBe(0);
    const { code, stdout } = await typed(['decode', CR_2, CC_2, '0300000a 0410 0007 80 01', DT_0]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^TPKT 3, 10 octets {2}ED TPDU[\s\S]+?^conforms$/m);
    expect(stdout).toMatch(/^TPKT 4, 8 octets\n[\s\S]+^cannot be decoded: .*li-too-small/m);
  });

  test('so it does in dumps of one message each', async () => {
    const dump = (digits: string) =>
      `0000  ${digits.replace(/ /g, '').replace(/..(?!$)/g, '$& ')}\n`;
    const { stdout } = await typed(['decode'], [CR_2, CC_2, DT_0].map(dump).join('\n'));
    expect(stdout).toMatch(/^TPKT 3, 8 octets\n[\s\S]+^cannot be decoded: .*li-too-small/m);
  });

  test('each TPDU of a TPKT with several is a message', async () => {
    const { code, stdout } = await typed(['decode', '03000010 0420 1234 00 04f0 1234 80 6869']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^TPKT 1, 9 octets {2}EA TPDU .+\n[\s\S]+^conforms$/m);
    expect(stdout).toMatch(/^TPDU 2, 7 octets in the same TPKT {2}DT TPDU .+\n[\s\S]+^conforms$/m);
  });

  test('in class 0 what follows a TPDU in its TPKT is a fault', async () => {
    const args = ['decode', '--class', '0', '0300000f 0470 1234 00 02f080 010203'];
    const { code, stdout } = await typed(args);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^cannot be decoded: .*trailing-octets/m);
  });
});

test('shows deviations at their octets, and whether a strict reading refuses them', async () => {
  const { code, stdout } = await typed(['decode', '03 00 00 0b 06 80 00 01 00 00 04']);
  expect(code).toBe(1);
  expect(stdout).toContain('⚠ reason-value the disconnect reason is not defined');
  expect(stdout).toMatch(/^tolerated; a strict reading refuses it: .+ octet 7/m);
});

test('explains a CR of remote desktop', async () => {
  const cookie = '436f6f6b69653a206d737473686173683d656c746f6e730d0a';
  const { code, stdout } = await typed([
    'decode',
    `0300002c27e00000000000${cookie}0100080001000000`,
  ]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/RDP cookie +"Cookie: mstshash=eltons"/);
  expect(stdout).toMatch(/protocols +0x00000001 +TLS/);
  expect(stdout).toMatch(/^tolerated; a strict reading refuses it/m);
});

test('explains what cannot be decoded as far as it goes', async () => {
  const cookie = '436f6f6b69653a206d737473686173683d656c746f6e730d0a';
  const { code, stdout } = await typed([
    'decode',
    `0300002c27e00000000000${cookie}ff00080000000000`,
  ]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/RDP cookie +"Cookie: mstshash=eltons"/);
  expect(stdout).toMatch(/^cannot be decoded: .*remote-desktop/m);
});

test('a TPKT that is cut short', async () => {
  const { code, stdout } = await typed(['decode', '03000007 02f080 03000016 11e0']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/the input ends within a TPKT, 6 octets after its beginning\n$/);
});

test('--json gives an object a message', async () => {
  const { code, stdout } = await typed([
    'decode',
    '--json',
    '0300000702f080 03000009 0470 0001 09',
  ]);
  expect(code).toBe(1);
  const [dt, er] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(dt).toMatchObject({
    number: 1,
    tpkt: true,
    length: 7,
    octets: '0300000702f080',
    type: 'DT',
    tpdu: { eot: true, userDataLength: 0 },
    diagnostics: [],
    strict: { accepted: true },
  });
  expect(er).toMatchObject({
    diagnostics: [{ code: 'cause-value', octet: 5 }],
    strict: { accepted: false, fault: 'cause-value', octet: 5 },
  });
  expect((dt as { fields: unknown[] }).fields.at(-1)).toEqual({
    offset: 6,
    octets: '80',
    field: 'EOT, TPDU-NR',
    value: '1, 0',
    meaning: 'the last TPDU of its TSDU',
    deviations: [],
  });
});

test('long fields are cut unless all of it is wanted', async () => {
  const long = `0300012f02f080${'ab'.repeat(296)}`;
  expect((await typed(['decode', long])).stdout).toContain('… 232 more (--full)');
  const { stdout } = await typed(['decode', '--full', long]);
  expect(stdout.match(/\bab\b/g)?.length).toBe(296);
});

test('--class selects the rules of the class', async () => {
  expect(await typed(['decode', '02f081'])).toMatchObject({ code: 0 });
  const { code, stdout } = await typed(['decode', '--class', '0', '02f081']);
  expect(code).toBe(1);
  expect(stdout).toContain('tpdu-nr');
});

test.each([
  [
    ['decode', 'hello'],
    /^cotp decode: "hello" must be a file or hexadecimal, but there is no such file and "h" is no hexadecimal digit\n/,
  ],
  [
    ['decode', '/etc/passwd'],
    /^cotp decode: \/etc\/passwd must be a capture, .* but it is text and "." is no hexadecimal digit\n/,
  ],
  [
    ['decode', 'Übersicht.pcap', '--summary'],
    /^cotp decode: "Übersicht.pcap" must be a file or hexadecimal, but there is no such file and "Ü" is no hexadecimal digit\n/,
  ],
  [
    ['decode', '03 00 😀'],
    /^cotp decode: "03 00 😀" must be a file .* there is no such file and "😀" is no hexadecimal digit\n/,
  ],
  [
    ['decode', '03\u202e\ue000'],
    /^cotp decode: "03\\u\{202e\}\\u\{e000\}" must be a file .* and "\\u\{e000\}" is no hexadecimal digit\n/,
  ],
  [['decode', '{"octets":"02f080"}'], /there is no such file and "\{" is no hexadecimal digit\n/],
  [['decode', ''], /^cotp decode: the input is empty\n/],
  [['decode', '\u00a0'], /^cotp decode: there is no TPKT or TPDU in the input\n/],
  [['decode', '030'], /^cotp decode: the input has 3 hexadecimal digits, which is an odd number/],
  [['decode', '/'], /^cotp decode: \/ cannot be read: it is a folder \(EISDIR\)/],
  [['decode', '/', '/bin'], /^cotp decode: only one input is allowed: \/ cannot be combined/],
  [['decode', '-', '00'], /^cotp decode: only one input is allowed: stdin cannot be combined/],
  [['decode'], /^cotp decode: the input is empty\n/],
  [['decode', '/dev/null'], /^cotp decode: the input is empty\n/],
  [['decode', '--class', '5', '00'], /--class must be an integer 0 to 4, not "5"/],
])('%o is an error of one sentence', async (args, sentence) => {
  const { code, stdout, stderr } = await typed(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
});

test.each([
  ['UTF-8', 'Größe: 7'],
  ['UTF-8 with a byte order mark', '\ufeffGröße: 7'],
  ['UTF-16', utf16('\ufeffGröße: 7')],
])('text of %s that is no hexadecimal is an error of one sentence', async (_name, text) => {
  const { code, stdout, stderr } = await typed(['decode'], text);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^cotp decode: the input must be hexadecimal, but it contains "G"\n/);
});

test.each([
  ['control characters, though they are UTF-8', '02d5804142'],
  ['a control character of C1', '41c29b31'],
  ['no control characters, and is no UTF-8', '2980414142428064616263'],
  ['the start of ASCII, and is no UTF-8', '4142e9f080'],
  ['the mark of UTF-16, and is no text', 'fffe000003000007'],
])('binary data that has %s is decoded as it is', async (_what, octets) => {
  const { code, stdout } = await typed(['decode', '--json'], Buffer.from(octets, 'hex'));
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ number: 1, octets });
});

test.each([
  ['binary', Buffer.alloc(64 * 1024 * 1024 + 1), 'neither a capture nor a trace, and longer than'],
  ['text', Buffer.alloc(16 * 1024 * 1024 + 1, ' '), 'text that is longer than'],
])('input that is read as a whole has a limit: %s', async (_what, octets, sentence) => {
  const { code, stdout, stderr } = await typed(['decode'], gzipSync(octets));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`cotp decode: the input is ${sentence} ${octets.length - 1} octets\n`);
});

describe('Ctrl-C', () => {
  test.each([[[]], [['-']]])('ends it while it waits for stdin: %j', async (more) => {
    const running = new Running(['decode', ...more]);
    // More than the pipe can hold: when all is written, the command is reading.
    await new Promise((resolve) =>
      running.child.stdin.write(Buffer.alloc(1_000_000, '0'), resolve),
    );
    running.child.kill('SIGINT');
    expect(await running.end()).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  test('ends it in the middle of a long input, though it writes to a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-decode-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const [input, output] = [join(folder, 'in.bin'), join(folder, 'out.txt')];
    await writeFile(input, Buffer.from('0300000702f080'.repeat(100_000), 'hex'));
    const file = await open(output, 'w');
    closeLater(() => file.close());
    const stdio = ['ignore', file.fd, 'ignore'] as const;
    const child = spawn(process.execPath, [COTP, 'decode', '--json', input], { stdio: [...stdio] });
    const ended = once(child, 'close');
    await expect.poll(async () => (await file.stat()).size).toBeGreaterThan(0);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
  });
});

const CC_128 = '0300001611d00002443100c00107c1020100c2020102';

test('CR and CC count for what follows them in hexadecimal too', async () => {
  expect((await typed(['decode', `${CR}${CC_128}0300000802f08101`])).stdout).toContain('⚠ tpdu-nr');
});

test.each([
  ['DEL', '7f', '\\x7f'],
  ['C1', '9b', '\\x9b'],
  ['ESC', '1b', '\\x1b'],
])('%s of a cookie does not reach the terminal', async (_what, octet, text) => {
  const cookie = Buffer.from('Cookie: mstshash=a').toString('hex');
  const tpdu = `${(6 + 18 + 3).toString(16)}e00000000100${cookie}${octet}0d0a`;
  const { stdout } = await typed(['decode', tpdu]);
  expect(stdout).toContain(`mstshash=a${text}`);
  expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});
