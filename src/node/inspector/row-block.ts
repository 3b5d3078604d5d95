/**
 * Rows in a block of memory: how they are written and read. An entry is a row, or a run: TPDUs that a relay passes on
 * together.
 *
 *     +------------+------+-------+--------+------+---------+------+
 *     | connection | time | frame | length | kind | payload | fill |
 *     +------------+------+-------+--------+------+---------+------+
 *          8          8      8        4       4     length    0 to 7
 *
 * Numbers are those of the machine and lie at multiples of their size, so that an array of numbers over the same memory
 * reads and writes them. The payload of a run is the packets with their TPKT headers, and in place of `frame` it has how
 * many they are; each TPDU is a row of its own nevertheless. If the same packets come again at once, for the other
 * connection of the relay, the payload says where they are.
 */
import { packetLengthAt, TPKT_HEADER_LENGTH } from '../../core/tpkt/header.js';

/** Octets of an entry beside its payload, which is filled up to a multiple of eight. */
export const ROW_COST = 32;

/** Octets of the payload of an entry that says where its packets are. */
export const PLACE = 8;

/** Places of the numbers in an entry, in units of eight and of four octets. */
const CONNECTION = 0;
const TIME = 1;
const FRAME = 2;
/** TPDUs of a run. */
const COUNT = FRAME;
const LENGTH = 6;
const KIND = 7;

/** Shorter payload is copied octet by octet: the call of a function that copies takes longer. */
const COPY_BY_CALL = 48;

/** Kinds of entries. */
const JSON_TEXT = 0;
const SENT = 1;
const RECEIVED = 2;
const SENT_RUN = 3;
const RECEIVED_RUN = 4;
const SENT_AGAIN = 5;
const RECEIVED_AGAIN = 6;
const DIRECTIONS = [undefined, 'sent', 'received', 'sent', 'received', 'sent', 'received'] as const;

/** The memory of a block, and numbers over it. */
export interface Memory {
  readonly octets: Buffer;
  readonly doubles: Float64Array;
  readonly words: Uint32Array;
}

/** A block. */
export interface Block extends Memory {
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

/** Memory for so many octets, a multiple of eight. */
export function memoryOf(size: number): Memory {
  const octets = Buffer.allocUnsafeSlow(size);
  const { buffer } = octets;
  return { octets, doubles: new Float64Array(buffer), words: new Uint32Array(buffer) };
}

/** Writes the header of an entry. Returns where its payload begins. */
function writeHeader(
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

/** Writes a TPDU. There must be room, as for all entries. */
export function writeTpdu(
  block: Block,
  { time, connection, direction, octets, frame = 0 }: TpduToStore,
): void {
  const kind = direction === 'sent' ? SENT : RECEIVED;
  const { length } = octets;
  const at = writeHeader(block, length, kind, connection, time, frame);
  if (length < COPY_BY_CALL) {
    const memory = block.octets;
    for (let i = 0; i < length; i += 1) {
      memory[at + i] = octets[i] as number;
    }
  } else {
    block.octets.set(octets, at);
  }
}

/** Writes a run. Returns where its packets are. */
export function writeRun(
  block: Block,
  { time, connection, direction, packets, tpdus }: RunToStore,
): number {
  const kind = direction === 'sent' ? SENT_RUN : RECEIVED_RUN;
  const at = writeHeader(block, packets.length, kind, connection, time, tpdus);
  block.octets.set(packets, at);
  return at;
}

/** Writes a run of which the packets are in the block already. */
export function writeAgain(
  block: Block,
  { time, connection, direction, tpdus }: RunToStore,
  packetsAt: number,
): void {
  const kind = direction === 'sent' ? SENT_AGAIN : RECEIVED_AGAIN;
  block.words[writeHeader(block, PLACE, kind, connection, time, tpdus) / 4] = packetsAt;
}

/** Writes a row that is no TPDU, as JSON in ASCII. */
export function writeJson(block: Block, time: number, connection: number, json: string): void {
  const at = writeHeader(block, json.length, JSON_TEXT, connection, time, 0);
  block.octets.write(json, at, 'latin1');
}

/** Whether an entry of so many octets in all fits. */
export function hasRoom({ used, octets }: Block, length: number): boolean {
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
export function filledUp(length: number): number {
  return (length + 7) & ~7;
}
