/**
 * The rows that the inspector keeps: a ring of blocks of memory. A row costs one copy of its octets and no object; it
 * becomes JSON when somebody reads it. When the blocks are full, the rows of the oldest one are forgotten.
 *
 *     +--------+------+------------+------+-------+---------+
 *     | length | kind | connection | time | frame | payload |
 *     +--------+------+------------+------+-------+---------+
 *         4       4         8         8       8     length
 */

/** Octets of a row beside its TPDU or text. */
export const ROW_COST = 32;

const KIND = 4;
const CONNECTION = 8;
const TIME = 16;
const FRAME = 24;

/** Kinds of rows. */
const JSON_TEXT = 0;
const SENT = 1;
const RECEIVED = 2;

/** Octets of a block; a row that is longer gets a block of its own. */
const BLOCK = 262_144;

/** A block has at most this part of the memory, so that not too much is forgotten at once. */
const LEAST_BLOCKS = 8;

interface Block {
  readonly octets: Buffer;
  /** Number of its first row. */
  firstSeq: number;
  rows: number;
  used: number;
}

/** A row as it is kept. */
export type StoredRow = {
  readonly seq: number;
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly connection: number;
} & (
  | {
      readonly direction: 'sent' | 'received';
      /** Valid until the next row is added. */
      readonly octets: Buffer;
      readonly frame: number | undefined;
    }
  | { readonly json: string }
);

/** A TPDU to keep. */
export interface TpduToStore {
  readonly time: number;
  readonly connection: number;
  readonly direction: 'sent' | 'received';
  /** The octets are copied. */
  readonly octets: Uint8Array;
  readonly frame?: number | undefined;
}

/** Where a reader is. */
export class Cursor {
  /** Number of the next row. */
  seq: number;
  /** Of the block in which it was last, the number of the first row, and the place of the next row. */
  firstSeq = 0;
  offset = 0;

  constructor(seq: number) {
    this.seq = seq;
  }
}

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

  /** @param maxOctets octets of all blocks, and of what is reserved for others */
  constructor(maxOctets: number) {
    this.maxOctets = maxOctets;
    this.#blockSize = Math.min(BLOCK, Math.floor(maxOctets / LEAST_BLOCKS));
  }

  /** Number of the next row. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Number of the oldest row that is kept; {@link nextSeq} if there is none. */
  get oldestSeq(): number {
    return this.#blocks[0]?.firstSeq ?? this.#nextSeq;
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
  addTpdu({ time, connection, direction, octets, frame = 0 }: TpduToStore): number {
    const kind = direction === 'sent' ? SENT : RECEIVED;
    const { octets: memory, used } = this.#add(octets.length, kind, connection, time, frame);
    memory.set(octets, used - octets.length);
    return this.#added();
  }

  /**
   * @param json the row as JSON; its `seq` must be {@link nextSeq}
   * @returns the number of the row
   */
  addJson(time: number, connection: number, json: string): number {
    const length = Buffer.byteLength(json);
    const { octets, used } = this.#add(length, JSON_TEXT, connection, time, 0);
    octets.write(json, used - length);
    return this.#added();
  }

  /** The row at the cursor, which then moves on; `undefined` behind the last row. A forgotten row is passed over. */
  next(cursor: Cursor): StoredRow | undefined {
    const block = this.#find(cursor);
    if (block === undefined) {
      return undefined;
    }
    const { octets } = block;
    const at = cursor.offset;
    const length = octets.readUInt32LE(at);
    const end = at + ROW_COST + length;
    const seq = cursor.seq;
    cursor.offset = end;
    cursor.seq += 1;
    const time = octets.readDoubleLE(at + TIME);
    const connection = octets.readDoubleLE(at + CONNECTION);
    const kind = octets[at + KIND];
    if (kind === JSON_TEXT) {
      return { seq, time, connection, json: octets.toString('utf8', at + ROW_COST, end) };
    }
    const frame = octets.readDoubleLE(at + FRAME);
    return {
      ...{ seq, time, connection },
      direction: kind === SENT ? 'sent' : 'received',
      octets: octets.subarray(at + ROW_COST, end),
      frame: frame === 0 ? undefined : frame,
    };
  }

  #find(cursor: Cursor): Block | undefined {
    cursor.seq = Math.max(cursor.seq, this.oldestSeq);
    if (cursor.seq >= this.#nextSeq) {
      return undefined;
    }
    const block = this.#blockOf(cursor.seq);
    if (block !== undefined && block.firstSeq !== cursor.firstSeq) {
      cursor.firstSeq = block.firstSeq;
      cursor.offset = 0;
      for (let seq = block.firstSeq; seq < cursor.seq; seq += 1) {
        cursor.offset += ROW_COST + block.octets.readUInt32LE(cursor.offset);
      }
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

  /** Writes the header of a row, and makes room for what follows it. */
  #add(length: number, kind: number, connection: number, time: number, frame: number): Block {
    const block = this.#blockFor(ROW_COST + length);
    const { octets, used } = block;
    octets.writeUInt32LE(length, used);
    octets[used + KIND] = kind;
    octets.writeDoubleLE(connection, used + CONNECTION);
    octets.writeDoubleLE(time, used + TIME);
    octets.writeDoubleLE(frame, used + FRAME);
    block.used += ROW_COST + length;
    block.rows += 1;
    return block;
  }

  #added(): number {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    this.onRow?.();
    return seq;
  }

  #blockFor(length: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used + length <= last.octets.length) {
      return last;
    }
    const size = Math.max(length, this.#blockSize);
    const octets = this.#makeRoom(size) ?? Buffer.allocUnsafeSlow(size);
    const block = { octets, firstSeq: this.#nextSeq, rows: 0, used: 0 };
    this.#blocks.push(block);
    this.#octets += octets.length;
    return block;
  }

  /** Forgets the oldest rows until there is room for a block. Returns the memory of one of that size, if there was one. */
  #makeRoom(size: number): Buffer | undefined {
    let free: Buffer | undefined;
    while (this.#blocks.length > 0 && this.octets + size > this.maxOctets) {
      const oldest = this.#blocks.shift();
      const octets = oldest?.octets;
      this.#octets -= octets?.length ?? 0;
      free = octets?.length === size ? octets : free;
      this.onForget?.(this.oldestSeq);
    }
    return free;
  }
}
