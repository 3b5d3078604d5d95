/**
 * The rows that the inspector keeps: a ring of blocks of memory. A row costs one copy of its octets and no object; it
 * becomes JSON when somebody reads it. When the blocks are full, the rows of the oldest one are forgotten.
 *
 *     +------------+------+-------+--------+------+---------+------+
 *     | connection | time | frame | length | kind | payload | fill |
 *     +------------+------+-------+--------+------+---------+------+
 *          8          8      8        4       4     length    0 to 7
 *
 * Numbers are those of the machine and lie at multiples of their size, so that an array of numbers over the same memory
 * reads and writes them. TPDUs that a relay passes on together are one such entry: its payload is the packets, with their
 * TPKT headers, and in place of `frame` it has how many they are. Each TPDU is a row of its own nevertheless. If the same
 * packets come again at once, for the other connection of the relay, the payload of that entry says where they are.
 */
import { packetLengthAt, TPKT_HEADER_LENGTH } from '../../core/tpkt/header.js';

/** Octets of a row beside its TPDU or text, which are filled up to a multiple of eight. */
export const ROW_COST = 32;

/** Places of the numbers in a row, in units of eight and of four octets. */
const CONNECTION = 0;
const TIME = 1;
const FRAME = 2;
/** TPDUs of a run. */
const COUNT = FRAME;
const LENGTH = 6;
const KIND = 7;

/** Shorter payload is copied octet by octet: the call of a function that copies takes longer. */
const COPY_BY_CALL = 48;

/** Kinds of rows. */
const JSON_TEXT = 0;
const SENT = 1;
const RECEIVED = 2;
const SENT_RUN = 3;
const RECEIVED_RUN = 4;
const SENT_AGAIN = 5;
const RECEIVED_AGAIN = 6;
const DIRECTIONS = [undefined, 'sent', 'received', 'sent', 'received', 'sent', 'received'] as const;

/** Octets of the payload of an entry that says where its packets are. */
const PLACE = 8;

/** Octets of a block; a row that is longer gets a block of its own. */
const BLOCK = 262_144;

/** A block has at most this part of the memory, so that not too much is forgotten at once. */
const LEAST_BLOCKS = 8;

/** The memory of a block, and numbers over it. */
interface Memory {
  readonly octets: Buffer;
  readonly doubles: Float64Array;
  readonly words: Uint32Array;
}

interface Block extends Memory {
  /** Number of its first row. */
  readonly firstSeq: number;
  used: number;
}

/** A row as it is kept. What it says is valid until the next row is added. */
export interface StoredRow {
  readonly seq: number;
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly connection: number;
  /** `undefined` for a row that is no TPDU. */
  readonly direction: 'sent' | 'received' | undefined;
  readonly frame: number | undefined;
  /** The TPDU. */
  octets(): Buffer;
  /** The TPDU in base64. */
  base64(): string;
  /** A row that is no TPDU, as JSON. */
  json(): string;
}

/** A TPDU to keep. */
export interface TpduToStore {
  readonly time: number;
  readonly connection: number;
  readonly direction: 'sent' | 'received';
  /** The octets are copied. */
  readonly octets: Uint8Array;
  readonly frame?: number | undefined;
}

/** TPDUs to keep that a relay passes on together. */
export interface RunToStore extends Omit<TpduToStore, 'octets' | 'frame'> {
  /** Whole packets with their TPKT headers. They are copied. */
  readonly packets: Uint8Array;
  readonly tpdus: number;
}

/** Where a reader is, and the row before that: one object for all rows, because there are very many. */
export class Cursor implements StoredRow {
  /** Number of the next row. */
  nextSeq: number;
  /** Of the block in which it was last, the number of the first row, and the place of the next row. */
  firstSeq = 0;
  offset = 0;
  seq = 0;
  time = 0;
  connection = 0;
  direction: 'sent' | 'received' | undefined;
  frame: number | undefined;
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  /** TPDUs of the run at `#end` that come next. */
  #left = 0;

  constructor(nextSeq: number) {
    this.nextSeq = nextSeq;
  }

  octets(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  base64(): string {
    return this.#memory.toString('base64', this.#start, this.#end);
  }

  json(): string {
    return this.#memory.toString('latin1', this.#start, this.#end);
  }

  /** Goes to the row `nextSeq`, which is in that block. */
  moveTo(block: Block): void {
    this.firstSeq = block.firstSeq;
    this.offset = 0;
    this.#left = 0;
    let seq = block.firstSeq;
    while (seq + countAt(block, this.offset) <= this.nextSeq) {
      seq += countAt(block, this.offset);
      this.offset = behind(block, this.offset);
    }
    for (; seq < this.nextSeq; seq += 1) {
      this.#takePart(block);
    }
  }

  /** Takes the next row, which is in that block. */
  take(block: Block): void {
    this.#takePart(block);
    this.seq = this.nextSeq;
    this.nextSeq += 1;
  }

  #takePart(block: Block): void {
    if (this.#left === 0) {
      this.#takeEntry(block);
    }
    if (this.#left > 0) {
      const at = this.#end;
      this.#left -= 1;
      this.#start = at + TPKT_HEADER_LENGTH;
      this.#end = at + packetLengthAt(this.#memory, at);
    }
  }

