/**
 * The options with which octets are decoded here and in the properties of the codec.
 */
import type { DecodeOptions, TransportClass } from 'cotp/tpdu';

const CLASSES: readonly (TransportClass | undefined)[] = [undefined, 0, 1, 2, 3, 4];

/** All combinations of decoding options except `strict`. */
export const CONTEXTS: readonly DecodeOptions[] = CLASSES.flatMap((transportClass) =>
  [false, true].map((flag) => ({
    ...(transportClass === undefined ? {} : { class: transportClass }),
    extendedFormats: flag,
    expedited: flag,
    verifyChecksum: flag,
    ...(flag ? { maxTpduSize: 128 } : {}),
  })),
);
