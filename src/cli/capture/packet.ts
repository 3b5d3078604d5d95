/** What the readers of capture files give: packets, and what they have to report. */
import type { Frame } from './tpkt-direction.js';

/** One packet of a capture file. */
export interface CapturedPacket {
  /** Number of the packet in the file, from 1. */
  readonly frame: number;
  /** Milliseconds since 1970, with fractions; `undefined` if the file has no time for it. */
  readonly time: number | undefined;
  /** What the octets begin with: a LINKTYPE number. */
  readonly linkType: number;
  readonly octets: Buffer;
  /** Length of the packet on the wire, in octets: more than `octets` if the capture has cut it. */
  readonly wireLength: number;
}

/** Receives what is in a capture file. */
export interface PacketReceiver {
  packet(packet: CapturedPacket): void;
  /** The file says that something is missing in it. @param frame the packet that says it, if one does */
  lost(sentence: string, frame?: Frame): void;
}

/** Reads one format of capture files, piece by piece. */
export interface PacketReader {
  /** @throws DamagedFile if the rest cannot be read; the packets before have been given */
  push(octets: Buffer): void;
  /** Ends the file. @throws DamagedFile if it ends within a packet */
  end(): void;
}

/** The rest of a file cannot be read. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}
