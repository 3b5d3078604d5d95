/** The limits of `cotp decode`: the memory that a large capture takes, and its time. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Running } from '../cli/support.js';
import { CLIENT, Connection, ipv4, pcap, SERVER, tcpSegment } from '../support/capture-file.js';

const DT = '0300000802f08001';

test('5,000 TPDUs in 50 streams are decoded in seconds, in each form', async () => {
  const script = join(import.meta.dirname, '../../scripts/decode-speed.mjs');
  // Less than a second on a machine with nothing else to do.
  const { stdout } = await promisify(execFile)(process.execPath, [script, '5000', '50', '15']);
  expect(stdout.match(/ ok$/gm)).toHaveLength(3);
}, 60_000);

/** The most memory that a capture of more than that may take, in KiB. */
const MOST_MEMORY = 300 * 1024;

/** Packets of `count` segments of one direction; a packet is valid until the next. */
function* segments(port: number, count: number, size: number, start: number): Generator<Buffer> {
  const from = { address: CLIENT.address, port };
  const data = Buffer.alloc(size, 'some other protocol');
  const packet = ipv4(from, SERVER, tcpSegment({ from, to: SERVER, seq: 0, data }));
  for (let i = 0; i < count; i += 1) {
    packet.writeUInt32BE(start + i * size, 24);
    yield packet;
  }
}

/** A stream of another protocol, with a gap that is not acknowledged. */
function* withGap(port: number, size: number, counts: readonly [number, number]) {
  yield* segments(port, counts[0], size, 1);
  yield* segments(port, counts[1], size, 2 + counts[0] * size);
}

/** Fragments of one datagram, each of which overlaps those before it; the last one is missing. */
function* overlapping(id: number, count: number): Generator<Buffer> {
  const octets = Buffer.alloc(60_000);
  for (let i = 0; i < count; i += 1) {
    yield ipv4(CLIENT, SERVER, octets, { id, offset: 8 * i, hasMore: true });
  }
}

/** One generator after the other, for 1 to `count`. */
function* each(count: number, make: (i: number) => Iterable<Buffer>): Generator<Buffer> {
  for (let i = 1; i <= count; i += 1) {
    yield* make(i);
  }
}

/** Writes packets in pieces of about 1 MiB. */
async function write(stdin: Writable, packets: Iterable<Buffer>): Promise<void> {
  let records: Buffer[] = [];
  let length = 0;
  const flush = async () => {
    if (!stdin.write(Buffer.concat(records))) {
      await once(stdin, 'drain');
    }
    records = [];
    length = 0;
  };
  for (const packet of packets) {
    const record = pcap([packet]).subarray(24);
    records.push(record);
    length += record.length;
    if (length > 1_000_000) {
      await flush();
    }
  }
  await flush();
}

describe.runIf(process.platform === 'linux')('the memory of the command is bounded', () => {
  test.each([
    ['a capture of 350 MB', () => each(100, (port) => withGap(port, 1400, [1200, 1200]))],
    ['segments of one octet', () => each(250, (port) => withGap(port, 1, [1, 4000]))],
    ['fragments that overlap', () => each(250, (id) => overlapping(id, 24))],
  ])(
    'for %s',
    async (_what, packets) => {
      const running = new Running(['decode', '--summary']);
      const { stdin, pid } = running.child;
      stdin.write(pcap([]));
      await write(stdin, packets());
      const client = { address: [10, 0, 0, 2], port: 9 };
      await write(stdin, new Connection({ client }).client(DT).packets);
      // What was before it is read now, and still kept.
      await running.says(/ 10\.0\.0\.2:9 .* DT TPDU/, 'stdout');
      const [, peak] =
        /^VmHWM:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
      expect(Number(peak)).toBeGreaterThan(0);
      expect(Number(peak)).toBeLessThan(MOST_MEMORY);
      stdin.end();
      expect((await running.end()).stdout).toMatch(/^1 TPDU in 1 TCP stream/m);
    },
    60_000,
  );
});
