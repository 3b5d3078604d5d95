/**
 * Target `capture`: the reader of `cotp decode`. The chunks of a stream are the segments of a capture, which is
 * read as it is, with segments out of order and twice, cut, and damaged.
 */
import {
  type CaptureEvent,
  CaptureReader,
  PIECE_COST,
} from '../../../build/cli/cli/capture/capture-reader.js';
import { type Packet, packetsOf, pcapngOf, pcapOf, segmentAt } from '../captures.js';
import { formatChunks, join, sameOctets } from '../octets.js';
import { Prng } from '../prng.js';
import { must, type Target } from '../target.js';
import { expectedPackets } from './splitter.js';

/** Octets of a packet of TCP in a file, at least: a record header, and the headers of IP and TCP. */
const LEAST_PACKET = 56;

/** What the reader may count as kept: it copies what waits, at most once, and a packet gives two pieces at most. */
function mostHeld(file: Uint8Array): number {
  return 2 * (file.length + PIECE_COST * Math.ceil(file.length / LEAST_PACKET));
}

export function captureTarget(): Target {
  return {
    name: 'capture',
    takes: 'stream',
    scenarios: ['in order', 'out of order', 'with gaps', 'damaged'],
    run: judge,
  };
}

function judge(scenario: string, chunks: readonly Uint8Array[]): void {
  // What is done to the capture depends on the input alone, so that an input can be repeated.
  const prng = new Prng(scenario, formatChunks(chunks));
  const packets = packetsOf(chunks.filter(({ length }) => length > 0 && length < 60_000));
  const format = prng.chance(50) ? pcapOf : pcapngOf;
  if (scenario === 'damaged') {
    read(damaged(format(packets), prng), prng);
    return;
  }
  const stream = join(...packets.map(({ octets }) => octets.subarray(40)));
  const changed = changedPackets(scenario, packets, stream, prng);
  const events = read(format(changed), prng);
  if (scenario === 'with gaps') {
    // Nothing shows what is missing at the end.
    const [last, lastOfAll] = [changed.at(-1), packets[changed.length - 1]];
    judgeGaps(events, last !== lastOfAll);
  } else if (isPlausible(stream)) {
    judgeTpkts(events, stream);
  }
}

/** Reads a file in pieces; no piece may throw, and the reader keeps no more than it was given. */
function read(file: Uint8Array, prng: Prng): readonly CaptureEvent[] {
  const octets = Buffer.from(file);
  const reader = new CaptureReader(octets.subarray(0, 64));
  const events: CaptureEvent[] = [];
  for (let at = 0; at < octets.length; ) {
    const end = at + prng.between(1, prng.chance(20) ? 8 : octets.length);
    // Copies: the octets of an event are valid until the next call.
    events.push(...reader.push(Buffer.from(octets.subarray(at, end))).map(copied));
    at = end;
    must(reader.held <= mostHeld(file), () => `the reader keeps ${reader.held} octets`);
  }
  events.push(...reader.end().map(copied));
  must(reader.held === 0, () => `the reader keeps ${reader.held} octets behind the end`);
  return events;
}

function copied(event: CaptureEvent): CaptureEvent {
  return 'tpkt' in event ? { ...event, tpkt: Buffer.from(event.tpkt) } : event;
}

function changedPackets(
  scenario: string,
  packets: readonly Packet[],
  stream: Uint8Array,
  prng: Prng,
): Packet[] {
  const [syn, ...data] = packets;
  const changed = [...data];
  if (scenario === 'with gaps') {
    for (let times = prng.below(3); times > 0 && changed.length > 0; times -= 1) {
      changed.splice(prng.below(changed.length), 1);
    }
  } else if (scenario === 'out of order') {
    for (let i = changed.length - 1; i > 0; i -= 1) {
      const other = prng.below(i + 1);
      [changed[i], changed[other]] = [changed[other] as Packet, changed[i] as Packet];
    }
    // Segments that repeat octets of others, and overlap them.
    for (let times = prng.below(6); times > 0 && stream.length > 0; times -= 1) {
      const start = prng.below(stream.length);
      const end = Math.min(stream.length, start + prng.between(1, 1_000));
      const again = segmentAt(start, stream.subarray(start, end));
      changed.splice(prng.below(changed.length + 1), 0, again);
    }
  }
  return syn === undefined ? changed : [syn, ...changed];
}

/** The file with octets changed behind its magic number, or with its end cut off. */
function damaged(file: Uint8Array, prng: Prng): Uint8Array {
  const octets = file.slice();
  for (let times = prng.between(1, 8); times > 0; times -= 1) {
    octets[prng.between(4, octets.length - 1)] = prng.pick([
      0,
      1,
      0x7f,
      0x80,
      0xff,
      prng.below(256),
    ]);
  }
  return prng.chance(30) ? octets.subarray(0, prng.between(4, octets.length)) : octets;
}

/** Least LI of the TPDUs, by the upper half of their code. */
const LEAST_LI: Readonly<Record<number, number>> = {
  ...{ 14: 6, 13: 6, 8: 6, 12: 5, 15: 2, 1: 2, 6: 4, 2: 4, 5: 4, 7: 4 },
};

/** True if the stream begins with a TPKT whose TPDU is one beyond doubt. */
function isPlausible(stream: Uint8Array): boolean {
  const [first] = expectedPackets(stream).payloads;
  const [li = 0, code = 0] = first ?? [];
  const isData = code >> 4 === 15 || code >> 4 === 1;
  const fits = first !== undefined && li < first.length && li < (isData ? 12 : 255);
  return fits && li >= (LEAST_LI[code >> 4] ?? 255);
}

/** What came out must be what a reader of the stream gets, as far as the stream has TPKTs. */
function judgeTpkts(events: readonly CaptureEvent[], stream: Uint8Array): void {
  const { payloads, fault, rest } = expectedPackets(stream);
  const tpkts = events.flatMap((event) => ('tpkt' in event ? [event.tpkt] : []));
  const lost = events.flatMap((event) => ('lost' in event ? [event.lost] : []));
  const wrong = payloads.findIndex((payload, i) => {
    return !sameOctets(payload, tpkts[i]?.subarray(4) ?? new Uint8Array(0));
  });
  must(wrong === -1, () => `TPKT ${wrong} came out with other octets`);
  if (fault === undefined) {
    must(tpkts.length === payloads.length, `${tpkts.length} TPKTs came out`);
    const reports = rest < stream.length ? 1 : 0;
    must(lost.length === reports, () => `${lost.length} reports: ${lost.join('; ')}`);
  } else {
    must(lost.length > 0, 'a fault was not reported');
  }
}

/** Whatever is missing, each TPKT that comes out has its length, and a stream with TPKTs reports its gaps. */
function judgeGaps(events: readonly CaptureEvent[], hasGap: boolean): void {
  const tpkts = events.flatMap((event) => ('tpkt' in event ? [event.tpkt] : []));
  for (const tpkt of tpkts) {
    must(tpkt.length === tpkt.readUInt16BE(2), 'a TPKT does not have its length');
  }
  const isReported = events.some((event) => 'lost' in event);
  must(tpkts.length === 0 || !hasGap || isReported, 'a gap was not reported');
}
