/**
 * `cotp decode` of captures: with octets missing, and cut short; and that it finds the TPDUs that tshark finds in
 * captures of the tools of Wireshark.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertSameTpdus } from './same-tpdus.js';
import { LIMIT } from './support.js';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const CR = '0300001611e00000000100c0010ac1020100c2020102';
const CC = '0300001611d00001443100c00107c1020100c2020102';
const DT = '0300000b02f08001020304';

const CLIENT = { address: [10, 0, 0, 1], port: 50_000, at: 0 };
const SERVER = { address: [10, 0, 0, 5], port: 102, at: 1 };

/** A pcap file of one TCP connection over bare IPv4. */
class Capture {
  #packets = [];
  #sequence = [1000, 5000];

  constructor() {
    this.#add(CLIENT, 0x02, '');
    this.#add(SERVER, 0x12, '');
    this.#add(CLIENT, 0x10, '');
  }

  client(octets) {
    return this.#add(CLIENT, 0x18, octets);
  }

  server(octets) {
    return this.#add(SERVER, 0x18, octets);
  }

  /** Sent, but not captured. */
  lost(octets) {
    this.client(octets);
    this.#packets.pop();
    return this;
  }

  /** Changes the order in which packets were captured; the handshake stays first. */
  reorder(change) {
    this.#packets = [...this.#packets.slice(0, 3), ...change(this.#packets.slice(3))];
    return this;
  }

