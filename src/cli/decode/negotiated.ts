/**
 * Tracks what a CR and its CC negotiated (X.224 6.5). It determines how the later TPDUs of the stream are
 * decoded.
 */
import type { CotpError, DecodeOptions, Parameters, Tpdu } from '../../core/tpdu/index.js';

/** Bit 2 of the class octet: extended formats (X.224 13.3.3). */
const EXTENDED_FORMATS = 0x02;

/** Bit 1 of parameter 0xC6: expedited data (X.224 13.3.4 g). */
const EXPEDITED_DATA = 0x01;

/** Follows the TPDUs of both directions of one stream. */
export class Negotiated {
  /** Only this of the CR: its octets are part of much more of the input. */
  #offered: number | undefined;
  #inForce: DecodeOptions = {};

  /** The options to decode the next TPDU. */
  optionsFor(octets: Uint8Array): DecodeOptions {
    // A CR or CC starts a new negotiation and is decoded by its own class.
    const code = (octets[1] ?? 0) & 0xf0;
    return code === 0xe0 || code === 0xd0 ? {} : this.#inForce;
  }

  /** Processes the next TPDU of the stream. */
  push(tpdu: Tpdu | CotpError): void {
    if (!('type' in tpdu)) {
      return;
    }
    if (tpdu.type === 'CR') {
      this.#offered = sizeOf(tpdu.parameters);
      this.#inForce = {};
    } else if (tpdu.type === 'CC') {
      const size = sizeInForce(this.#offered, tpdu.parameters);
      this.#inForce = {
        class: tpdu.class,
        extendedFormats: (tpdu.options & EXTENDED_FORMATS) !== 0,
        expedited: ((tpdu.parameters.additionalOptions ?? 0) & EXPEDITED_DATA) !== 0,
        ...(size === undefined ? {} : { maxTpduSize: size }),
      };
    }
  }
}

/**
 * The TPDU size in force: the size in the CC, but at most the offer of the CR. Without a size in the CC it is
 * the offer (RFC 2126 §6.3). `undefined` if neither TPDU has a size.
 */
function sizeInForce(offer: number | undefined, selected: Parameters): number | undefined {
  const answer = sizeOf(selected) ?? offer;
  return answer === undefined ? undefined : Math.min(answer, offer ?? answer);
}

function sizeOf({ preferredMaxTpduSize, tpduSize }: Parameters): number | undefined {
  return preferredMaxTpduSize ?? tpduSize;
}
