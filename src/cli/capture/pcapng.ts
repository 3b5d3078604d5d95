/**
 * Reads pcapng files (draft-ietf-opsawg-pcapng): blocks with their type and length. A section has a byte order
 * and interfaces of its own.
 */
import { counted } from '../output/plural.js';
import { DamagedFile, type PacketReader, type PacketReceiver } from './packet.js';
import { RecordBuffer } from './record-buffer.js';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
/** Obsolete, but still found in old files. */
const PACKET = 2;
const SIMPLE_PACKET = 3;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BLOCK_HEADER = 8;
/** Octets of a block beside its body: type, length, and the length again. */
const BLOCK_FRAME = 12;

/** The most interfaces of a section. */
const MAX_INTERFACES = 65_536;

const END_OF_OPTIONS = 0;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;
const ISB_IFDROP = 5;
const ISB_OSDROP = 7;
const EPB_DROPCOUNT = 4;
/** The number of dropped packets of an old packet block if it is not known. */
const DROPS_UNKNOWN = 0xffff;

interface Interface {
  readonly linkType: number;
  /** Octets to which packets are cut; 0 for no limit. */
  readonly snapLength: number;
  /** Milliseconds in a unit of time. */
  readonly unit: number;
  /** Milliseconds to add to each time. */
  readonly offset: number;
}

/** True if the octets begin like a pcapng file. */
export function isPcapng(octets: Buffer): boolean {
  return octets.length >= 4 && octets.readUInt32BE(0) === SECTION_HEADER;
}

/** Reads a pcapng file. */
export class PcapngReader implements PacketReader {
  readonly #buffer = new RecordBuffer();
  readonly #receiver: PacketReceiver;
  #isLittle = true;
  #interfaces: Interface[] = [];
  #frame = 0;

  constructor(receiver: PacketReceiver) {
    this.#receiver = receiver;
  }

  push(octets: Buffer): void {
    this.#buffer.append(octets);
    while (this.#readBlock()) {}
  }

  end(): void {
    if (!this.#buffer.isEmpty) {
      throw new DamagedFile(`the capture file is cut short: it ends after ${this.#frame} packets`);
    }
  }

  #readBlock(): boolean {
    const header = this.#buffer.peek(BLOCK_HEADER);
    if (header === undefined) {
      return false;
    }
    if (header.readUInt32BE(0) === SECTION_HEADER && !this.#readByteOrder()) {
      return false;
    }
    const type = this.#uint32(header, 0);
    const length = this.#uint32(header, 4);
    if (length < BLOCK_FRAME || length % 4 !== 0) {
      throw this.#buffer.damaged(`a block of ${length} octets`);
    }
    const read = BLOCKS[type];
    if (read === undefined) {
      this.#buffer.skip(length);
      return true;
    }
    const block = this.#buffer.take(length);
    if (block === undefined) {
      return false;
    }
    const body = block.subarray(BLOCK_HEADER, length - 4);
    if (body.length < read.least) {
      throw this.#buffer.damaged(`a block of type ${type} ended before, with ${length} octets`);
    }
    this[read.by](body);
    return true;
  }

