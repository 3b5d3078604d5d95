/**
 * Expedited data of one end of a connection: each item says how many TSDUs its sender had written before it, so that
 * the receiver notices one that comes later than it may.
 */
import type { Tally } from './tally.js';

/** Octets: the stream, the number of the item, and the TSDUs written before it. */
export const ITEM_LENGTH = 12;

/** What one end has sent and received. */
export class ExpeditedCheck {
  /** TSDUs that this end has written, and that it has read. */
  written = 0;
  read = 0;
  /** Items received. */
  received = 0;
  readonly #stream: number;
  readonly #tally: Tally;
  #sent = 0;

  constructor(stream: number, tally: Tally) {
    this.#stream = stream;
    this.#tally = tally;
  }

  /** Items sent. */
  get sent(): number {
    return this.#sent;
  }

  /** The next item to send. */
  next(): Buffer {
    const item = Buffer.alloc(ITEM_LENGTH);
    item.writeUInt32BE(this.#stream);
    item.writeUInt32BE(this.#sent, 4);
    item.writeUInt32BE(this.written, 8);
    this.#sent += 1;
    return item;
  }

  /** An item has come: in order, and not behind a TSDU that was written after it. */
  check(item: Buffer): void {
    const isWhole = item.length === ITEM_LENGTH && item.readUInt32BE() === this.#stream;
    if (!isWhole || item.readUInt32BE(4) !== this.received) {
      this.#tally.fault(`expedited data ${item.toString('hex')} came in place of ${this.received}`);
    } else if (this.read > item.readUInt32BE(8)) {
      const before = item.readUInt32BE(8);
      this.#tally.fault(`expedited data came behind TSDU ${this.read}, written behind ${before}`);
    }
    this.received += 1;
    this.#tally.arrived(item.length);
  }
}
