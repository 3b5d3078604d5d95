/**
 * What the bits of 0xC6 and the octet of 0xE0 mean in the classes of RFC 2126, in words.
 */
import { ADDITIONAL_INFO, ADDITIONAL_OPTIONS } from './codes.js';
import type { TransportClass } from './types.js';

/** The bits of 0xC6 that RFC 2126 4.2.1 defines for class 2; class 0 has the first one alone (4.1.1). */
const OPTION_BITS: readonly (readonly [bit: number, name: string])[] = [
  [ADDITIONAL_OPTIONS.expedited, 'expedited data'],
  [ADDITIONAL_OPTIONS.expeditedAcknowledgement, 'EA'],
  [ADDITIONAL_OPTIONS.nonBlocking, 'non-blocking'],
  [ADDITIONAL_OPTIONS.reverseConnection, 'reverse connection'],
];

/** The options of 0xC6 by name; `undefined` in the classes in which its bits mean something else. */
export function optionNames(
  options: number,
  transportClass: TransportClass,
): readonly string[] | undefined {
  switch (transportClass) {
    case 0:
      return (options & ADDITIONAL_OPTIONS.expedited) === 0 ? [] : ['expedited data'];
    case 2:
      return OPTION_BITS.filter(([bit]) => (options & bit) !== 0).map(([, name]) => name);
    default:
      return undefined;
  }
}

/** What the additional information of a DR means; empty if it belongs to the user (RFC 2126 4.2.3, RFC 1859). */
export function additionalInfoText(info: Uint8Array): string {
  const [octet] = info.length === 1 ? info : [];
  switch (octet) {
    case ADDITIONAL_INFO.nonDisruptive:
      return 'non-disruptive';
    case ADDITIONAL_INFO.abort:
      return 'abort';
    default:
      return '';
  }
}
