/**
 * The transport references of this process. One pool serves all connections, since X.224 6.5.4 a requires that
 * references are unique within a transport entity, not only on one TCP connection.
 */
import type { Duplex } from 'node:stream';
import { whenClosed } from './stream/streams.js';

/** References are 16 bits; 0 means none. */
const REFERENCE_COUNT = 0xffff;

/** The references of one transport entity. */
export class References {
  readonly #inUse = new Set<number>();

  /** References in use. */
  get size(): number {
    return this.#inUse.size;
  }

  /**
   * Takes a free reference 1 to 65535, at or after the one that `random` (0 up to, not including,
   * 1) points at: some peers mind a reference seen shortly before, and a guess is made harder.
   *
   * @returns `undefined` when all 65535 are in use
   */
  //= X.224 6.5.4 a 1
  //= X.224 6.5.4 a 2
  take(random: number): number | undefined {
    if (this.#inUse.size === REFERENCE_COUNT) {
      return undefined;
    }
    let reference = 1 + Math.floor(random * REFERENCE_COUNT);
    while (this.#inUse.has(reference)) {
      reference = (reference % REFERENCE_COUNT) + 1;
    }
    this.#inUse.add(reference);
    return reference;
  }

  /** Releases a reference. Freezing is not required in class 0 (X.224 6.18). */
  //= X.224 6.18.2.1
  release(reference: number): void {
    this.#inUse.delete(reference);
  }
}

const references = new References();

/**
 * A reference for a connection on this stream; it is free again when the stream closes.
 *
 * @returns `undefined` when all 65535 are in use
 */
export function takeReference(stream: Duplex): number | undefined {
  const reference = references.take(Math.random());
  if (reference !== undefined) {
    whenClosed(stream, () => references.release(reference));
  }
  return reference;
}
