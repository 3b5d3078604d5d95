/** `cotp decode` of captures that tshark reads: with octets missing, and cut short. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
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
        '10.0.0.1:50000 10 octets are missing in the capture, after the first 20 octets of a TPKT of 55, which is not shown',
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
    const { stdout, stderr, status } = spawnSync(process.execPath, [COTP, 'decode', path]);
    assert.match(String(stdout), /CC TPDU/);
    assert.match(
      String(stderr),
      /^cotp decode: tshark cannot read all of the capture: .*cut short/,
    );
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
