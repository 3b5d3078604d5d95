/**
 * The TSDUs that are sent. Their sizes and octets are derived from a stream number and a position in the
 * stream, so both ends know every octet in advance.
 */

const MEBIBYTE = 1_048_576;

/** TSDUs are views of this random block. A lost, repeated or moved octet is therefore noticed. */
const BLOCK: Buffer = randomBlock(MEBIBYTE + 65_536);

/** Sizes of TSDUs: the percentage up to here, and the largest size in octets. */
const SIZES: readonly (readonly [number, number])[] = [
  [5, 1],
  [60, 256],
  [85, 4_096],
  [98, 65_536],
  [100, MEBIBYTE],
];

/** The TSDUs of one direction of one connection, in order. */
export class Sequence {
  #state: number;

  constructor(stream: number) {
    this.#state = mix(stream + 1);
  }

  next(): Buffer {
    const kind = this.#word() % 100;
    const [, most = 1] = SIZES.find(([percent]) => kind < percent) ?? [];
    const size = 1 + (this.#word() % most);
    const offset = this.#word() % (BLOCK.length - size);
    return BLOCK.subarray(offset, offset + size);
  }

  #word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix(this.#state);
  }
}

/** The finisher of MurmurHash3. */
function mix(value: number): number {
  let word = value >>> 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

function randomBlock(length: number): Buffer {
  const block = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) {
    block.writeUInt32LE(mix(i + 1), i);
  }
  return block;
}
