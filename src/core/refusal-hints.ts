/**
 * What to try when a CR is refused, by the way in which it was. Errors and the inspector give the same advice.
 */
import { DR_REASONS } from './tpdu/codes.js';
import type { TransportClass } from './tpdu/types.js';

/** What counts of a CR when advice is given. */
export interface Offer {
  /** The preferred class. */
  readonly class?: TransportClass | undefined;
  readonly parameters?: { readonly preferredMaxTpduSize?: number | undefined } | undefined;
}

/** Most controllers refuse a CR by closing TCP, so users need this advice most often. */
const CLOSED_HINT =
  'many devices refuse a CR in this way: check the remote T-selector (for S7 its rack and slot), whether the device has a free connection and allows this kind of access, and whether the port requires TLS';

/** Most deployed stacks know class 0 alone. Whether to try again is the decision of the user. */
const CLASS_HINT = 'the CR prefers class 2, which few peers know: try tpClass 0';

/** Several stacks drop TCP when a CR has parameter 0xF0, so the offer should be changed first. */
const SIZE_OFFER_HINT =
  "the CR offered its size by parameter 0xF0, and several stacks drop TCP when they receive it: try a maxTpduSize of at most 8192, or sizeOffer 'nonstandard'";

/** Advice when TCP ends before the CR is answered. */
export function hintOfClose(offer: Offer | undefined): string {
  const hints = [
    offer?.class === 2 && CLASS_HINT,
    offer?.parameters?.preferredMaxTpduSize !== undefined && SIZE_OFFER_HINT,
    CLOSED_HINT,
  ];
  return hints.filter((hint) => hint !== false).join('; otherwise, ');
}

const SELECTOR_HINT = 'check the remote T-selector';
const CONGESTION_HINT = 'the peer has no connection free; try again later';
const DR_HINTS: Readonly<Record<number, string>> = {
  [DR_REASONS.congestion]: CONGESTION_HINT,
  [DR_REASONS.notAttached]: `${SELECTOR_HINT}, and whether the application behind it runs`,
  [DR_REASONS.addressUnknown]: SELECTOR_HINT,
  [DR_REASONS.congestionAtConnect]: CONGESTION_HINT,
};

/** Advice when a DR with this reason answers the CR; `undefined` if there is none. */
export function hintOfDr(reason: number, offer: Offer | undefined): string | undefined {
  return reason === DR_REASONS.negotiationFailed && offer?.class === 2
    ? CLASS_HINT
    : DR_HINTS[reason];
}

/** Advice when an ER answers the CR. */
export const ER_HINT = 'try another sizeOffer or maxTpduSize';
