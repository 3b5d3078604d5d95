/**
 * Generates inputs: changes packets of the corpus in ways that parsers often handle wrongly, and cuts them as
 * TCP may. Knows where the length fields are, and no other rule of the protocol.
 */
import type { Corpus } from './corpus.js';
import { join, tpkt } from './octets.js';
import type { Prng } from './prng.js';

type Mutation = (octets: Uint8Array, prng: Prng, corpus: Corpus) => Uint8Array;

/** Octets with a meaning in some field: limits, codes, signs. */
const INTERESTING = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x07, 0x08, 0x0a, 0x0d, 0x10, 0x1f, 0x20, 0x40, 0x7f, 0x80,
  0x81, 0xc0, 0xc1, 0xc2, 0xc3, 0xe0, 0xf0, 0xf1, 0xfd, 0xfe, 0xff,
];

/** The codes of table 8 of X.224, and one that is not defined. */
const TPDU_CODES = [0xe0, 0xd0, 0x80, 0xc0, 0xf0, 0x10, 0x60, 0x20, 0x50, 0x70, 0x30];

/** Wrong values for a length field whose correct value is `length`, near it and at limits. */
function lengthsAround(length: number): number[] {
  return [0, 1, 2, 3, length - 1, length + 1, length * 2, 127, 128, 254, 255];
}

/** Largest LI (X.224 13.2.1). */
const MOST_LI = 254;

/** Offsets at which a variable part can begin: the length of each fixed part in octets, with LI. */
const VARIABLE_PARTS = [3, 5, 6, 7, 8, 10];

/** The mutations by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'flip a bit': (octets, prng) => change(octets, prng, (octet) => octet ^ (1 << prng.below(8))),
  'replace an octet': (octets, prng) => change(octets, prng, () => prng.below(256)),
  'replace an octet by an interesting one': (octets, prng) =>
    change(octets, prng, () => prng.pick(INTERESTING)),
  'insert an octet': (octets, prng) => {
    const at = prng.below(octets.length + 1);
    const octet = prng.chance(50) ? prng.pick(INTERESTING) : prng.below(256);
    return join(octets.subarray(0, at), Uint8Array.of(octet), octets.subarray(at));
  },
  'delete an octet': (octets, prng) => {
    const at = prng.below(octets.length);
    return join(octets.subarray(0, at), octets.subarray(at + 1));
  },
  truncate: (octets, prng) => octets.slice(0, prng.below(octets.length + 1)),
  'delete some': (octets, prng) => {
    const at = prng.below(octets.length);
    return join(octets.subarray(0, at), octets.subarray(at + prng.between(1, 8)));
  },
  'repeat some': (octets, prng) => {
    const start = prng.below(octets.length);
    const some = octets.subarray(start, start + prng.between(1, 16));
    const times = prng.chance(5) ? prng.between(1, 64) : prng.between(1, 3);
    return join(
      octets.subarray(0, start),
      ...Array.from({ length: times }, () => some),
      octets.subarray(start),
    );
  },
  splice: (octets, prng, corpus) => {
    const other = prng.pick(corpus);
    return join(
      octets.subarray(0, prng.below(octets.length + 1)),
      other.subarray(prng.below(other.length + 1)),
    );
  },
  'change LI': (octets, prng) => {
    const copy = octets.slice();
    if (copy.length > 0) {
      copy[0] = prng.pick(lengthsAround(octets.length - 1));
    }
    return copy;
  },
  'right LI': (octets) => {
    const copy = octets.slice();
    if (copy.length > 0) {
      copy[0] = Math.min(254, octets.length - 1);
    }
    return copy;
  },
  'change the length of a parameter': (octets, prng) => {
    const copy = octets.slice();
    const at = parameterAt(octets, prng);
    if (at + 1 < copy.length) {
      copy[at + 1] = prng.pick(lengthsAround(copy[at + 1] ?? 0));
    }
    return copy;
  },
  'lengthen a parameter until the header is nearly full': (octets, prng) => {
    const at = parameterAt(octets, prng);
    const li = octets[0] ?? 0;
    const most = Math.min(MOST_LI - li, MOST_LI - (octets[at + 1] ?? 0));
    if (at + 1 >= octets.length || most <= 0) {
      return octets;
    }
    const more = Math.max(0, most - prng.below(12));
    const copy = join(octets.subarray(0, at + 2), prng.octets(more), octets.subarray(at + 2));
    copy[0] = li + more;
    copy[at + 1] = (octets[at + 1] ?? 0) + more;
    return copy;
  },
  'change the code of a parameter': (octets, prng) => {
    const copy = octets.slice();
    const at = parameterAt(octets, prng);
    if (at < copy.length) {
      copy[at] = prng.pick(INTERESTING);
    }
    return copy;
  },
  'change the TPDU code': (octets, prng) => {
    const copy = octets.slice();
    if (copy.length > 1) {
      copy[1] = prng.pick(TPDU_CODES) | (prng.chance(20) ? prng.below(16) : 0);
    }
    return copy;
  },
  'append octets': (octets, prng) => join(octets, prng.octets(prng.between(1, 40))),
};

const ALL = Object.values(MUTATIONS);

function change(octets: Uint8Array, prng: Prng, by: (octet: number) => number): Uint8Array {
  const copy = octets.slice();
  const at = prng.below(copy.length);
  if (at < copy.length) {
    copy[at] = by(copy[at] ?? 0);
  }
  return copy;
}

/** Offset of one of the parameters, according to the lengths in the octets. */
function parameterAt(octets: Uint8Array, prng: Prng): number {
  const offsets: number[] = [];
  for (let at = prng.pick(VARIABLE_PARTS); at < octets.length; at += 2 + (octets[at + 1] ?? 0)) {
    offsets.push(at);
  }
  return offsets.length === 0 ? octets.length : prng.pick(offsets);
}

