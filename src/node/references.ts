/**
 * The transport references of this process: one pool, since X.224 6.5.4 a wants them unique in a
 * transport entity and not only on one TCP connection.
 */
import type { Duplex } from 'node:stream';
import { References } from '../core/references.js';
import { whenClosed } from './stream-closed.js';

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
