/** `cotp decode` of capture files and of traces. */
import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { connect, jsonLinesSink, listen, pcapngSink, type TraceSink } from 'cotp';
import { describe, expect, test } from 'vitest';
import {
  CLIENT,
  Connection,
  type Frame,
  ipv4,
  pcap,
  pcapng,
  RAW,
  SERVER,
} from '../support/capture-file.js';
import { closeLater } from '../support/life.js';
import { cotp, Running } from './support.js';

const CR = '0300001611e00000000200c0010ac1020100c2020102';
const CC = '0300001611d00002443100c00107c1020100c2020102';
const DT = '0300000802f08001';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cotp-decode-'));
  closeLater(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function fileOf(octets: Uint8Array | string, name = 'capture.pcap'): Promise<string> {
  const path = join(await folder(), name);
  await writeFile(path, octets);
  return path;
}

/** The objects of `--json`. */
async function jsonOf(input: Uint8Array | string, ...args: readonly string[]) {
  const { code, stdout, stderr } = await cotp(['decode', '--json', ...args], input);
  const lines = stdout.trim().split('\n');
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { code, stderr, events };
}

interface Vector {
  readonly layer: string;
  readonly hex: string;
  readonly tolerant: { readonly ok?: { readonly type: string } };
}

const three = new Connection().client(CR).server(CC).client(DT);

const SUMMARY = `\
     4 22:13:20.003 #0 10.0.0.1:50000 > 10.0.0.5:102  CR TPDU src-ref: 0x0002 dst-ref: 0x0000 class: 0 calling: 0x0100 called: 0x0102 size: 1024  11 e0 00 00 00 02 00 c0 01 0a c1 02 …
     5 22:13:20.004 #0 10.0.0.5:102 > 10.0.0.1:50000  CC TPDU src-ref: 0x4431 dst-ref: 0x0002 class: 0 calling: 0x0100 called: 0x0102 size: 128  11 d0 00 02 44 31 00 c0 01 07 c1 02 …
     6 22:13:20.005 #0 10.0.0.1:50000 > 10.0.0.5:102  DT TPDU (0) EOT 1 octet  01
3 TPDUs in 1 TCP stream: 0 with deviations, 0 reports of missing or unreadable octets
`;

describe('a capture', () => {
  test('is read from a file, without any other program', async () => {
    const path = await fileOf(pcap(three.packets));
    expect(await cotp(['decode', '--summary', path], '', { PATH: '' })).toEqual({
      ...{ code: 0, stdout: SUMMARY, stderr: '' },
    });
  });

  test.each([
    ['pcapng', pcapng(three.packets)],
    ['gzip', gzipSync(pcap(three.packets))],
    ['gzip of two members', twoMembers(pcap(three.packets))],
  ])('is read from stdin: %s', async (_name, octets) => {
    expect(await cotp(['decode', '--summary'], octets)).toEqual({
      ...{ code: 0, stdout: SUMMARY, stderr: '' },
    });
  });

  test.runIf(process.platform !== 'win32')('is read from a named pipe', async () => {
    const path = join(await folder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const running = new Running(['decode', '--summary', path]);
    running.child.stdin.end();
    createWriteStream(path).end(pcap(three.packets));
    expect(await running.end()).toEqual({ code: 0, stdout: SUMMARY, stderr: '' });
  });

  test('in text has the layout of each TPDU, with its frame, stream and direction', async () => {
    const { stdout } = await cotp(['decode'], pcap(three.packets));
    expect(stdout).toMatch(
      /^TPKT 1, 22 octets, frame 4, TCP stream 0, 10\.0\.0\.1:50000 > 10\.0\.0\.5:102 {2}CR TPDU/,
    );
    expect(stdout.match(/^conforms$/gm)).toHaveLength(3);
  });

  test('in JSON has the frame, its time, stream and direction of each TPDU', async () => {
    const { code, events } = await jsonOf(pcap(three.packets));
    expect(code).toBe(0);
    expect(events[2]).toMatchObject({
      ...{ number: 3, frame: 6, time: '2023-11-14T22:13:20.005Z', stream: 0 },
      ...{ from: '10.0.0.1:50000', to: '10.0.0.5:102', tpkt: true, octets: DT, type: 'DT' },
    });
  });

  test('reports what is missing once: in text, in JSON and in a line of the summary', async () => {
    const file = pcap(new Connection().client(CR).client(DT).lost().client(DT).packets);
    const sentence = '8 octets are missing in the capture, between two TPKTs';
    const text = await cotp(['decode'], file);
    expect(text.stdout.split(sentence)).toHaveLength(2);
    expect(text.stdout).toContain(
      `\nframe 5, TCP stream 0, 10.0.0.1:50000 > 10.0.0.5:102: ${sentence}\n`,
    );
    expect((await jsonOf(file)).events[1]).toEqual({
      ...{ number: 2, frame: 5, time: '2023-11-14T22:13:20.004Z', stream: 0 },
      ...{ from: '10.0.0.1:50000', to: '10.0.0.5:102', error: { message: sentence } },
    });
    const { code, stdout } = await cotp(['decode', '--summary'], file);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `     5 22:13:20.004 #0 10.0.0.1:50000 > 10.0.0.5:102  ⚠ ${sentence}\n`,
    );
    expect(stdout).toMatch(/^2 TPDUs in 1 TCP stream: 0 with deviations, 1 report of/m);
  });

  test.each([
    ['TPDU-NR', '0300000802f08101', 'tpdu-nr'],
    ['code', '0300000802f18001', 'code-nibble'],
    ['size', `0300008702f080${'00'.repeat(128)}`, 'tpdu-too-long'],
  ])('has the class and size of CR and CC in force: %s', async (_what, tpdu, deviation) => {
    const open = new Connection().client(CR).server(CC).client(tpdu);
    const { code, stdout } = await cotp(['decode', '--summary'], pcap(open.packets));
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`⚠ ${deviation}$`, 'm'));
    expect(stdout).toMatch(/^3 TPDUs in 1 TCP stream: 1 with deviations/m);
    expect((await cotp(['decode'], pcap(new Connection().client(tpdu).packets))).code).toBe(0);
  });

  test('has DTs of class 2 where CR and CC agree on it, in each stream by itself', async () => {
    const [cr, cc] = ['0300000e09e00000123421c60101', '0300000e09d01234000721c60101'];
    const class2 = new Connection().client(cr).server(cc).client('0300000c04f0000780616263');
    const other = new Connection({ client: { address: [10, 0, 0, 9], port: 1 } });
    other.client(CR).server(CC).client(DT);
    const packets = class2.packets.flatMap((packet, i) => [packet, other.packets[i] as Buffer]);
    const { code, stdout } = await cotp(['decode', '--summary'], pcap(packets));
    expect(code).toBe(0);
    expect(stdout).toMatch(/#0 10\.0\.0\.1:50000 .+ DT TPDU \(0\) EOT 3 octets {2}61 62 63$/m);
    expect(stdout).toMatch(/^6 TPDUs in 2 TCP streams: 0 with deviations/m);
  });

  test('is shown as far as its gzip data goes', async () => {
    const many = new Connection().client(CR);
    for (let i = 0; i < 500; i += 1) {
      many.client(`0300000c02f080${i.toString(16).padStart(10, '0')}`);
    }
    const whole = gzipSync(pcap(many.packets));
    const { code, stdout } = await cotp(['decode', '--summary'], whole.subarray(0, -1000));
    expect(code).toBe(1);
    expect(stdout).toContain('#0 10.0.0.1:50000');
    expect(stdout).toContain('⚠ the gzip data is damaged or cut short: unexpected end of file');
  });

  test('whose gzip data does not match its checksum is shown', async () => {
    const damaged = gzipSync(pcap(three.packets));
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 8) ^ 1, damaged.length - 8);
    const { code, stdout } = await cotp(['decode', '--summary'], damaged);
    expect(code).toBe(1);
    expect(stdout).toContain('#0 10.0.0.1:50000');
    expect(stdout).toContain('⚠ the gzip data is damaged or cut short: incorrect data check');
    expect(stdout).toMatch(/^3 TPDUs in 1 TCP stream/m);
  });

  test('whose gzip data is followed by zeros is whole, but not with more behind them', async () => {
    const packets = pcap(three.packets);
    const [whole, zeros] = [gzipSync(packets), Buffer.alloc(512)];
    expect((await cotp(['decode', await fileOf(Buffer.concat([whole, zeros]))])).code).toBe(0);
    const more = await fileOf(Buffer.concat([whole, zeros, gzipSync(packets), zeros]));
    const { code, stdout } = await cotp(['decode', more]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'the gzip data is damaged or cut short: there are octets behind its end',
    );
  });

  test('whose gzip data is damaged from its start cannot be read', async () => {
    const damaged = Buffer.concat([
      gzipSync(pcap(three.packets)).subarray(0, 12),
      Buffer.alloc(50),
    ]);
    const { code, stdout, stderr } = await cotp(['decode'], damaged);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^cotp decode: the gzip data is damaged or cut short: /);
  });

  test('without TPKTs is an error of one sentence', async () => {
    const { code, stdout, stderr } = await cotp(
      ['decode'],
      pcap(new Connection().client('474554').packets),
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^cotp decode: there is no TPKT or TPDU in the input\n/);
  });

  /** Packets with only so many octets in the capture. */
  const cut = (packets: readonly Buffer[], captured: number): Frame[] =>
    packets.map((octets) => ({ octets, captured: Math.min(captured, octets.length) }));
  const web = new Connection().client(Buffer.alloc(100, 'GET ')).packets;

  test.each([
    ['in their octets', cut(three.packets, 45), 3],
    ['in the octets of another protocol', cut(web, 60), 1],
    ['in their TCP headers', cut(three.packets, 30), 6],
    ['in their IP headers', cut(three.packets, 10), 6],
    ['as fragments', cut(fragments(web[3] ?? Buffer.alloc(0)), 40), 2],
    ['in more packets than reports wait', cut(Array(5000).fill(web[3]), 60), 5000],
  ])(
    'whose packets the snap length has cut %s, so that no TPKT is whole, is an error that says so',
    async (_name, packets, count) => {
      const { code, stderr } = await cotp(['decode', '--summary'], pcap(packets));
      expect(code).toBe(2);
      const are = count === 1 ? '1 packet is' : `${count} packets are`;
      expect(stderr).toContain(
        `cotp decode: there is no whole TPKT in the capture: ${are} cut off by its snap length; capture with -s 0\n`,
      );
    },
  );

  test('of which the snap length has cut only packets of UDP has no TPKT', async () => {
    const udp = ipv4(CLIENT, SERVER, Buffer.alloc(100));
    udp[9] = 17;
    const { code, stderr } = await cotp(['decode'], pcap(cut([udp], 50)));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^cotp decode: there is no TPKT or TPDU in the input\n/);
  });

  test('has every TPDU of real devices, each in a stream of its own', async () => {
    const text = await readFile(new URL('../vectors/captures.json', import.meta.url), 'utf8');
    const { vectors } = JSON.parse(text) as { vectors: readonly Vector[] };
    const tpdus = vectors.filter(({ layer, tolerant }) => layer === 'tpdu' && 'ok' in tolerant);
    const tpkts = tpdus.map(({ hex }) => {
      return `0300${(4 + hex.length / 2).toString(16).padStart(4, '0')}${hex}`;
    });
    const connections = tpkts.map((tpkt, i) =>
      new Connection({ client: { address: [10, 1, 0, 1], port: 1000 + i } }).client(tpkt),
    );
    const { events } = await jsonOf(pcap(connections.flatMap(({ packets }) => packets)));
    expect(events.map(({ octets }) => octets)).toEqual(tpkts);
    expect(events.map(({ type }) => type)).toEqual(tpdus.map(({ tolerant }) => tolerant.ok?.type));
  });

  test('--summary cannot be combined with --json or --full', async () => {
    for (const option of ['--json', '--full']) {
      expect((await cotp(['decode', '--summary', option, DT])).code).toBe(2);
    }
  });

  test('--summary of hexadecimal has the number of each TPDU', async () => {
    const { stdout } = await cotp(['decode', '--summary', DT, DT]);
    expect(stdout).toBe(`\
     1  DT TPDU (0) EOT 1 octet  01
     2  DT TPDU (0) EOT 1 octet  01
2 TPDUs: 0 with deviations, 0 reports of missing or unreadable octets
`);
  });

  test('that does not end is shown as it arrives, and Ctrl-C stops it at once', async () => {
    const running = new Running(['decode', '--summary']);
    const { stdin } = running.child;
    stdin.write(pcap(three.packets));
    await running.says(/^ +6 /m, 'stdout');
    running.child.kill('SIGINT');
    expect((await running.end()).code).toBe(130);
  });

  test('Ctrl-C stops it in the middle of a large file', async () => {
    const connection = new Connection().client(DT.repeat(100));
    const packets = Array.from({ length: 3000 }, (): Frame => {
      connection.client(DT.repeat(100));
      return { octets: connection.packets.pop() as Buffer };
    });
    const path = await fileOf(pcap([...connection.packets, ...packets], { linkType: RAW }));
    const running = new Running(['decode', path]);
    await running.says(/^TPKT 1,/, 'stdout');
    running.child.kill('SIGINT');
    const { code, stdout } = await running.end();
    expect(code).toBe(130);
    expect(stdout).not.toMatch(/^TPKT 300000,/m);
  });
});

