/**
 * Reads TPKTs for programs that have the octets but no socket, such as a page: `cotp/browser` exports it.
 */
import { allocateZeroed, plainView } from '../octets/collector.js';
import { TPKT_HEADER_LENGTH } from './header.js';
import { TpktSplitter } from './splitter.js';

/**
 * Cuts a stream of octets into TPKTs (RFC 1006 §6) and passes on what is in each: a TPDU of 3 to 65531 octets,
 * without the four octets of the TPKT header. The chunks may end anywhere. At most one incomplete TPKT is held.
 *
 * @example
 * ```ts
 * import { decode, describeTpdu, TpktReader } from 'cotp/browser';
 *
 * const reader = new TpktReader((tpdu) => {
 *   console.log(describeTpdu(decode(tpdu, { class: 0 }))); // DT TPDU (0) EOT 2 octets
 * });
 * reader.push(Uint8Array.of(3, 0, 0, 9, 2));
 * reader.push(Uint8Array.of(0xf0, 0x80, 1, 2));
 * ```
 */
export class TpktReader {
  readonly #splitter: TpktSplitter;

  /**
   * Begins between two TPKTs.
   *
   * @param onTpdu called with each TPDU, as soon as its TPKT is complete. The octets may be a view of the chunk
   * that they came in
   */
  constructor(onTpdu: (tpdu: Uint8Array) => void) {
    this.#splitter = new TpktSplitter({
      packet: (chunk, start, end) => {
        onTpdu(chunk.give(start, end, plainView));
        return true;
      },
      packetInPieces: (pieces) => {
        onTpdu(pieces.take(allocateZeroed).subarray(TPKT_HEADER_LENGTH));
        return true;
      },
    });
  }

  /** Octets held of a TPKT that is not complete, header included; 0 between two TPKTs. */
  get held(): number {
    return this.#splitter.held;
  }

  /**
   * Takes the next octets of the stream. Do not change them afterwards.
   *
   * @throws ProtocolError (`ERR_COTP_PROTOCOL`) with the fault `tpkt-version` or `tpkt-length`, after the TPDUs before
   * the fault were passed on. No later octet can be read, because the boundaries of TPKTs are not known any more
   */
  push(octets: Uint8Array): void {
    this.#splitter.push(octets);
  }
}
