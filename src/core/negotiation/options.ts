/**
 * Bits of the class octet and of parameter 0xC6 that this side understands (X.224 13.3.3, 13.3.4 f;
 * RFC 1006 §5; RFC 2126 §6.6), and how they are agreed: asked for and granted, or not (table 4).
 */
import type { TransportClass } from '../tpdu/types.js';

/** Octet 7, bit 1: non-use of explicit flow control, without which RFC 2126 has no class 2. */
export const NON_USE_OF_FLOW_CONTROL = 0x01;

/** Bits of 0xC6. */
export const ADDITIONAL_OPTIONS = {
  /** Transport expedited data. */
  expedited: 0x01,
  /** Class 2 of RFC 2126: each ED is answered by an EA. */
  expeditedAcknowledgement: 0x20,
} as const;

/**
 * Bits of 0xC6 that mean something in a class once chosen: bit 1 alone in class 0 (RFC 1006 §5),
 * bits 1, 4, 6 and 7 in class 2 (RFC 2126 §6.6).
 */
//= X.224 6.5.4 absent parameters
//= RFC 1006 5 expedited negotiation
//= RFC 2126 4.1.1 expedited
//= RFC 2126 4.2.1 bit 1
//= RFC 2126 6.6
export function meaningfulOptions(selected: TransportClass, additionalOptions = 0): number {
  if ((additionalOptions & ADDITIONAL_OPTIONS.expedited) === 0) {
    // Without expedited data the bits that shape it do not matter (RFC 2126 §6.6).
    return 0;
  }
  return additionalOptions & (selected === 2 ? 0x69 : ADDITIONAL_OPTIONS.expedited);
}