/** An IPv4 packet as two fragments. */
function fragments(packet: Buffer): Buffer[] {
  const payload = packet.subarray(20);
  return [
    ipv4(CLIENT, SERVER, payload.subarray(0, 64), { id: 1, offset: 0, hasMore: true }),
    ipv4(CLIENT, SERVER, payload.subarray(64), { id: 1, offset: 64, hasMore: false }),
  ];
}

/** Gzip of two parts, as `cat a.gz b.gz` joins them. */
function twoMembers(octets: Buffer): Buffer {
  return Buffer.concat([gzipSync(octets.subarray(0, 100)), gzipSync(octets.subarray(100))]);
}

describe('a file of a sink of the library', () => {
  /** Runs a connection with one TSDU each way, and gives the file that the sink has written. */
  async function traced(make: (path: string) => TraceSink): Promise<string> {
    const path = join(await folder(), 'trace');
    const sink = make(path);
    const server = await listen(
      async (connection) => {
        for await (const tsdu of connection) {
          connection.write(tsdu);
        }
      },
      { host: '127.0.0.1', port: 0 },
    );
    const address = server.addresses[0] ?? { host: '127.0.0.1' };
    const connection = await connect(address, { trace: sink.trace, maxTpduSize: 128 });
    connection.write(Buffer.alloc(300, 7));
    await connection.read();
    await connection.asyncClose();
    await server.asyncClose();
    await sink.close();
    return path;
  }

  const TYPES = ['CR', 'CC', 'DT', 'DT', 'DT', 'DT', 'DT', 'DT'];

  test('pcapng', async () => {
    const path = await traced((file) => pcapngSink(file));
    const { code, events } = await jsonOf('', path);
    expect(code).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(TYPES);
  });

  test('JSON lines: each TPDU, with its line, connection and direction', async () => {
    const path = await traced((file) => jsonLinesSink(file));
    const { code, events } = await jsonOf('', path);
    expect(code).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(TYPES);
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    const [first] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({
      ...{ frame: 1, stream: first?.connection, from: first?.local, to: first?.remote },
      ...{ tpkt: false, octets: first?.octets },
    });
    const { stdout } = await cotp(['decode', '--summary'], gzipSync(await readFile(path)));
    expect(stdout).toMatch(/^8 TPDUs in 1 connection: 0 with deviations, 0 reports/m);
    const text = await cotp(['decode', path]);
    expect(text.stdout).toMatch(/^TPDU 1, \d+ octets, line 1, connection \d+, 127\.0\.0\.1:\d+ > /);
  });

  test.each([
    ['UTF-8', (text: string) => Buffer.from(`\ufeff${text}`)],
    ['UTF-16', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ])(
    'JSON lines that another program has written as %s with a byte order mark',
    async (_name, encoded) => {
      const path = await traced((file) => jsonLinesSink(file));
      const { code, events } = await jsonOf(encoded(await readFile(path, 'utf8')));
      expect(code).toBe(0);
      expect(events.map(({ type }) => type)).toEqual(TYPES);
    },
  );

  test('JSON lines with others between them, and cut short', async () => {
    const path = await traced((file) => jsonLinesSink(file));
    const [first, ...rest] = (await readFile(path, 'utf8')).trim().split('\n');
    const input = [first, '{"event":"other"}', '', ...rest].join('\n').slice(0, -5);
    const { code, events } = await jsonOf(input);
    expect(code).toBe(1);
    const reports = events.filter(({ error }) => error !== undefined);
    expect(reports.map(({ frame, error }) => [frame, error])).toEqual([
      [2, { message: 'the line is no entry of a trace' }],
      [10, { message: 'the line is no entry of a trace' }],
    ]);
  });

  test.each([
    [1, '1 TPDU is missing in the trace'],
    [12, '12 TPDUs are missing in the trace'],
  ])('JSON lines whose last line says that it lacks %i', async (lost, message) => {
    const path = await traced((file) => jsonLinesSink(file));
    const { code, events } = await jsonOf(
      `${await readFile(path, 'utf8')}${JSON.stringify({ lost })}\n`,
    );
    expect(code).toBe(1);
    const reports = events.filter(({ error }) => error !== undefined);
    expect(reports.map(({ error }) => error)).toEqual([{ message }]);
  });

  test.each([
    ['a newline', '\n     2 00:00:00.000 #7 forged'],
    ['a control character', '\x9b31m'],
    ['301 characters', 'a'.repeat(301)],
    ['a port that is none', '10.0.0.1:65536'],
    ['a port that is none, in IPv6', '[::1]:999999'],
  ])('a line whose address has %s is reported, and not printed', async (_what, address) => {
    const entry = { connection: 1, direction: 'sent', local: 'a', remote: 'b', octets: '02f080' };
    const lines = [entry, { ...entry, local: address }, { ...entry, remote: address }];
    const { code, stdout } = await cotp(
      ['decode', '--summary'],
      lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
    expect(code).toBe(1);
    expect(stdout.match(/⚠ the line is no entry of a trace$/gm)).toHaveLength(2);
    expect(stdout.split('\n')).toHaveLength(5);
  });

  test.each(['10.0.0.1:65535', '[::1]:0', '/run/plant:65536', '\\\\.\\pipe\\plant:65536'])(
    'a line whose address is %s is read',
    async (local) => {
      const line = { connection: 1, direction: 'sent', local, remote: 'b', octets: '02f080' };
      const { code, events } = await jsonOf(`${JSON.stringify(line)}\n`);
      expect(code).toBe(0);
      expect(events).toMatchObject([{ type: 'DT', from: local }]);
    },
  );

  /** What one process writes of a connection: each TPDU as `>`, sent, or `<`, received, and its octets. */
  function lines(connection: number, port: number, ...tpdus: readonly string[]): string {
    const ends = { role: 'client', local: `10.0.0.1:${port}`, remote: '10.0.0.5:102' };
    return tpdus
      .map((tpdu) => {
        const direction = tpdu.startsWith('>') ? 'sent' : 'received';
        return `${JSON.stringify({ connection, direction, ...ends, octets: tpdu.slice(1) })}\n`;
      })
      .join('');
  }

  const OPEN = [`>${CR.slice(8)}`, `<${CC.slice(8)}`];
  const CLASS_2 = ['>09e00000123421c60101', '<09d01234000721c60101', '>04f0000780616263'];

  test('JSON lines of two processes one behind the other: each has its connections, with their classes', async () => {
    const dt = `>${DT.slice(8)}`;
    const one = lines(1, 5001, ...CLASS_2) + lines(2, 5002, ...OPEN, dt);
    // The first connection of the other process was open before it wrote.
    const other = lines(1, 6001, dt) + lines(2, 6002, ...OPEN, dt);
    const { code, stdout } = await cotp(['decode', '--summary'], one + other);
    expect(stdout.match(/ DT TPDU \(0\) EOT (?:1|3) octets? {2}(?:01|61 62 63)$/gm)).toHaveLength(
      4,
    );
    expect(stdout).toMatch(/^10 TPDUs in 4 connections: 0 with deviations, 0 reports/m);
    expect(code).toBe(0);
  });

  test('JSON lines in which a number and its addresses come again: a CR behind other TPDUs begins a connection', async () => {
    const [cr = '', cc = ''] = OPEN;
    const twice = lines(1, 5001, cr, cr, cc) + lines(1, 5001, ...OPEN);
    const { stdout } = await cotp(['decode', '--summary'], twice);
    expect(stdout).toMatch(/^5 TPDUs in 2 connections: 0 with deviations/m);
  });

  test('a line that is too long is reported, and the next one is read', async () => {
    const path = await traced((file) => jsonLinesSink(file));
    const lines = await readFile(path, 'utf8');
    const [first = ''] = lines.split('\n');
    const long = `{"a":"${'x'.repeat(1_100_000)}"}`;
    const { events } = await jsonOf(`${first}\n${long}\n${first}\n`);
    expect(events.map(({ type, error }) => type ?? error)).toEqual([
      'CR',
      { message: 'the line is longer than 1048576 octets' },
      'CR',
    ]);
  });
});