  save(path) {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65_535, 16);
    header.writeUInt32LE(101, 20);
    writeFileSync(path, Buffer.concat([header, ...this.#packets]));
    return path;
  }

  #add(from, flags, octets) {
    const to = from === CLIENT ? SERVER : CLIENT;
    const payload = Buffer.from(octets, 'hex');
    const packet = Buffer.alloc(40);
    packet.writeUInt16BE(0x4500, 0);
    packet.writeUInt16BE(40 + payload.length, 2);
    packet.writeUInt16BE(0x4006, 8);
    packet.set([...from.address, ...to.address], 12);
    packet.writeUInt16BE(from.port, 20);
    packet.writeUInt16BE(to.port, 22);
    packet.writeUInt32BE(this.#sequence[from.at], 24);
    packet.writeUInt32BE(flags === 0x02 ? 0 : this.#sequence[to.at], 28);
    packet.writeUInt16BE(0x5000 | flags, 32);
    packet.writeUInt16BE(65_535, 34);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000 + this.#packets.length, 0);
    record.writeUInt32LE(40 + payload.length, 8);
    record.writeUInt32LE(40 + payload.length, 12);
    this.#packets.push(Buffer.concat([record, packet, payload]));
    this.#sequence[from.at] += payload.length + (flags & 0x02 ? 1 : 0);
    return this;
  }
}

describe('cotp decode of a capture', () => {
  let folder;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cotp-capture-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Types and faults of its messages, the exit code, and what stderr says. */
  function decoded(path) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [
      COTP,
      'decode',
      '--json',
      path,
    ]);
    const lines = String(stdout).trim().split('\n').map(JSON.parse);
    const shown = lines.map(({ type, error, from }) => `${from} ${type ?? error.message}`);
    return { shown, status, stderr: String(stderr) };
  }

  test('a segment between two TPKTs is missing', LIMIT, () => {
    const capture = new Capture().client(CR).server(CC).lost(DT).server(DT).client(DT).server(DT);
    const { shown, status } = decoded(capture.save(join(folder, 'between.pcap')));
    assert.deepEqual(
      shown.filter((line) => line.startsWith('10.0.0.1')),
      [
        '10.0.0.1:50000 CR',
        '10.0.0.1:50000 11 octets are missing in the capture, between two TPKTs',
        '10.0.0.1:50000 DT',
      ],
    );
    assert.equal(status, 1);
  });

  test('a segment within a TPKT is missing', LIMIT, () => {
    const long = `0300003702f080${'00'.repeat(48)}`;
    const capture = new Capture().client(CR).server(CC).client(long.slice(0, 40));
    capture
      .lost(long.slice(40, 60))
      .client(`${long.slice(60)}${DT}`)
      .server(DT)
      .client(DT)
      .server(DT);
    const { shown, status } = decoded(capture.save(join(folder, 'within.pcap')));
    assert.deepEqual(
      shown.filter((line) => line.startsWith('10.0.0.1')),
      [
        '10.0.0.1:50000 CR',
        '10.0.0.1:50000 10 octets are missing in the capture, 20 octets after the beginning of a TPKT of 55, which is not shown',
        '10.0.0.1:50000 DT',
        '10.0.0.1:50000 DT',
      ],
    );
    assert.equal(status, 1);
  });

  test('it ends within a TPKT', LIMIT, () => {
    const capture = new Capture().client(CR).server(CC).server(DT.slice(0, 12));
    const { shown, status } = decoded(capture.save(join(folder, 'end.pcap')));
    assert.equal(
      shown.at(-1),
      '10.0.0.5:102 the capture ends within a TPKT, 6 octets after its beginning',
    );
    assert.equal(status, 1);
  });

  test('the file is cut short within a packet', LIMIT, () => {
    const path = new Capture().client(CR).server(CC).client(DT).save(join(folder, 'short.pcap'));
    truncateSync(path, readFileSync(path).length - 5);
    const { stdout, status } = spawnSync(process.execPath, [COTP, 'decode', path]);
    assert.match(String(stdout), /CC TPDU/);
    assert.match(String(stdout), /^the capture file is cut short: it ends after 5 packets$/m);
    assert.equal(status, 1);
  });

  test('class and size of CR and CC are in force', LIMIT, () => {
    const capture = new Capture().client(CR).server(CC);
    capture.client('0300000802f08101').server(`0300008702f080${'00'.repeat(128)}`);
    const path = capture.save(join(folder, 'class.pcap'));
    const { stdout, status } = spawnSync(process.execPath, [COTP, 'decode', path]);
    assert.match(String(stdout), /⚠ tpdu-nr /);
    assert.match(String(stdout), /⚠ tpdu-too-long /);
    assert.equal(status, 1);
  });
});

describe('cotp decode finds what tshark finds', () => {
  let folder;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cotp-capture-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  const path = (name) => join(folder, name);

  function run(tool, ...args) {
    const { status, stderr, error } = spawnSync(tool, args, { encoding: 'utf8' });
    assert.equal(status, 0, error?.message ?? `${tool} ${args.join(' ')}: ${stderr}`);
  }

  /**
   * A connection whose segments cut its TPKTs anywhere. Its data looks like no protocol: where tshark takes it for
   * one, and for faulty, it loses the boundaries of the TPKTs.
   */
  function segmented() {
    const capture = new Capture().client(CR).server(CC);
    const stream = Array.from({ length: 40 }, (_, i) => {
      const data = Buffer.alloc(3 + ((i * 37) % 300), 0xee).toString('hex');
      return `0300${(7 + data.length / 2).toString(16).padStart(4, '0')}02f080${data}`;
    }).join('');
    for (let at = 0, i = 0; at < stream.length; i += 1) {
      const end = at + 2 * (1 + ((i * 61) % 400));
      capture.client(stream.slice(at, end)).server(DT);
      at = end;
    }
    return capture;
  }

  test('in segments that cut TPKTs anywhere', LIMIT, () => {
    assertSameTpdus(segmented().save(path('segmented.pcap')), { least: 75 });
  });

  test('in segments out of order and twice', LIMIT, () => {
    const capture = segmented().reorder((packets) => {
      const mixed = packets.flatMap((packet, i) => (i % 7 === 3 ? [packet, packet] : [packet]));
      for (let i = 4; i + 5 < mixed.length; i += 9) {
        [mixed[i], mixed[i + 4]] = [mixed[i + 4], mixed[i]];
      }
      return mixed;
    });
    assertSameTpdus(capture.save(path('mixed.pcap')), { least: 75, byFrame: false });
  });

  for (const format of ['pcapng', 'nsecpcap', 'pcap']) {
    test(`in a file of editcap: ${format}`, LIMIT, () => {
      segmented().save(path('plain.pcap'));
      run('editcap', '-F', format, path('plain.pcap'), path(`edited.${format}`));
      assertSameTpdus(path(`edited.${format}`), { least: 75 });
    });
  }

  test('in a file of mergecap with several interfaces, after reordercap', LIMIT, () => {
    segmented().save(path('one.pcap'));
    const frames = [CR, DT, DT].map((octets, i) => {
      const line = octets.match(/../g).join(' ');
      return `2023-11-14T22:13:2${i}Z\n0000 ${line}\n`;
    });
    writeFileSync(path('frames.txt'), frames.join(''));
    run(
      ...['text2pcap', '-t', '%Y-%m-%dT%H:%M:%SZ', '-4', '10.0.0.7,10.0.0.5', '-T', '40000,102'],
      ...[path('frames.txt'), path('text.pcapng')],
    );
    run('mergecap', '-a', '-w', path('merged.pcapng'), path('one.pcap'), path('text.pcapng'));
    run('reordercap', path('merged.pcapng'), path('ordered.pcapng'));
    assertSameTpdus(path('merged.pcapng'), { least: 78 });
    assertSameTpdus(path('ordered.pcapng'), { least: 78 });
  });

  test('in a file of text2pcap with IPv6 over Ethernet', LIMIT, () => {
    writeFileSync(
      path('six.txt'),
      `0000 ${CR.match(/../g).join(' ')}\n0000 03 00 00 07 02 f0 80\n`,
    );
    run(
      'text2pcap',
      '-6',
      '2001:db8::1,2001:db8::5',
      '-T',
      '40000,102',
      path('six.txt'),
      path('six.pcap'),
    );
    assertSameTpdus(path('six.pcap'), { least: 2 });
  });
});
