/** Collects the octets of a file until a record of it is complete. */
import { DamagedFile } from './packet.js';

/** Longest record that is read, in octets: four times the largest snap length of common programs. */
export const MAX_RECORD: number = 1024 * 1024;

/** The octets of a file that were read and not used. */
export class RecordBuffer {
  #rest: Buffer = Buffer.alloc(0);
  /** Octets to ignore before the next record. */
  #toSkip = 0;
  #position = 0;

  /** Offset in the file of the next octet. */
  get position(): number {
    return this.#position;
  }

  /** True if no octet of a further record was read. */
  get isEmpty(): boolean {
    return this.#rest.length === 0 && this.#toSkip === 0;
  }

  append(octets: Buffer): void {
    this.#rest = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    this.#drop(0);
  }

  /** The next octets, which stay; `undefined` until so many were read. */
  peek(length: number): Buffer | undefined {
    return this.#toSkip > 0 || this.#rest.length < length
      ? undefined
      : this.#rest.subarray(0, length);
  }

  /** The next record, which is removed; `undefined` until it is complete. */
  take(length: number): Buffer | undefined {
    if (length > MAX_RECORD) {
      throw this.damaged(`a record of ${length} octets, at most ${MAX_RECORD} expected`);
    }
    const record = this.peek(length);
    if (record !== undefined) {
      this.#drop(length);
    }
    return record;
  }

  /** Ignores the next octets, which need not be read yet. */
  skip(length: number): void {
    this.#drop(length);
  }

  damaged(what: string): DamagedFile {
    return new DamagedFile(`the capture is damaged at octet ${this.#position}: ${what}`);
  }

  #drop(length: number): void {
    this.#toSkip += length;
    const dropped = Math.min(this.#toSkip, this.#rest.length);
    this.#toSkip -= dropped;
    this.#position += dropped;
    this.#rest = this.#rest.subarray(dropped);
  }
}
