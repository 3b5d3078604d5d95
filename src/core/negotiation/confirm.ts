/**
 * The initiator's judgement of a CC as a pure function (X.224 6.5.4, RFC 2126 §6.3): is it an
 * answer to what was offered, and what is then in force.
 */
import { ProtocolError } from '../errors.js';
import { equalOctets, NO_OCTETS } from '../octets/octets.js';
import type { Fault } from '../faults.js';
import type { ConnectionConfirm, Diagnostic, TpduInitOf, TransportClass } from '../tpdu/types.js';
import {
  ADDITIONAL_OPTIONS,
  NON_USE_OF_FLOW_CONTROL,
  meaningfulOptions,
  proposedClasses,
} from './class-and-options.js';
import { confirmSize } from './tpdu-size.js';

/** How a CC is judged. */
export interface ConfirmOptions {
  /** Refuse what a tolerant reading lets pass. Default `false`. */
  readonly strict?: boolean;
  /** The CC as it came, for the error. Default: none. */
  readonly octets?: Uint8Array;
}

/** What an acceptable CC puts in force. */
export interface Confirmation {
  readonly class: TransportClass;
  /** Size in force in both directions, in octets. */
  readonly maxTpduSize: number;
  /** Expedited data may be sent and received. */
  readonly expedited: boolean;
  /** Each ED is answered by an EA; class 2 only. */
  readonly expeditedAcknowledgement: boolean;
  /** What a tolerant judgement let pass, beside what decoding did. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Judges a CC against the CR that it answers.
 *
 * @param offer the CR as it was sent
 * @throws ProtocolError `cc-class`, `cc-options`, and `cc-ref-mismatch` in classes above 0; when strict also
 * `cc-ref-mismatch` in class 0, `cc-size`, `cc-both-sizes` and `cc-selector`
 */
//= X.224 6.5.4 i para 3
//= RFC 2126 4
export function confirm(
  offer: TpduInitOf<'CR'>,
  cc: ConnectionConfirm,
  { strict = false, octets = NO_OCTETS }: ConfirmOptions = {},
): Confirmation {
  const diagnostics: Diagnostic[] = [];
  const fail = (fault: Fault, octet?: number): never => {
    throw new ProtocolError(fault, octets, octet);
  };
  const tolerate = (fault: Fault, octet?: number) => {
    if (strict) {
      fail(fault, octet);
    }
    diagnostics.push({ code: fault, octet });
  };
  const offered = offer.parameters ?? {};
  const answered = cc.parameters;

  //= X.224 13.4.3 deviation: a tolerant initiator takes a CC of class 0 for another reference, for the TCP connection associates it with its CR
  if (cc.dstRef !== offer.srcRef) {
    if (cc.class !== 0) {
      fail('cc-ref-mismatch', 4);
    }
    // X.224 6.9 associates by reference. In class 0 the TCP connection does it, and many peers send 0.
    tolerate('cc-ref-mismatch', 4);
  }
  const { classes } = proposedClasses(offer.class ?? 0, offered.alternativeClasses);
  //= RFC 2126 7
  //= RFC 2126 6.3
  if (!classes.includes(cc.class)) {
    fail('cc-class', 7);
  }
  //= X.224 6.5.4 l
  //= X.224 6.5.4 o
  //= RFC 2126 4.2.1 flow control
  if (cc.class === 2 && cc.options !== NON_USE_OF_FLOW_CONTROL) {
    // RFC 2126 §4.2.1: class 2 over TCP is octet 0x21, nothing else.
    fail('cc-options', 7);
  }
  //= X.224 6.5.4 Table 4
  //= RFC 2126 4.2.1 bit 4
  const granted = meaningfulOptions(cc.class, answered.additionalOptions);
  if ((granted & ~meaningfulOptions(cc.class, offered.additionalOptions)) !== 0) {
    // Table 4: what was not proposed cannot be granted.
    fail('cc-options');
  }
  if (answered.tpduSize !== undefined && answered.preferredMaxTpduSize !== undefined && strict) {
    // Tolerant, 0xF0 counts; decoding has noted it already.
    fail('cc-both-sizes');
  }
  const { maxTpduSize, isBeyondOffer } = confirmSize(offered, answered);
  //= X.224 6.5.4 j deviation: a tolerant initiator takes a CC with a larger size and keeps to its own offer
  if (isBeyondOffer) {
    tolerate('cc-size');
  }
  if (isOtherSelector(offered.calledTsel, answered.calledTsel)) {
    tolerate('cc-selector');
  }
  return {
    class: cc.class,
    maxTpduSize,
    expedited: (granted & ADDITIONAL_OPTIONS.expedited) !== 0,
    expeditedAcknowledgement: (granted & ADDITIONAL_OPTIONS.expeditedAcknowledgement) !== 0,
    diagnostics,
  };
}

/** The responding T-selector, where both sides state it, is the called one (X.224 13.4.4). */
//= X.224 13.2.3 nil selector deviation: a strict initiator refuses an empty responding selector, as any other, where it called one that is not empty
function isOtherSelector(
  called: Uint8Array | undefined,
  responding: Uint8Array | undefined,
): boolean {
  return called !== undefined && responding !== undefined && !equalOctets(called, responding);
}
