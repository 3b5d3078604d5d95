/**
 * Records which TSDUs were written and read, in which order. The octets of a TSDU are derived from its
 * direction and its number, so both sides know them.
 */

const BLOCK = 1 << 21;
const noise = Buffer.alloc(BLOCK);
for (let at = 0, state = 1; at < BLOCK; at += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  noise.writeUInt32LE(state, at);
}

/** The TSDUs that one side sends to the other. */
export class Direction {
  readonly #identity: number;
  /** Octets of each TSDU written. */
  readonly #sizes: number[] = [];
  /** Number of TSDUs that were read. */
  delivered = 0;
  /** Octets of the TSDUs that were read. */
  octets = 0;
  /** The first fault of a TSDU that was read. */
  fault: string | undefined;

  constructor(identity: number) {
    this.#identity = identity;
  }

  get written(): number {
    return this.#sizes.length;
  }

  /** The octets of the next TSDU; it counts as written once {@link wrote} is called. */
  next(size: number): Buffer {
    return octetsOf(this.#identity, this.#sizes.length, size);
  }

  wrote(size: number): void {
    this.#sizes.push(size);
  }

  /** Records a TSDU that was read, and checks it. */
  deliver(message: Buffer): void {
    const number = this.delivered;
    const size = this.#sizes[number];
    this.delivered += 1;
    this.octets += message.length;
    if (size === undefined) {
      this.fault ??= `TSDU ${number} of ${message.length} octets was read, but only ${this.written} were written`;
    } else if (message.length !== size) {
      this.fault ??= `TSDU ${number} has ${message.length} octets, but ${size} were written`;
    } else if (!message.equals(octetsOf(this.#identity, number, size))) {
      this.fault ??= `TSDU ${number} of ${size} octets is not the one that was written`;
    }
  }
}

function octetsOf(identity: number, number: number, size: number): Buffer {
  const start = (Math.imul(identity, 40_503) + Math.imul(number, 769)) >>> 0;
  const at = start % (BLOCK / 2);
  if (at + size <= BLOCK) {
    return noise.subarray(at, at + size);
  }
  const octets = Buffer.alloc(size);
  for (let from = 0; from < size; from += BLOCK) {
    noise.copy(octets, from);
  }
  return octets;
}
