/**
 * What a CR and the CC behind it have agreed on (X.224 6.5): it counts for the TPDUs that follow on the
 * same stream. Knows no stream.
 */
import { confirmSize } from '../../core/negotiation/tpdu-size.js';
import { ADDITIONAL_OPTIONS, meaningfulOptions } from '../../core/negotiation/options.js';
import type { CotpError, DecodeOptions, Tpdu } from '../../core/tpdu/index.js';

/** Bit 2 of the class octet: extended formats (X.224 13.3.3). */
const EXTENDED_FORMATS = 0x02;

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
      const { class: transportClass, options, parameters } = tpdu;
      const offered = this.#request?.parameters;
      const statesSize =
        parameters.tpduSize !== undefined || parameters.preferredMaxTpduSize !== undefined;
      const additional = meaningfulOptions(transportClass, parameters.additionalOptions);
      this.#inForce = {
        class: transportClass,
        extendedFormats: (options & EXTENDED_FORMATS) !== 0,
        expedited: (additional & ADDITIONAL_OPTIONS.expedited) !== 0,
        // Without the CR a CC that states no size leaves it open.
        ...(offered !== undefined || statesSize
          ? { maxTpduSize: confirmSize(offered ?? {}, parameters).maxTpduSize }
          : {}),
      };
    }
  }
}
