/**
 * How long `cotp decode` takes for a capture with many TPDUs: as text, as lines of --summary and as JSON.
 * `node scripts/decode-speed.mjs [TPDUS [STREAMS [SECONDS]]]`, by default 100,000 TPDUs in 100 streams. The exit
 * code is 1 if a form takes longer than that many seconds, by default 5, or loses a TPDU.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COTP = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** The forms of the output, and what counts its TPDUs. */
const FORMS = [
  ['text', [], /^TPKT /gm],
  ['--summary', ['--summary'], / TPDU /gm],
  ['--json', ['--json'], /^\{"number"/gm],
];

/** The octets that the TPDUs of a job of an S7 client take, with TPKT. */
const DT = Buffer.from('0300001f02f080320100000a3f000e00000401120a10020004000183000000', 'hex');
const CR = Buffer.from('0300001611e00000000100c0010ac1020100c2020102', 'hex');
const CC = Buffer.from('0300001611d00001443100c0010ac1020100c2020102', 'hex');

/** A packet of IPv4 and TCP in a record of pcap. */
function record(stream, isReply, seq, ack, data) {
  const octets = Buffer.alloc(56 + data.length);
  octets.writeUInt32LE(1_700_000_000, 0);
  octets.writeUInt32LE(40 + data.length, 8);
  octets.writeUInt32LE(40 + data.length, 12);
  octets.writeUInt16BE(0x4500, 16);
  octets.writeUInt16BE(40 + data.length, 18);
  octets.writeUInt16BE(0x4006, 24);
  octets.set(isReply ? [10, 0, 0, 5, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 5], 28);
  octets.writeUInt16BE(isReply ? 102 : 10_000 + stream, 36);
  octets.writeUInt16BE(isReply ? 10_000 + stream : 102, 38);
  octets.writeUInt32BE(seq, 40);
  octets.writeUInt32BE(ack, 44);
  octets.writeUInt16BE(0x5010, 48);
  data.copy(octets, 56);
  return octets;
}

/** A capture in which both sides of all streams send by turns. */
function capture(tpdus, streams) {
  const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex');
  const records = [header];
  const sent = Array.from({ length: streams }, () => [1, 1]);
  for (let i = 0; i < tpdus; i += 1) {
    const stream = i % streams;
    const turn = Math.floor(i / streams);
    const [from, to] = turn % 2 === 0 ? [0, 1] : [1, 0];
    const data = [CR, CC][turn] ?? DT;
    records.push(record(stream, from === 1, sent[stream][from], sent[stream][to], data));
    sent[stream][from] += data.length;
  }
  return Buffer.concat(records);
}

/** Runs one form; gives its seconds and the TPDUs that it has shown. */
async function run(file, args, pattern) {
  const started = performance.now();
  const child = spawn(process.execPath, [COTP, 'decode', file, ...args]);
  let shown = 0;
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => {
    // Only whole lines are searched.
    const lines = rest + text;
    const end = lines.lastIndexOf('\n') + 1;
    rest = lines.slice(end);
    shown += lines.slice(0, end).match(pattern)?.length ?? 0;
  });
  await once(child, 'close');
  return { seconds: (performance.now() - started) / 1000, shown };
}

const [tpdus = 100_000, streams = 100, limit = 5] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'cotp-decode-speed-'));
try {
  const file = join(folder, 'speed.pcap');
  writeFileSync(file, capture(tpdus, streams));
  for (const [name, args, pattern] of FORMS) {
    const { seconds, shown } = await run(file, args, pattern);
    const isRight = shown === tpdus && seconds <= limit;
    process.exitCode = isRight ? process.exitCode : 1;
    const end = isRight ? 'ok' : `FAILED: ${shown} TPDUs, at most ${limit} s expected`;
    process.stdout.write(
      `${name.padEnd(10)}${tpdus} TPDUs in ${streams} streams: ${seconds.toFixed(2)} s  ${end}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
