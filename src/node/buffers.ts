/**
 * Octets of core as the Buffers of Node: where they come from, and the same ones under another type.
 */
// Imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import { SendPool } from '../core/data-transfer/send-pool.js';
import type { Allocate, MakeView } from '../core/octets/collector.js';
import { wrongType } from './options/rows.js';

/** Octet strings of this many octets or more begin {@link SHIFT} octets into their memory. */
const SHIFTED_FROM = 16_384;

/**
 * The system gives memory of one size at nearly the same place of a page each time. In a copy between
 * two such places each load seems to depend on the store just before it, because a processor first
 * compares only where in a page the two lie: 64 KiB then take up to four times as long. A line of the
 * cache further on they do not (docs/performance-notes.md).
 */
const SHIFT = 64;

/** Not zeroed, and small ones from Node's pool: every octet is written before it is read. */
export const allocate: Allocate = (length) =>
  length < SHIFTED_FROM
    ? Buffer.allocUnsafe(length)
    : Buffer.allocUnsafeSlow(SHIFT + length).subarray(SHIFT);

/**
 * The class that `subarray` of a Buffer makes its views of, as ECMAScript lets any class derived from
 * a typed array say: a Buffer in all respects.
 */
const BufferView: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Buffer = (
  Buffer as unknown as { [Symbol.species]: typeof BufferView }
)[Symbol.species];

/** A Buffer over memory that is there. `Buffer.from` would judge the arguments again each time. */
export const view: MakeView<Buffer> = (buffer, byteOffset, length) =>
  new BufferView(buffer, byteOffset, length);

/** One for all connections of the process. */
export const sendPool: SendPool = new SendPool(Buffer.allocUnsafeSlow);

/** The same octets as a Buffer; octets that came from a socket are one already. */
export function toBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets)
    ? octets
    : Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}

/**
 * What a stream of the user gives, as a Buffer.
 *
 * @throws TypeError for what is neither octets nor a string
 */
export function asBuffer(chunk: unknown): Buffer {
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, 'latin1');
  }
  if (!(chunk instanceof Uint8Array)) {
    throw wrongType('what the stream gives', 'octets', chunk);
  }
  return toBuffer(chunk);
}

/** A Buffer of its own, which keeps no larger one alive. */
export function copyToBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets);
}
