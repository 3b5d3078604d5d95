/**
 * The whole blocks of one send buffer: those whose piece waits, and those whose piece was taken but may still be read by
 * the stream. A block holds one piece, which begins at its first octet.
 */
import { Fifo } from '../fifo.js';
import type { SendPool } from './send-buffer.js';

/** The whole blocks that one connection uses now. */
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
