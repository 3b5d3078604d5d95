/**
 * The memory that headers and small payloads are copied to before they are sent: regions of a block that all connections
 * share, and whole blocks that are used again.
 */
import { Fifo } from '../fifo.js';
import type { Allocate } from '../octets/collector.js';
import { NO_OCTETS } from '../octets/octets.js';

/**
 * Octets of the shared block. A piece that waits keeps its block alive, which is no more than what the
 * system holds for a peer that takes nothing.
 */
const SHARED_LENGTH = 65_536;

/** Octets of a whole block: a TSDU of 64 KiB, with the headers that even TPDUs of 128 octets need. */
const BLOCK_LENGTH = 69_632;

/** Most blocks that are kept for reuse, some 2 MiB: about what one fast connection has on its way. */
const MOST_KEPT = 32;

/**
 * Memory for what is copied before it is sent: headers and small payloads. One pool serves all connections
 * of a process, so that a thousand quiet ones do not each hold a block of their own, and that what is
 * written next is still in the cache of the processor.
 */
export class SendPool {
  /**
   * The block in which the region lies that was given out last. Regions of it are given out one after the other, each
   * once: what is in one stays as it is. Other classes only read it.
   */
  shared: Uint8Array = NO_OCTETS;
  readonly #allocate: Allocate;
  #used = 0;
  readonly #kept: Uint8Array[] = [];

  /** @param allocate gives each block memory of its own */
  constructor(allocate: Allocate) {
    this.#allocate = allocate;
  }

  /** Gives out a region of less than 32 KiB; returns where in the block it begins. */
  takeRegion(length: number): number {
    if (this.shared.length - this.#used < length) {
      this.shared = this.#allocate(SHARED_LENGTH);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return start;
  }

  /** A whole block. One that is not released is left to the garbage collector. */
  acquire(): Uint8Array {
    return this.#kept.pop() ?? this.newBlock();
  }

  /** A whole block that was never used. */
  newBlock(): Uint8Array {
    return this.#allocate(BLOCK_LENGTH);
  }

  /** Takes back a block that nobody reads any more. */
  release(block: Uint8Array): void {
    if (this.#kept.length < MOST_KEPT) {
      this.#kept.push(block);
    }
  }
}

/**
 * The whole blocks that one connection uses now: those whose piece waits, and those whose piece was taken but may still
 * be read by the stream. A block holds one piece, which begins at its first octet.
 */
export class WholeBlocks {
  readonly #pool: SendPool;
  /**
   * Blocks whose piece waits, in the order in which the pieces are taken. No `Map`: with one entry added and deleted for
   * each piece, V8 replaces its table again and again, and each old table keeps the next one until a full collection.
   */
  readonly #waiting = new Fifo<Uint8Array>();
  /** Blocks whose piece was taken. */
  #taken: Uint8Array[] = [];

  constructor(pool: SendPool) {
    this.#pool = pool;
  }

  /** Gives out a block, whose piece waits from now on. */
  acquire(): Uint8Array {
    const block = this.#pool.acquire();
    this.#waiting.push(block);
    return block;
  }

  /** A piece was taken. Most pieces are in no whole block. */
  take({ buffer }: Uint8Array): void {
    const block = this.#waiting.first;
    if (block?.buffer === buffer) {
      this.#waiting.shift();
      this.#taken.push(block);
    }
  }

  /** Nobody reads the taken pieces any more: their blocks return to the pool. */
  release(): void {
    if (this.#taken.length > 0) {
      for (const block of this.#taken) {
        this.#pool.release(block);
      }
      this.#taken = [];
    }
  }

  /** The pieces that wait will not be taken: their blocks are left to the garbage collector. */
  forgetWaiting(): void {
    this.#waiting.clear();
  }
}
