/**
 * Room for what is copied before it is sent: headers and small payloads. One room serves all
 * connections of a process, so that a thousand quiet ones do not each hold a block of their own, and
 * that what is written next is still in the cache of the processor.
 */
import type { Allocate } from './octet-collector.js';
import { NO_OCTETS } from './octets.js';

/**
 * Octets of a block. A piece that waits keeps its block alive, which is no more than what the system
 * holds for a peer that takes nothing.
 */
const BLOCK_LENGTH = 65_536;

/** Octets of a block that is lent: a TSDU of 64 KiB, with the headers that even TPDUs of 128 octets need. */
const LENT_LENGTH = 69_632;

/** Most blocks that are kept to be lent again, some 2 MiB: about what one fast connection has on its way. */
const MOST_KEPT = 32;

/**
 * Gives out regions of blocks, one after the other. A region is given out once and never again: what
 * is in it stays as it is for as long as anybody holds it. Whole blocks are lent, and used again once they
 * are given back.
 */
export class SendBlocks {
  readonly #allocate: Allocate;
  #block: Uint8Array = NO_OCTETS;
  #used = 0;
  readonly #kept: Uint8Array[] = [];

  /** @param allocate gives each block memory of its own */
  constructor(allocate: Allocate) {
    this.#allocate = allocate;
  }

  /** The block that the region given out last lies in. */
  get block(): Uint8Array {
    return this.#block;
  }

  /** Gives out a region of at most a few thousand octets, and says where in the block it begins. */
  take(length: number): number {
    if (this.#block.length - this.#used < length) {
      this.#block = this.#allocate(BLOCK_LENGTH);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return start;
  }

  /** Lends a whole block. One that is not given back is left to the garbage collector. */
  lend(): Uint8Array {
    return this.#kept.pop() ?? this.#allocate(LENT_LENGTH);
  }

  /** Takes back a block that nobody looks at any more. */
  giveBack(block: Uint8Array): void {
    if (this.#kept.length < MOST_KEPT) {
      this.#kept.push(block);
    }
  }
}
