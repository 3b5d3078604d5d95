/**
 * Checks a CC against the CR of this side (X.224 6.5.4, RFC 2126 §6.3), as a pure function: whether it answers the
 * offer, and what both sides have then agreed on.
 */
import { ProtocolError } from '../errors.js';
import type { Fault } from '../faults.js';
import { equalOctets, NO_OCTETS } from '../octets/octets.js';
import { ADDITIONAL_OPTIONS } from '../tpdu/codes.js';
import type { ConnectionConfirm, Diagnostic, TpduInitOf, TransportClass } from '../tpdu/types.js';
import {
  meaningfulOptions,
  NON_USE_OF_FLOW_CONTROL,
  proposedClasses,
} from './class-and-options.js';
import { confirmSize } from './tpdu-size.js';

/** How a CC is checked. */
export interface ConfirmOptions {
  /** Refuse deviations that are otherwise tolerated. Default `false`. */
  readonly strict?: boolean;
  /** The received CC, for the error. Default: none. */
  readonly octets?: Uint8Array;
}

/** What CR and an acceptable CC have agreed on. */
export interface Confirmation {
  readonly class: TransportClass;
  /** Size in force in both directions, in octets. */
  readonly maxTpduSize: number;
  /** Expedited data may be sent and received. */
  readonly expedited: boolean;
  /** Each ED is answered by an EA; class 2 only. */
  readonly expeditedAcknowledgement: boolean;
  /** Deviations that were tolerated here. Those that decoding tolerated are not among them. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Collects what is wrong with a CC: an error, or a diagnostic if it is tolerated. */
class Judgement {
  readonly diagnostics: Diagnostic[] = [];
  readonly #strict: boolean;
  readonly #octets: Uint8Array;

  constructor({ strict = false, octets = NO_OCTETS }: ConfirmOptions) {
    this.#strict = strict;
    this.#octets = octets;
  }

  fail(fault: Fault, octet?: number): never {
    throw new ProtocolError(fault, this.#octets, octet);
  }

  tolerate(fault: Fault, octet?: number): void {
    if (this.#strict) {
      this.fail(fault, octet);
    }
    this.diagnostics.push({ code: fault, octet });
  }

  /** An error with `strict`; otherwise decoding has noted the deviation already. */
  strictly(fault: Fault): void {
    if (this.#strict) {
      this.fail(fault);
    }
  }
}

/**
 * Checks a CC against the CR that it answers.
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
  options: ConfirmOptions = {},
): Confirmation {
  const judgement = new Judgement(options);
  const offered = offer.parameters ?? {};
  const answered = cc.parameters;
  judgeReference(offer, cc, judgement);
  judgeClass(offer, cc, judgement);
  const granted = grantedOptions(offered.additionalOptions, cc, judgement);
  if (answered.tpduSize !== undefined && answered.preferredMaxTpduSize !== undefined) {
    // Without `strict`, 0xF0 counts.
    judgement.strictly('cc-both-sizes');
  }
  const { maxTpduSize, isBeyondOffer } = confirmSize(offered, answered);
  //= X.224 6.5.4 j deviation: a tolerant initiator takes a CC with a larger size and keeps to its own offer
  if (isBeyondOffer) {
    judgement.tolerate('cc-size');
  }
  if (isOtherSelector(offered.calledTsel, answered.calledTsel)) {
    judgement.tolerate('cc-selector');
  }
  return {
    class: cc.class,
    maxTpduSize,
    expedited: (granted & ADDITIONAL_OPTIONS.expedited) !== 0,
    expeditedAcknowledgement: (granted & ADDITIONAL_OPTIONS.expeditedAcknowledgement) !== 0,
    diagnostics: judgement.diagnostics,
  };
}

//= X.224 13.4.3 deviation: a tolerant initiator accepts a CC of class 0 for another reference, because the TCP connection associates it with its CR
function judgeReference(
  offer: TpduInitOf<'CR'>,
  cc: ConnectionConfirm,
  judgement: Judgement,
): void {
  if (cc.dstRef !== offer.srcRef) {
    if (cc.class !== 0) {
      judgement.fail('cc-ref-mismatch', 4);
    }
    // In class 0 the TCP connection associates the CC with its CR, and many peers send 0 here.
    judgement.tolerate('cc-ref-mismatch', 4);
  }
}

function judgeClass(offer: TpduInitOf<'CR'>, cc: ConnectionConfirm, judgement: Judgement): void {
  const { classes } = proposedClasses(offer.class ?? 0, offer.parameters?.alternativeClasses);
  //= RFC 2126 7
  //= RFC 2126 6.3
  if (!classes.includes(cc.class)) {
    judgement.fail('cc-class', 7);
  }
  //= X.224 6.5.4 l
  //= X.224 6.5.4 o
  //= RFC 2126 4.2.1 flow control
  if (cc.class === 2 && cc.options !== NON_USE_OF_FLOW_CONTROL) {
    // RFC 2126 §4.2.1: class 2 over TCP is octet 0x21, nothing else.
    judgement.fail('cc-options', 7);
  }
}

/** The bits of 0xC6 that the CC grants. It must not grant what the CR does not ask for (table 4). */
//= X.224 6.5.4 Table 4
//= RFC 2126 4.2.1 bit 4
function grantedOptions(
  asked: number | undefined,
  cc: ConnectionConfirm,
  judgement: Judgement,
): number {
  const granted = meaningfulOptions(cc.class, cc.parameters.additionalOptions);
  if ((granted & ~meaningfulOptions(cc.class, asked)) !== 0) {
    judgement.fail('cc-options');
  }
  return granted;
}

/**
 * Whether the CC has another responding T-selector than the called one, which X.224 13.4.4 does not allow. A CR or CC
 * without it states nothing.
 */
//= X.224 13.2.3 nil selector deviation: a strict initiator refuses an empty responding selector if it called one that is not empty, because the responding selector must be the called one (13.4.4)
function isOtherSelector(
  called: Uint8Array | undefined,
  responding: Uint8Array | undefined,
): boolean {
  return called !== undefined && responding !== undefined && !equalOctets(called, responding);
}
