/**
 * Blocks of memory that one outbox is lent while much waits in it, until what it copied to them has been
 * taken. Fresh memory for each would cost more than the copy: the system has to find and clear it.
 */
import type { SendBlocks } from './send-blocks.js';

/** The loans of one outbox. Each block holds one piece, from its first octet on. */
export class Loans {
  readonly #blocks: SendBlocks;
  /** Those whose piece waits in the outbox, by their memory, which no two of them share. */
  readonly #waiting = new Map<ArrayBufferLike, Uint8Array>();
  /** Those whose piece has left it and may not yet be taken. */
  #handedOver: Uint8Array[] = [];

  constructor(blocks: SendBlocks) {
    this.#blocks = blocks;
  }

  /** One more block. */
  borrow(): Uint8Array {
    const block = this.#blocks.lend();
    this.#waiting.set(block.buffer, block);
    return block;
  }

  /** A piece leaves the outbox, in a block of these or not. */
  handOver(piece: Uint8Array): void {
    const block = this.#waiting.get(piece.buffer);
    if (block !== undefined) {
      this.#waiting.delete(piece.buffer);
      this.#handedOver.push(block);
    }
  }

  /** Nobody looks any more at the octets of any piece that was handed over. */
  taken(): void {
    if (this.#handedOver.length === 0) {
      return;
    }
    for (const block of this.#handedOver) {
      this.#blocks.giveBack(block);
    }
    this.#handedOver = [];
  }

  /** Gives none of them back: nobody knows who may still look at them. */
  clear(): void {
    this.#waiting.clear();
    this.#handedOver = [];
  }
}
