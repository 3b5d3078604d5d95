/**
 * Cuts a stream of octets into whole TPKTs with their headers as they came: for those who pass them
 * on or show them. Knows nothing of TPDUs.
 */
import type { ProtocolError } from '../../core/errors.js';
import type { OctetCollector, OctetSource } from '../../core/octets/collector.js';
import { TPKT_HEADER_LENGTH } from '../../core/tpkt/header.js';
import { type PacketReceiver, TpktSplitter } from '../../core/tpkt/splitter.js';
import { allocate, toBuffer, view } from '../buffers.js';

/** Takes octets and gives TPKTs. */
export class TpktCutter {
  readonly #packets: Buffer[] = [];
  readonly #splitter = new TpktSplitter({
    packet: (chunk: OctetSource, start: number, end: number) => {
      this.#packets.push(chunk.give(start - TPKT_HEADER_LENGTH, end, view));
      return true;
    },
    packetInPieces: (pieces: OctetCollector) => {
      this.#packets.push(toBuffer(pieces.take(allocate)));
      return true;
    },
  } satisfies PacketReceiver);
  #taken = 0;
  #given = 0;
  /** The octets of the rest. */
  #pieces: Uint8Array[] = [];

  /** Octets at the end that make no whole TPKT. */
  get rest(): number {
    return this.#taken - this.#given;
  }

  /** Gives the octets of the rest, which are no business of the cutter any more. */
  takeRest(): Buffer {
    const rest = Buffer.concat(this.#pieces.splice(0));
    this.#given += rest.length;
    return rest;
  }

  /**
   * Takes the next octets; gives the TPKTs that are complete now.
   *
   * @param onFault receives the reason why no more can be cut; the packets before the fault are given first
   */
  cut(chunk: Uint8Array, onFault: (error: ProtocolError) => void): readonly Buffer[] {
    this.#taken += chunk.length;
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      onFault(error as ProtocolError);
    }
    const packets = this.#packets.splice(0);
    for (const packet of packets) {
      this.#given += packet.length;
    }
    if (this.rest <= chunk.length) {
      this.#pieces = this.rest === 0 ? [] : [chunk.subarray(chunk.length - this.rest)];
    } else {
      this.#pieces.push(chunk);
    }
    return packets;
  }
}
