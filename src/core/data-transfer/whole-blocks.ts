/**
 * The whole blocks of one send buffer: those whose piece waits, and those whose piece was taken but may still be read by
 * the stream. A block holds one piece, which begins at its first octet.
 */
import type { SendPool } from './send-buffer.js';

/** The whole blocks that one connection uses now. */
export class WholeBlocks {
  readonly #pool: SendPool;
  /** Blocks whose piece waits, by their memory. */
  readonly #waiting = new Map<ArrayBufferLike, Uint8Array>();
  /** Blocks whose piece was taken. */
  #taken: Uint8Array[] = [];

  constructor(pool: SendPool) {
    this.#pool = pool;
  }

  /** Gives out a block, whose piece waits from now on. */
  acquire(): Uint8Array {
    const block = this.#pool.acquire();
    this.#waiting.set(block.buffer, block);
    return block;
  }

  /** A piece was taken. Most pieces are in no whole block. */
  take({ buffer }: Uint8Array): void {
    const block = this.#waiting.get(buffer);
    if (block !== undefined) {
      this.#waiting.delete(buffer);
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
