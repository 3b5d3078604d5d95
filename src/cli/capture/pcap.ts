/** Reads pcap files: a header of 24 octets, then a header of 16 octets before each packet. */
import { DamagedFile, type PacketReader, type PacketReceiver } from './packet.js';
import { RecordBuffer } from './record-buffer.js';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** The formats by the first four octets of the file: byte order, and fractions of a second in the time. */
const FORMATS: Readonly<
  Record<string, { readonly isLittle: boolean; readonly perSecond: number }>
> = {
  d4c3b2a1: { isLittle: true, perSecond: 1e6 },
  a1b2c3d4: { isLittle: false, perSecond: 1e6 },
  '4d3cb2a1': { isLittle: true, perSecond: 1e9 },
  a1b23c4d: { isLittle: false, perSecond: 1e9 },
};

/** True if the octets begin like a pcap file. */
export function isPcap(octets: Buffer): boolean {
  return octets.subarray(0, 4).toString('hex') in FORMATS;
}

/** Reads a pcap file. */
export class PcapReader implements PacketReader {
  readonly #buffer = new RecordBuffer();
  readonly #receiver: PacketReceiver;
  #isLittle = true;
  #perSecond = 1e6;
  /** `undefined` until the header of the file was read. */
  #linkType: number | undefined;
  #frame = 0;

  constructor(receiver: PacketReceiver) {
    this.#receiver = receiver;
  }

  push(octets: Buffer): void {
    this.#buffer.append(octets);
    if (this.#linkType === undefined && !this.#readHeader()) {
      return;
    }
    while (this.#readPacket()) {}
  }

  end(): void {
    if (!this.#buffer.isEmpty || this.#linkType === undefined) {
      throw new DamagedFile(`the capture file is cut short: it ends after ${this.#frame} packets`);
    }
  }

  #readHeader(): boolean {
    const header = this.#buffer.take(FILE_HEADER);
    if (header === undefined) {
      return false;
    }
    const format = FORMATS[header.subarray(0, 4).toString('hex')];
    if (format === undefined) {
      throw this.#buffer.damaged('no header of a pcap file');
    }
    this.#isLittle = format.isLittle;
    this.#perSecond = format.perSecond;
    // The upper bits have the length of the frame check sequence.
    this.#linkType = this.#uint32(header, 20) & 0xffff;
    return true;
  }

  #readPacket(): boolean {
    const header = this.#buffer.peek(RECORD_HEADER);
    if (header === undefined) {
      return false;
    }
    const length = this.#uint32(header, 8);
    const record = this.#buffer.take(RECORD_HEADER + length);
    if (record === undefined) {
      return false;
    }
    this.#frame += 1;
    const seconds = this.#uint32(record, 0);
    this.#receiver.packet({
      frame: this.#frame,
      time: seconds * 1000 + (this.#uint32(record, 4) * 1000) / this.#perSecond,
      linkType: this.#linkType ?? 0,
      octets: record.subarray(RECORD_HEADER),
      wireLength: Math.max(this.#uint32(record, 12), length),
    });
    return true;
  }

  #uint32(octets: Buffer, offset: number): number {
    return this.#isLittle ? octets.readUInt32LE(offset) : octets.readUInt32BE(offset);
  }
}
