/**
 * What a CR and the CC behind it have agreed on (X.224 6.5): it counts for the TPDUs that follow on the
 * same stream. Knows no stream.
 */
import type { CotpError, DecodeOptions, Parameters, Tpdu } from '../../core/tpdu/index.js';

/** Bit 2 of the class octet: extended formats (X.224 13.3.3). */
const EXTENDED_FORMATS = 0x02;

/** Bit 1 of parameter 0xC6: expedited data (X.224 13.3.4 f). */
const EXPEDITED_DATA = 0x01;

/** Follows the TPDUs of one stream, both ways. */
export class Negotiated {
  #request: (Tpdu & { readonly type: 'CR' }) | undefined;
  #inForce: DecodeOptions = {};

  /** How the next TPDU of this type is to be read. */
  optionsFor(octets: Uint8Array): DecodeOptions {
    // A CR or CC begins anew, and its own class counts for it.
    const code = (octets[1] ?? 0) & 0xf0;
    return code === 0xe0 || code === 0xd0 ? {} : this.#inForce;
  }

  /** The next TPDU of the stream. */
  take(tpdu: Tpdu | CotpError): void {
    if (!('type' in tpdu)) {
      return;
    }
    if (tpdu.type === 'CR') {
      this.#request = tpdu;
      this.#inForce = {};
    } else if (tpdu.type === 'CC') {
      const size = sizeInForce(this.#request?.parameters, tpdu.parameters);
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
 * The size that the CC selects, at most what the CR has offered; without a word of the CC, what was
 * offered (RFC 2126 §6.3). `undefined` when neither names one, or nothing of the CR is known.
 */
function sizeInForce(offered: Parameters | undefined, selected: Parameters): number | undefined {
  const offer = offered?.preferredMaxTpduSize ?? offered?.tpduSize;
  const answer = selected.preferredMaxTpduSize ?? selected.tpduSize ?? offer;
  return answer === undefined ? undefined : Math.min(answer, offer ?? answer);
}
