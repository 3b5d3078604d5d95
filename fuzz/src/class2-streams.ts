/**
 * Streams of class 2: TPDUs that name the references of a connection, several of them in one TPKT, mixed with
 * mutated ones and with the corpus, and cut anywhere.
 */
import type { Corpus } from './corpus.js';
import { cut, framed, mutated, type Stream } from './mutate.js';
import { join } from './octets.js';
import type { Prng } from './prng.js';

/** The references that the streams name: that of the connection under test, and that of its peer. */
export const OURS = 0x1234;
export const THEIRS = 0x0077;

const MOST_PACKETS = 8;
/** TPDUs that may stand before another one in a TPKT (X.224 6.4). */
const MOST_CONCATENATED = 3;

/** Values of 0xC6: none, expedited data, EA too, and bits that nobody here asks for. */
const OPTION_BITS = [0x00, 0x01, 0x01, 0x21, 0x21, 0x09, 0x41, 0x61, 0x20];
/** Values of octet 7 of CR and CC. */
const CLASS_OCTETS = [0x21, 0x21, 0x21, 0x21, 0x20, 0x23, 0x29, 0x00, 0x01, 0x41];
const REASONS = [128, 128, 128, 0, 1, 3, 130, 133, 136, 255];

/** One to eight packets of class 2, of which some are mutated or from the corpus. */
export function class2Stream(prng: Prng, corpus: Corpus): Stream {
  const packets = Array.from({ length: prng.between(1, MOST_PACKETS) }, () => {
    const kind = prng.below(10);
    if (kind < 6) {
      return framed(nsdu(prng), prng, 98);
    }
    return framed(mutated(kind < 9 ? nsdu(prng) : prng.pick(corpus), prng, corpus), prng);
  });
  return { chunks: cut(join(...packets), prng), mutated: packets.length };
}

/** The payload of one TPKT: perhaps some TPDUs without user data, and one more. */
function nsdu(prng: Prng): Uint8Array {
  const before = prng.chance(60) ? 0 : prng.between(1, MOST_CONCATENATED);
  return join(
    ...Array.from({ length: before }, () => prng.pick(CONCATENATED)(prng)),
    prng.pick(LAST)(prng),
  );
}

type Make = (prng: Prng) => Uint8Array;

const ea: Make = (prng) => tpdu([0x20, ...dstRef(prng), prng.below(128)]);
const dc: Make = (prng) => tpdu([0xc0, ...dstRef(prng), ...srcRef(prng)]);
const er: Make = (prng) =>
  tpdu([0x70, ...dstRef(prng), prng.below(4), ...(prng.chance(50) ? [0xc1, 2, 2, 0xf0] : [])]);
const ak: Make = (prng) => tpdu([0x60, ...dstRef(prng), prng.below(128)]);
const dt: Make = (prng) =>
  tpdu(
    [0xf0, ...dstRef(prng), prng.chance(60) ? 0x80 : 0],
    prng.pick([0, 1, 1, 5, 40, 2_000]),
    prng,
  );
const ed: Make = (prng) =>
  tpdu([0x10, ...dstRef(prng), 0x80 | prng.below(128)], prng.pick([1, 1, 5, 16, 16, 0, 17]), prng);
const dr: Make = (prng) => {
  const info = prng.pick([[], [0xe0, 1, 0x80], [0xe0, 1, 0x80], [0xe0, 1, 0xc0], [0xe0, 0]]);
  const header = [0x80, ...dstRef(prng), ...srcRef(prng), prng.pick(REASONS), ...info];
  return tpdu(header, prng.pick([0, 0, 1, 64, 65]), prng);
};
const cr: Make = (prng) => {
  const alternatives = prng.chance(60) ? [0xc7, 1, 0] : [];
  const octet7 = prng.pick(CLASS_OCTETS);
  return tpdu([0xe0, 0, 0, ...srcRef(prng), octet7, ...negotiated(prng), ...alternatives]);
};
const cc: Make = (prng) =>
  tpdu([0xd0, ...dstRef(prng), ...srcRef(prng), prng.pick(CLASS_OCTETS), ...negotiated(prng)]);

const CONCATENATED: readonly Make[] = [ea, ea, ea, dc, er, ak];
const LAST: readonly Make[] = [dt, dt, dt, dt, ed, ed, ed, ea, dr, dr, dc, cr, cc, er];

/** A size and additional options, as a CR or CC states them. */
function negotiated(prng: Prng): readonly number[] {
  return [
    0xc0,
    1,
    prng.pick([7, 10, 11]),
    ...(prng.chance(80) ? [0xc6, 1, prng.pick(OPTION_BITS)] : []),
  ];
}

/** LI, the header, and so many octets of user data. */
function tpdu(header: readonly number[], length = 0, prng?: Prng): Uint8Array {
  return join(
    Uint8Array.of(header.length, ...header),
    prng === undefined ? new Uint8Array(0) : new Uint8Array(length).fill(prng.below(256)),
  );
}

function dstRef(prng: Prng): readonly number[] {
  return reference(prng, OURS, THEIRS);
}

function srcRef(prng: Prng): readonly number[] {
  return reference(prng, THEIRS, OURS);
}

/** Mostly the right one. */
function reference(prng: Prng, right: number, wrong: number): readonly number[] {
  const chosen = prng.chance(88) ? right : prng.pick([0, wrong, right + 1]);
  return [chosen >> 8, chosen & 0xff];
}
