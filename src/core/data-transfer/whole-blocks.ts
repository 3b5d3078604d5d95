/**
 * The whole blocks of one send buffer: those whose octets wait, and those whose octets were taken and may still
 * be read. Each holds one piece, from its first octet on.
 */
import type { SendPool } from './send-buffer.js';

/** Whole blocks on their way; made for the connections that need one. */
export class WholeBlocks {
  readonly #pool: SendPool;
  /** Those whose piece waits, by their memory. */
  readonly #waiting = new Map<ArrayBufferLike, Uint8Array>();
  /** Those whose piece was taken. */
  #taken: Uint8Array[] = [];

  constructor(pool: SendPool) {
    this.#pool = pool;
  }

  /** Another block, whose piece waits from now on. */
  acquire(): Uint8Array {
    const block = this.#pool.acquire();
    this.#waiting.set(block.buffer, block);
    return block;
  }

  /** A piece was taken; most lie in no whole block. */
  take({ buffer }: Uint8Array): void {
    const block = this.#waiting.get(buffer);
    if (block !== undefined) {
      this.#waiting.delete(buffer);
      this.#taken.push(block);
    }
  }

  /** Nobody reads any more the octets of any piece that was taken. */
  release(): void {
    if (this.#taken.length > 0) {
      for (const block of this.#taken) {
        this.#pool.release(block);
      }
      this.#taken = [];
    }
  }

  /** What waits will not be taken: its blocks are left to the garbage collector. */
  forgetWaiting(): void {
    this.#waiting.clear();
  }
}