  /** Reads the byte order of the section that begins; `false` until it is there. */
  #readByteOrder(): boolean {
    const start = this.#buffer.peek(BLOCK_HEADER + 4);
    if (start === undefined) {
      return false;
    }
    this.#isLittle = start.readUInt32LE(BLOCK_HEADER) === BYTE_ORDER_MAGIC;
    if (!this.#isLittle && start.readUInt32BE(BLOCK_HEADER) !== BYTE_ORDER_MAGIC) {
      throw this.#buffer.damaged('a section without a byte order');
    }
    return true;
  }

  /** @internal */
  section(): void {
    this.#interfaces = [];
  }

  /** @internal */
  describe(body: Buffer): void {
    if (this.#interfaces.length >= MAX_INTERFACES) {
      throw this.#buffer.damaged(`more than ${MAX_INTERFACES} interfaces`);
    }
    const options = this.#options(body, 8);
    const resolution = options.get(IF_TSRESOL)?.[0] ?? 6;
    const exponent = resolution & 0x7f;
    const seconds = options.get(IF_TSOFFSET);
    this.#interfaces.push({
      linkType: this.#uint16(body, 0),
      snapLength: this.#uint32(body, 4),
      unit: 1000 * (resolution > 0x7f ? 2 : 10) ** -exponent,
      offset: seconds?.length === 8 ? 1000 * this.#int64(seconds) : 0,
    });
  }

  /** @internal */
  enhanced(body: Buffer): void {
    const length = this.#uint32(body, 12);
    const options = this.#options(body, 20 + length + (-length & 3));
    this.#packet(body, this.#uint32(body, 0), this.#count(options.get(EPB_DROPCOUNT)));
  }

  /** @internal */
  old(body: Buffer): void {
    const dropped = this.#uint16(body, 2);
    this.#packet(body, this.#uint16(body, 0), dropped === DROPS_UNKNOWN ? 0 : dropped);
  }

  /** @internal */
  simple(body: Buffer): void {
    this.#frame += 1;
    const face = this.#interfaces[0];
    if (face === undefined) {
      throw this.#buffer.damaged('a packet of an interface that is not described');
    }
    const wireLength = this.#uint32(body, 0);
    const snapped = face.snapLength === 0 ? wireLength : Math.min(wireLength, face.snapLength);
    const octets = body.subarray(4, 4 + snapped);
    this.#receiver.packet({
      ...{ frame: this.#frame, time: undefined, linkType: face.linkType },
      ...{ octets, wireLength },
    });
  }

  /** @internal */
  statistics(body: Buffer): void {
    const options = this.#options(body, 12);
    for (const code of [ISB_IFDROP, ISB_OSDROP]) {
      const dropped = this.#count(options.get(code));
      if (dropped > 0) {
        this.#receiver.lost(
          `the program that wrote the capture has dropped ${counted(dropped, 'packet')}`,
        );
      }
    }
  }

  /** @param dropped packets that the program has dropped between the packet before and this one */
  #packet(body: Buffer, index: number, dropped: number): void {
    this.#frame += 1;
    const face = this.#interfaces[index];
    const length = this.#uint32(body, 12);
    if (face === undefined || length > body.length - 20) {
      const what = face === undefined ? `interface ${index} is not described` : `${length} octets`;
      throw this.#buffer.damaged(`packet ${this.#frame}: ${what}`);
    }
    const ticks = this.#uint32(body, 4) * 2 ** 32 + this.#uint32(body, 8);
    const time = validTime(ticks * face.unit + face.offset);
    if (dropped > 0) {
      const sentence = `the program that wrote the capture has dropped ${counted(dropped, 'packet')} before this one`;
      this.#receiver.lost(sentence, { number: this.#frame, time });
    }
    this.#receiver.packet({
      frame: this.#frame,
      time,
      linkType: face.linkType,
      octets: body.subarray(20, 20 + length),
      wireLength: Math.max(this.#uint32(body, 16), length),
    });
  }

  /** The options of a block by their code; of several with one code the last. Octets behind their end are none. */
  #options(body: Buffer, start: number): ReadonlyMap<number, Buffer> {
    const found = new Map<number, Buffer>();
    for (let at = start; at + 4 <= body.length; ) {
      const code = this.#uint16(body, at);
      const length = this.#uint16(body, at + 2);
      if (code === END_OF_OPTIONS) {
        break;
      }
      found.set(code, body.subarray(at + 4, at + 4 + length));
      at += 4 + length + (-length & 3);
    }
    return found;
  }

  #uint16(octets: Buffer, offset: number): number {
    return this.#isLittle ? octets.readUInt16LE(offset) : octets.readUInt16BE(offset);
  }

  #uint32(octets: Buffer, offset: number): number {
    return this.#isLittle ? octets.readUInt32LE(offset) : octets.readUInt32BE(offset);
  }

  /** A count of an option; 0 if it is absent, wrong or without a positive number. */
  #count(option: Buffer | undefined): number {
    return option?.length === 8 ? Math.max(0, this.#int64(option)) : 0;
  }

  #int64(octets: Buffer): number {
    return Number(this.#isLittle ? octets.readBigInt64LE(0) : octets.readBigInt64BE(0));
  }
}

/** Milliseconds since 1970 that a `Date` can represent. */
const MAX_TIME = 8.64e15;

function validTime(time: number): number | undefined {
  return Math.abs(time) <= MAX_TIME ? time : undefined;
}

/** The blocks that are read, and the least octets of their body. All others are ignored. */
const BLOCKS: Readonly<
  Record<
    number,
    {
      readonly by: 'section' | 'describe' | 'enhanced' | 'old' | 'simple' | 'statistics';
      readonly least: number;
    }
  >
> = {
  [SECTION_HEADER]: { by: 'section', least: 16 },
  [INTERFACE_DESCRIPTION]: { by: 'describe', least: 8 },
  [ENHANCED_PACKET]: { by: 'enhanced', least: 20 },
  [PACKET]: { by: 'old', least: 20 },
  [SIMPLE_PACKET]: { by: 'simple', least: 4 },
  [INTERFACE_STATISTICS]: { by: 'statistics', least: 12 },
};
