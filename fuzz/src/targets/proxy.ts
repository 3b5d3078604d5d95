/**
 * Target `proxy`: the PROXY header before the first packet. The mutated octets stand behind the beginning of a header, in
 * each place where a reader could trust them.
 */
import { ProtocolError } from '../../../dist/core/errors.js';
import {
  beginsWithProxyHeader,
  ProxyHeaderReader,
  readProxyHeader,
} from '../../../dist/core/proxy-protocol/header.js';
import { join, sameOctets } from '../octets.js';
import { must, type Target } from '../target.js';

const SIGNATURE = Uint8Array.from(Buffer.from('0d0a0d0a000d0a515549540a', 'hex'));
const IPV4 = Uint8Array.from(Buffer.from('c0000201c6336402d4310066', 'hex'));
const line = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

/** A header of version 2 of these octets, with the right length. */
function version2(kind: number, ...rest: readonly Uint8Array[]): Uint8Array {
  const { length } = join(...rest);
  const fixed = Uint8Array.of(0x21, kind, (length >> 8) & 0xff, length & 0xff);
  return join(SIGNATURE, fixed, ...rest);
}

/** What is before the octets of the input, or around them. */
const SCENARIOS: Readonly<Record<string, (octets: Uint8Array) => Uint8Array>> = {
  'as they are': (octets) => octets,
  'a line': (octets) => join(line('PROXY '), octets),
  'an unknown client': (octets) => join(line('PROXY UNKNOWN'), octets, line('\r\n')),
  'the addresses of a line': (octets) => join(line('PROXY TCP6 '), octets, line('\r\n')),
  'a signature': (octets) => join(SIGNATURE, octets),
  'addresses of version 2': (octets) => version2(0x11, octets),
  'fields of version 2': (octets) => version2(0x11, IPV4, octets),
  'no family': (octets) => version2(0x00, octets),
  'a header and data': (octets) => join(version2(0x11, IPV4), octets),
};

/** How the octets were read. */
interface Outcome {
  readonly result: string;
  /** Octets behind the header. */
  readonly rest: Uint8Array | undefined;
}

export function proxyTarget(): Target {
  return {
    name: 'proxy',
    takes: 'stream',
    scenarios: Object.keys(SCENARIOS),
    run: (scenario, chunks) => {
      const place = SCENARIOS[scenario] as (octets: Uint8Array) => Uint8Array;
      judge(place(join(...chunks)), chunks);
    },
  };
}

function judge(stream: Uint8Array, chunks: readonly Uint8Array[]): void {
  const whole = outcomeOf([stream]);
  const inPieces = outcomeOf(cutLike(stream, chunks));
  must(
    whole.result === inPieces.result,
    () => `whole: ${whole.result}, in pieces: ${inPieces.result}`,
  );
  must(
    whole.rest === undefined || sameOctets(whole.rest, inPieces.rest ?? new Uint8Array(0)),
    'the octets behind the header differ',
  );
  const isHeader = beginsWithProxyHeader(stream);
  must(
    !(whole.result.startsWith('{') && isHeader !== true),
    'a header was read that does not begin as one',
  );
  must(
    (isHeader === false) === whole.result.startsWith('proxy-missing'),
    () => `it begins as a header: ${isHeader}, but it is read as ${whole.result}`,
  );
}

/** Cuts the stream where the input was cut, and everything behind in pieces of the last size. */
function cutLike(stream: Uint8Array, chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < stream.length; i += 1) {
    const length = Math.max(1, (chunks[i] ?? chunks.at(-1))?.length ?? 1);
    pieces.push(stream.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function outcomeOf(chunks: readonly Uint8Array[]): Outcome {
  const reader = new ProxyHeaderReader();
  for (const [i, chunk] of chunks.entries()) {
    try {
      const read = reader.push(chunk);
      if (read !== undefined) {
        const { header, rest } = read;
        must(readProxyHeader(join(...chunks))?.length === header.length, 'the length differs');
        const tlvs = header.tlvs.map(({ type, value }) => [type, ...value]);
        const result = JSON.stringify({ ...header, tlvs });
        return { result, rest: join(rest, ...chunks.slice(i + 1)) };
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      return { result: `${error.fault} at ${error.octet}`, rest: undefined };
    }
  }
  return { result: `incomplete after ${reader.length}`, rest: undefined };
}