/** One TPDU of the corpus, mutated one to four times. */
export function mutatedTpdu(prng: Prng, corpus: Corpus): Uint8Array {
  return mutated(prng.pick(corpus), prng, corpus);
}

/** The payload of a TPKT, mutated one to four times. */
export function mutated(payload: Uint8Array, prng: Prng, corpus: Corpus): Uint8Array {
  let octets = payload;
  for (let times = prng.chance(60) ? 1 : prng.between(2, 4); times > 0; times -= 1) {
    octets = prng.pick(ALL)(octets, prng, corpus);
  }
  return octets.slice(0, 65_531);
}

/** A stream of packets and how many of them are mutated. */
export interface Stream {
  readonly chunks: readonly Uint8Array[];
  readonly mutated: number;
}

/** One to four mutated packets, sometimes after an unchanged one, cut at random places. */
export function mutatedStream(prng: Prng, corpus: Corpus): Stream {
  const count = prng.chance(50) ? 1 : prng.between(2, 4);
  const packets = Array.from({ length: count }, () => framed(mutatedTpdu(prng, corpus), prng));
  if (prng.chance(30)) {
    packets.unshift(tpkt(prng.pick(corpus)));
  }
  return { chunks: cut(join(...packets), prng), mutated: count };
}

/** Puts a payload into a TPKT, whose header is right in so many percent of cases. */
export function framed(payload: Uint8Array, prng: Prng, right = 85): Uint8Array {
  const packet = tpkt(payload);
  if (prng.chance(right)) {
    return packet;
  }
  const length = packet.length;
  const wrong = prng.pick([0, 3, 4, 6, 7, 8, length - 1, length + 1, 0x7fff, 0x8000, 0xffff]);
  switch (prng.below(3)) {
    case 0:
      packet[0] = prng.pick(INTERESTING);
      break;
    case 1:
      packet[1] = prng.below(256);
      break;
    default:
      packet[2] = wrong >> 8;
      packet[3] = wrong & 0xff;
  }
  return packet;
}

/** Cuts octets as TCP may: not at all, after every octet, or at random places. */
export function cut(octets: Uint8Array, prng: Prng): readonly Uint8Array[] {
  const kind = prng.below(10);
  if (kind < 4 || octets.length === 0) {
    return [octets];
  }
  if (kind === 4) {
    return Array.from(octets.subarray(0, 512), (octet, i) =>
      i === 511 ? octets.slice(511) : Uint8Array.of(octet),
    );
  }
  const cuts = Array.from({ length: prng.between(1, 6) }, () => prng.below(octets.length + 1));
  const bounds = [0, ...cuts.sort((a, b) => a - b), octets.length];
  return bounds.slice(1).map((end, i) => octets.slice(bounds[i], end));
}
