/**
 * Target `splitter`: compares the splitter with a reference reader that gets the whole stream at once.
 */
import { ProtocolError } from '../../../dist/core/errors.js';
import { type PacketReceiver, TpktSplitter } from '../../../dist/core/tpkt/splitter.js';
import { join, sameOctets, TPKT_HEADER_LENGTH } from '../octets.js';
import { must, type Target } from '../target.js';

/** The members of a splitter that the target uses. */
export interface SplitterLike {
  maxLength: number;
  readonly atBoundary: boolean;
  pending(): readonly Uint8Array[];
  push(chunk: Uint8Array): void;
  resume(): boolean;
}

/** Longest packet that each scenario accepts, in octets. */
const LIMITS: Readonly<Record<string, number>> = { full: 65_535, control: 323 };

/** The expected result of a stream: its payloads, and the fault that ends it, if any. */
export interface Expected {
  readonly payloads: readonly Uint8Array[];
  readonly fault: { readonly name: string; readonly octet: number } | undefined;
  /** Offset of the remaining octets. */
  readonly rest: number;
}

/** The reference reader: RFC 1006 §6 in the simplest form. */
export function expectedPackets(stream: Uint8Array, maxLength = 65_535): Expected {
  const payloads: Uint8Array[] = [];
  let at = 0;
  while (at < stream.length) {
    if (stream[at] !== 3) {
      return { payloads, fault: { name: 'tpkt-version', octet: at + 1 }, rest: at };
    }
    if (stream.length - at < TPKT_HEADER_LENGTH) {
      break;
    }
    const length = (stream[at + 2] ?? 0) * 256 + (stream[at + 3] ?? 0);
    if (length < 7 || length > maxLength) {
      return { payloads, fault: { name: 'tpkt-length', octet: at + 3 }, rest: at };
    }
    if (stream.length - at < length) {
      break;
    }
    payloads.push(stream.subarray(at + TPKT_HEADER_LENGTH, at + length));
    at += length;
  }
  return { payloads, fault: undefined, rest: at };
}

/** One chunk for each packet, and one for the rest. */
export function packetByPacket(stream: Uint8Array): readonly Uint8Array[] {
  const { payloads, rest } = expectedPackets(stream);
  let at = 0;
  const packets = payloads.map(({ length }) => {
    const start = at;
    at += length + TPKT_HEADER_LENGTH;
    return stream.subarray(start, at);
  });
  return rest < stream.length ? [...packets, stream.subarray(rest)] : packets;
}

/** @param make the splitter under test; another one for tests of the fuzzer itself */
export function splitterTarget(
  make: (receiver: PacketReceiver) => SplitterLike = (receiver) => new TpktSplitter(receiver),
): Target {
  return {
    name: 'splitter',
    takes: 'stream',
    scenarios: ['full', 'control', 'full with stops', 'control with stops'],
    run: (scenario, chunks) => judge(make, scenario, chunks),
  };
}

function judge(
  make: (receiver: PacketReceiver) => SplitterLike,
  scenario: string,
  chunks: readonly Uint8Array[],
): void {
  const payloads: Uint8Array[] = [];
  const goesOn = () => !scenario.endsWith('stops') || payloads.length % 2 === 0;
  const splitter = make({
    packet: (chunk, start, end) => {
      payloads.push(chunk.octets.slice(start, end));
      return goesOn();
    },
    packetInPieces: (pieces) => {
      payloads.push(join(...pieces.pieces()).subarray(TPKT_HEADER_LENGTH));
      return goesOn();
    },
  });
  splitter.maxLength = LIMITS[scenario.split(' ')[0] ?? ''] ?? 65_535;
  let fault: ProtocolError | undefined;
  try {
    for (const chunk of chunks) {
      splitter.push(chunk);
      while (splitter.resume()) {}
      const held = [...new Set(splitter.pending().map(({ buffer }) => buffer))];
      const octets = held.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const most = 2 * total(chunks) + 1_024;
      must(
        octets <= most,
        () => `the splitter keeps ${octets} octets for an input of ${total(chunks)}`,
      );
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) {
      throw error;
    }
    fault = error;
  }
  const stream = join(...chunks);
  const expected = expectedPackets(stream, splitter.maxLength);
  must(
    payloads.length === expected.payloads.length,
    () => `${payloads.length} packets came out, ${expected.payloads.length} were expected`,
  );
  const wrong = payloads.findIndex((payload, i) => {
    return !sameOctets(payload, expected.payloads[i] ?? new Uint8Array(0));
  });
  must(wrong === -1, () => `packet ${wrong} came out with other octets`);
  must(
    fault?.fault === expected.fault?.name && fault?.octet === expected.fault?.octet,
    () =>
      `the fault is ${fault?.fault} at ${fault?.octet}, ` +
      `${expected.fault?.name} at ${expected.fault?.octet} was expected`,
  );
  if (fault === undefined) {
    const rest = join(...splitter.pending());
    must(sameOctets(rest, stream.subarray(expected.rest)), 'the remaining octets differ');
    must(splitter.atBoundary === (rest.length === 0), 'atBoundary is wrong');
  }
}

function total(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}
