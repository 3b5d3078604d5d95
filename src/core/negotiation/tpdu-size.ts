/**
 * How the TPDU size is negotiated (X.224 6.5.4 j and k, RFC 1006 §5, RFC 2126 §6.4): what to offer,
 * what to answer, what is then in force. All sizes in octets, header included.
 */
import { largestCodedSize, MAX_TPDU_SIZE, PREFERRED_SIZE_UNIT, SIZE_CODES } from '../tpdu/codes.js';
import type { Parameters, ParametersInit, TransportClass } from '../tpdu/types.js';

/** The two size parameters of a CR or CC. */
export type SizeParameters = Pick<Parameters, 'tpduSize' | 'preferredMaxTpduSize'>;

/**
 * How a size is offered:
 *
 * - `'deployed'`: in the form that deployed peers take. Up to 8192 by 0xC0 alone, with the codes 0x0C and
 *   0x0D that X.224 does not allow in class 0; above by 0xC0 = 8192 with 0xF0 beside it. Several stacks
 *   drop TCP when they see 0xF0, and all of those known take 0x0D.
 * - `'standard'` (RFC 2126 §6.4): up to 2048 by 0xC0; above by 0xF0 with 0xC0 = 2048 beside it, for a
 *   peer that does not know 0xF0 and finds no 0xC0 falls back to its own default.
 * - `'nonstandard'`: by 0xC0 alone, with the codes 0x0C to 0x0F.
 * - `'absent'`: not at all, which means 65531 (RFC 1006 §5).
 */
export type SizeOffer = 'deployed' | 'standard' | 'nonstandard' | 'absent';

/** Largest size that X.224 lets class 0 state by 0xC0, and the largest that it lets any class state. */
const MAX_STANDARD_SIZE = 1 << SIZE_CODES.lastInClass0;
const MAX_DEPLOYED_SIZE = 1 << SIZE_CODES.last;

/** The size parameters of a CR that offers at most `maxTpduSize`. */
//= RFC 2126 4.1.1 size
export function offerSize(maxTpduSize: number, form: SizeOffer = 'deployed'): SizeParameters {
  switch (form) {
    case 'absent':
      return {};
    case 'nonstandard':
      return { tpduSize: largestCodedSize(maxTpduSize, SIZE_CODES.lastSent) };
    case 'standard':
      return withPreferredAbove(MAX_STANDARD_SIZE, SIZE_CODES.lastInClass0, maxTpduSize);
    case 'deployed':
      return withPreferredAbove(MAX_DEPLOYED_SIZE, SIZE_CODES.last, maxTpduSize);
  }
}

/** 0xC0 up to `limit`, whose code is `lastCode`; above it 0xC0 = `limit` and 0xF0. */
//= X.224 6.5.4 note 10
function withPreferredAbove(limit: number, lastCode: number, maxTpduSize: number): SizeParameters {
  const tpduSize = largestCodedSize(maxTpduSize, lastCode);
  return maxTpduSize <= limit
    ? { tpduSize }
    : { tpduSize, preferredMaxTpduSize: inUnits(maxTpduSize) };
}

/** What a responder brings to the choice of a size. */
export interface SizeLimits {
  /** Largest TPDU that this side takes; above 65531 it counts as that. */
  readonly maxTpduSize: number;
  /** Answer 0xF0 by 0xF0. */
  readonly usePreferred: boolean;
  /** Name only sizes that X.224 allows in `class`. */
  readonly strict: boolean;
  /** Class selected. */
  readonly class: TransportClass;
}

/**
 * The size parameter of a CC. It is always there: the default of X.224 is 128, that of RFC 1006
 * 65531, and only an explicit answer leaves no doubt (RFC 2126 §6.4).
 */
//= X.224 6.5.4 j
//= X.224 6.5.4 k para 1
//= X.224 6.5.4 k para 2
//= X.224 6.5.4 k para 3
//= X.224 6.5.4 absent parameters
//= RFC 1006 5 TPDU size
//= RFC 2126 4.1.1 size
//= RFC 2126 4.2.1 size
//= RFC 2126 6.4
export function answerSize(offer: SizeParameters, limits: SizeLimits): SizeParameters {
  const { tpduSize = MAX_TPDU_SIZE, preferredMaxTpduSize } = offer;
  if (limits.usePreferred && preferredMaxTpduSize !== undefined) {
    return { preferredMaxTpduSize: inUnits(Math.min(preferredMaxTpduSize, limits.maxTpduSize)) };
  }
  return {
    tpduSize: largestCodedSize(Math.min(tpduSize, limits.maxTpduSize), lastCode(offer, limits)),
  };
}

/**
 * The largest code to answer with. No standard defines the codes above 0x0D. The answer is never larger
 * than the size offered, so only a peer that used such a code itself gets one. 0x10 is never sent: it says
 * 65536, and no TPKT holds that.
 */
function lastCode(offer: SizeParameters, { strict, class: selected }: SizeLimits): number {
  if (strict) {
    return selected === 0 ? SIZE_CODES.lastInClass0 : SIZE_CODES.last;
  }
  return offer.tpduSize === undefined ? SIZE_CODES.last : SIZE_CODES.lastSent;
}

/** What an answer puts in force, and whether it keeps to what was offered. */
export interface ConfirmedSize {
  readonly maxTpduSize: number;
  /** The answer is larger than the offer, or by 0xF0 without being asked. */
  readonly isBeyondOffer: boolean;
}

/**
 * The size in force after a CC. It is never larger than what was offered, whatever the answer says.
 */
//= X.224 6.5.4 j
//= X.224 6.5.4 k para 3
export function confirmSize(
  offer: Pick<ParametersInit, keyof SizeParameters>,
  answer: SizeParameters,
): ConfirmedSize {
  const { tpduSize, preferredMaxTpduSize } = answer;
  const usesPreferred = preferredMaxTpduSize !== undefined;
  const offered = usesPreferred
    ? (offer.preferredMaxTpduSize ?? offer.tpduSize)
    : (offer.tpduSize ?? offer.preferredMaxTpduSize);
  const ceiling = Math.min(offered ?? MAX_TPDU_SIZE, MAX_TPDU_SIZE);
  const stated = preferredMaxTpduSize ?? tpduSize ?? ceiling;
  return {
    maxTpduSize: Math.min(stated, ceiling),
    isBeyondOffer: stated > ceiling || (usesPreferred && offer.preferredMaxTpduSize === undefined),
  };
}

/** The largest multiple of 128 octets that is at most `size` and fits a TPKT: 65408 at most. */
function inUnits(size: number): number {
  const fitting = Math.min(size, MAX_TPDU_SIZE);
  return Math.floor(fitting / PREFERRED_SIZE_UNIT) * PREFERRED_SIZE_UNIT;
}