  /** Takes the next entry: a row, or all of a run. */
  #takeEntry(block: Block): void {
    const { octets, doubles, words } = block;
    const at = this.offset;
    const kind = words[at / 4 + KIND] ?? 0;
    const frame = doubles[at / 8 + FRAME] ?? 0;
    this.time = doubles[at / 8 + TIME] ?? 0;
    this.connection = doubles[at / 8 + CONNECTION] ?? 0;
    this.direction = DIRECTIONS[kind];
    this.#memory = octets;
    this.#start = at + ROW_COST;
    this.offset = behind(block, at);
    if (isRun(kind)) {
      this.frame = undefined;
      this.#left = frame;
      this.#end = kind >= SENT_AGAIN ? (words[this.#start / 4] ?? 0) : this.#start;
    } else {
      this.frame = frame === 0 ? undefined : frame;
      this.#end = this.#start + lengthAt(block, at);
    }
  }
}

const NOTHING = Buffer.alloc(0);

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
  addTpdu({ time, connection, direction, octets, frame = 0 }: TpduToStore): number {
    const kind = direction === 'sent' ? SENT : RECEIVED;
    const { length } = octets;
    const block = this.#blockFor(ROW_COST + length);
    const at = write(block, length, kind, connection, time, frame);
    if (length < COPY_BY_CALL) {
      const memory = block.octets;
      for (let i = 0; i < length; i += 1) {
        memory[at + i] = octets[i] as number;
      }
    } else {
      block.octets.set(octets, at);
    }
    this.#tpdus += 1;
    return this.#added(1);
  }

  /** @returns the number of the last row */
  addRun({ time, connection, direction, packets, tpdus }: RunToStore): number {
    const isSent = direction === 'sent';
    const last = this.#blocks.at(-1);
    if (packets === this.#lastRun && last !== undefined && hasRoom(last, ROW_COST + PLACE)) {
      const kind = isSent ? SENT_AGAIN : RECEIVED_AGAIN;
      last.words[write(last, PLACE, kind, connection, time, tpdus) / 4] = this.#lastRunAt;
    } else {
      const block = this.#blockFor(ROW_COST + packets.length);
      const kind = isSent ? SENT_RUN : RECEIVED_RUN;
      this.#lastRunAt = write(block, packets.length, kind, connection, time, tpdus);
      block.octets.set(packets, this.#lastRunAt);
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
    const { length } = json;
    const block = this.#blockFor(ROW_COST + length);
    block.octets.write(json, write(block, length, JSON_TEXT, connection, time, 0), 'latin1');
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

function memoryOf(size: number): Memory {
  const octets = Buffer.allocUnsafeSlow(size);
  const { buffer } = octets;
  return { octets, doubles: new Float64Array(buffer), words: new Uint32Array(buffer) };
}

/** Writes the header of a row. Returns where its payload begins. */
function write(
  block: Block,
  length: number,
  kind: number,
  connection: number,
  time: number,
  frameOrCount: number,
): number {
  const { doubles, words, used } = block;
  const eighths = used / 8;
  doubles[eighths + CONNECTION] = connection;
  doubles[eighths + TIME] = time;
  doubles[eighths + FRAME] = frameOrCount;
  words[used / 4 + LENGTH] = length;
  words[used / 4 + KIND] = kind;
  block.used = filledUp(used + ROW_COST + length);
  return used + ROW_COST;
}

function hasRoom({ used, octets }: Block, length: number): boolean {
  return used + length <= octets.length;
}

function lengthAt({ words }: Block, at: number): number {
  return words[at / 4 + LENGTH] ?? 0;
}

/** Where the next entry begins. */
function behind(block: Block, at: number): number {
  return filledUp(at + ROW_COST + lengthAt(block, at));
}

/** Rows of an entry. */
function countAt({ doubles, words }: Block, at: number): number {
  return isRun(words[at / 4 + KIND] ?? 0) ? (doubles[at / 8 + COUNT] ?? 0) : 1;
}

function isRun(kind: number): boolean {
  return kind >= SENT_RUN;
}

/** The next multiple of eight. */
function filledUp(length: number): number {
  return (length + 7) & ~7;
}
