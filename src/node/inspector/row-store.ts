/**
 * The rows that the inspector keeps: a ring of blocks of memory. A row costs at most one copy of its octets, and no object; it
 * becomes JSON when somebody reads it. When the blocks are full, the rows of the oldest one are forgotten.
 */
import {
  type Block,
  type Cursor,
  filledUp,
  hasRoom,
  type Memory,
  memoryOf,
  PLACE,
  ROW_COST,
  type RunToStore,
  type StoredRow,
  type TpduToStore,
  writeAgain,
  writeJson,
  writeRun,
  writeTpdu,
} from './row-block.js';

/** Octets of a block; a row that is longer gets a block of its own. */
const BLOCK = 262_144;

/** A block has at most this part of the memory, so that not too much is forgotten at once. */
const LEAST_BLOCKS = 8;

/** The ring. */
export class RowStore {
  readonly maxOctets: number;
  /** Called after each row; `undefined` while nobody waits for rows. */
  onRow: (() => void) | undefined;
  /** Called when rows were forgotten, with the number of the oldest that is left. */
  onForget: ((oldestSeq: number) => void) | undefined;
  readonly #blockSize: number;
  /** The oldest first. */
  readonly #blocks: Block[] = [];
  #octets = 0;
  #reserved = 0;
  #nextSeq = 1;
  #tpdus = 0;
  /** The packets of the last run, if they are in the last block, and where there. */
  #lastRun: Uint8Array | undefined;
  #lastRunAt = 0;

  /** @param maxOctets octets of all blocks, and of what is reserved for others */
  constructor(maxOctets: number) {
    this.maxOctets = maxOctets;
    this.#blockSize = filledUp(Math.min(BLOCK, Math.floor(maxOctets / LEAST_BLOCKS)) - 7);
  }

  /** Number of the next row. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Number of the oldest row that is kept; {@link nextSeq} if there is none. */
  get oldestSeq(): number {
    return this.#blocks[0]?.firstSeq ?? this.#nextSeq;
  }

  /** TPDUs that were added, those that are forgotten too. */
  get tpdus(): number {
    return this.#tpdus;
  }

  /** Octets that are held now. */
  get octets(): number {
    return this.#octets + this.#reserved;
  }

  /** Counts octets that are held elsewhere for the rows of this store. Rows are forgotten for them. */
  reserve(octets: number): void {
    this.#reserved += octets;
    this.#makeRoom(0);
  }

  /** Such octets are held no longer. */
  release(octets: number): void {
    this.#reserved -= octets;
  }

  /** @returns the number of the row */
  addTpdu(tpdu: TpduToStore): number {
    writeTpdu(this.#blockFor(ROW_COST + tpdu.octets.length), tpdu);
    this.#tpdus += 1;
    return this.#added(1);
  }

  /** @returns the number of the last row */
  addRun(run: RunToStore): number {
    const { packets, tpdus } = run;
    const last = this.#blocks.at(-1);
    if (packets === this.#lastRun && last !== undefined && hasRoom(last, ROW_COST + PLACE)) {
      writeAgain(last, run, this.#lastRunAt);
    } else {
      this.#lastRunAt = writeRun(this.#blockFor(ROW_COST + packets.length), run);
      this.#lastRun = packets;
    }
    this.#tpdus += tpdus;
    return this.#added(tpdus);
  }

  /**
   * @param json the row as JSON in ASCII; its `seq` must be {@link nextSeq}
   * @returns the number of the row
   */
  addJson(time: number, connection: number, json: string): number {
    writeJson(this.#blockFor(ROW_COST + json.length), time, connection, json);
    return this.#added(1);
  }

  /** The row at the cursor, which then moves on; `undefined` behind the last row. A forgotten row is passed over. */
  next(cursor: Cursor): StoredRow | undefined {
    const block = this.#find(cursor);
    if (block === undefined) {
      return undefined;
    }
    cursor.take(block);
    return cursor;
  }

  #find(cursor: Cursor): Block | undefined {
    cursor.nextSeq = Math.max(cursor.nextSeq, this.oldestSeq);
    if (cursor.nextSeq >= this.#nextSeq) {
      return undefined;
    }
    const block = this.#blockOf(cursor.nextSeq);
    if (block !== undefined && block.firstSeq !== cursor.firstSeq) {
      cursor.moveTo(block);
    }
    return block;
  }

  /** The readers are mostly at the end. */
  #blockOf(seq: number): Block | undefined {
    let index = this.#blocks.length - 1;
    while (index > 0 && (this.#blocks[index]?.firstSeq ?? 0) > seq) {
      index -= 1;
    }
    return this.#blocks[index];
  }

  /** @returns the number of the last of so many rows */
  #added(rows: number): number {
    this.#nextSeq += rows;
    this.onRow?.();
    return this.#nextSeq - 1;
  }

  #blockFor(length: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && hasRoom(last, length)) {
      return last;
    }
    this.#lastRun = undefined;
    const size = Math.max(filledUp(length), this.#blockSize);
    const memory = this.#makeRoom(size) ?? memoryOf(size);
    const block = { ...memory, firstSeq: this.#nextSeq, used: 0 };
    this.#blocks.push(block);
    this.#octets += size;
    return block;
  }

  /** Forgets the oldest rows until there is room for a block. Returns the memory of one of that size, if there was one. */
  #makeRoom(size: number): Memory | undefined {
    let free: Memory | undefined;
    while (this.#blocks.length > 0 && this.octets + size > this.maxOctets) {
      const oldest = this.#blocks.shift();
      this.#lastRun = undefined;
      const length = oldest?.octets.length ?? 0;
      this.#octets -= length;
      free = length === size ? oldest : free;
      this.onForget?.(this.oldestSeq);
    }
    return free;
  }
}
