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
  /** Octets of the TSDUs and of the expedited data written. */
  octetsWritten = 0;
  /** Items of expedited data delivered. */
  expeditedDelivered = 0;
  /** The writer drops what is queued when it ends the connection. */
  isDropped = false;
  /** Octets of each item of expedited data, and how many TSDUs were written before it. */
  readonly #expedited: { readonly size: number; readonly before: number }[] = [];

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
    this.octetsWritten += size;
  }

  get expeditedWritten(): number {
    return this.#expedited.length;
  }

  /** The octets of the next item of expedited data; it counts as written once {@link wroteExpedited} is called. */
  nextExpedited(): Buffer {
    return expeditedOf(this.#identity, this.#expedited.length);
  }

  wroteExpedited(size: number): void {
    this.#expedited.push({ size, before: this.#sizes.length });
    this.octetsWritten += size;
  }

  /**
   * A reader got this item. One that is read late says nothing of when it came; one that the library passes on must not
   * come behind a TSDU that was written after it.
   */
  deliverExpedited(data: Buffer, isLate: boolean): void {
    const number = this.expeditedDelivered;
    const item = this.#expedited[number];
    this.expeditedDelivered += 1;
    if (item === undefined) {
      this.fault ??= `expedited data ${number} was read, and only ${this.expeditedWritten} were written`;
    } else if (!data.equals(expeditedOf(this.#identity, number))) {
      this.fault ??= `expedited data ${number} of ${item.size} octets is not the one that was written`;
    } else if (!isLate && this.delivered > item.before) {
      this.fault ??= `expedited data ${number} came after ${this.delivered} TSDUs, ${item.before} were written before it`;
    }
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

/** 1 to 16 octets. */
function expeditedOf(identity: number, number: number): Buffer {
  return octetsOf(identity ^ EXPEDITED, number, 1 + (number % MOST_EXPEDITED));
}

const MOST_EXPEDITED = 16;
/** Expedited data has other octets than the TSDUs. */
const EXPEDITED = 0x0ed0;
