/**
 * What the bits of 0xC6 and the octet of 0xE0 mean in the classes of RFC 2126, in words.
 */
import type { TransportClass } from './types.js';

/** The bits of 0xC6 that RFC 2126 4.2.1 defines for class 2; class 0 has the first one alone (4.1.1). */
const OPTION_BITS: readonly (readonly [bit: number, name: string])[] = [
  [0x01, 'expedited data'],
  [0x20, 'EA'],
  [0x40, 'non-blocking'],
  [0x08, 'reverse connection'],
];

/** The options of 0xC6 by name; `undefined` in the classes in which its bits mean something else. */
export function optionNames(
  options: number,
  transportClass: TransportClass,
): readonly string[] | undefined {
  switch (transportClass) {
    case 0:
      return (options & 0x01) === 0 ? [] : ['expedited data'];
    case 2:
      return OPTION_BITS.filter(([bit]) => (options & bit) !== 0).map(([, name]) => name);
    default:
      return undefined;
  }
}

/** What the additional information of a DR means; empty if it belongs to the user (RFC 2126 4.2.3, RFC 1859). */
export function additionalInfoText(info: Uint8Array): string {
  if (info.length !== 1) {
    return '';
  }
  return info[0] === 0x80 ? 'non-disruptive' : info[0] === 0xc0 ? 'abort' : '';
}
