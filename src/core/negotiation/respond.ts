/**
 * Computes the answer of a responder to a CR, as a pure function (X.224 6.5.4, 6.6; RFC 2126 §4). It does not depend on
 * users, selectors or references.
 */
import { ProtocolError } from '../errors.js';
import { NO_OCTETS } from '../octets/octets.js';
import { ADDITIONAL_OPTIONS, DR_REASONS, MAX_TPDU_SIZE } from '../tpdu/codes.js';
import type { ConnectionRequest, Parameters, TransportClass } from '../tpdu/types.js';
import {
  meaningfulOptions,
  NON_USE_OF_FLOW_CONTROL,
  optionBits,
  proposedClasses,
} from './class-and-options.js';
import { answerSize } from './tpdu-size.js';

/** A class that this library supports. */
export type SupportedClass = 0 | 2;

/** What this side supports. */
export interface LocalCapabilities {
  readonly classes: readonly SupportedClass[];
  /** Largest TPDU that this side accepts, in octets. A value above 65531 counts as 65531. */
  readonly maxTpduSize: number;
  /** Answer a preferred maximum TPDU size (0xF0) by 0xF0. Default `false`: by 0xC0. */
  readonly usePreferredMaxTpduSize?: boolean;
  /** Grant expedited data to a CR that asks for it. Default `false`. */
  readonly expedited?: boolean;
  /** Grant an EA for each ED to a CR that asks for it; class 2 only. Default `true`. */
  readonly expeditedAck?: boolean;
  /** Refuse an alternative class that X.224 table 3 does not allow. Default `false`. */
  readonly strict?: boolean;
}

/** The CR can be accepted: the content of the CC, and what both sides have then agreed on. */
export interface AcceptResponse {
  readonly type: 'accept';
  readonly class: SupportedClass;
  /** Bits 4 to 1 of octet 7. */
  readonly options: number;
  /** The size, by either 0xC0 or 0xF0; and 0xC6 if the CC needs it. */
  readonly parameters: Pick<Parameters, 'tpduSize' | 'preferredMaxTpduSize' | 'additionalOptions'>;
  /** Size in force, in octets. */
  readonly maxTpduSize: number;
  /** Expedited data may be sent and received. */
  readonly expedited: boolean;
  /** Each ED is answered by an EA; class 2 only. */
  readonly expeditedAcknowledgement: boolean;
}

/** The CR cannot be accepted. */
export interface RefuseResponse {
  readonly type: 'refuse';
  /** DR reason (X.224 13.5.3). */
  readonly reason: number;
}

/**
 * Computes the answer to a CR from what it proposes and what this side supports.
 *
 * @param octets of the CR, for the error
 * @throws ProtocolError `class-combination` when strict and table 3 does not allow an alternative
 */
//= X.224 6.5.4 i para 2
//= X.224 13.5.3 a to c
//= RFC 1006 3 quality of service
//= RFC 2126 3.1
//= RFC 2126 4
export function respond(
  request: ConnectionRequest,
  local: LocalCapabilities,
  octets: Uint8Array = NO_OCTETS,
): AcceptResponse | RefuseResponse {
  const { strict = false } = local;
  if (strict) {
    verifyAlternatives(request, octets);
  }
  const [selected] = usableClasses(request, local.classes);
  if (selected !== undefined) {
    return acceptIn(selected, request, local);
  }
  // Class 0 has no reason that says more.
  const { notSpecified, negotiationFailed } = DR_REASONS;
  return { type: 'refuse', reason: request.class === 0 ? notSpecified : negotiationFailed };
}

/** @throws ProtocolError `class-combination` */
//= X.224 6.5.4 Table 3 deviation: a tolerant responder ignores an alternative that the table does not allow
function verifyAlternatives(
  { class: preferred, parameters }: ConnectionRequest,
  octets: Uint8Array,
): void {
  const { invalidAlternative } = proposedClasses(preferred, parameters.alternativeClasses);
  if (invalidAlternative !== undefined) {
    throw new ProtocolError('class-combination', octets, undefined, {
      detail: `class ${preferred} with alternative ${invalidAlternative}`,
    });
  }
}

/**
 * The classes that a CR proposes and this side supports, highest first. The first one is selected: in table 3 the
 * preferred class is always the highest.
 */
//= X.224 6.5.4 i para 2
//= X.224 6.5.4 o
//= RFC 2126 4.2.1 flow control
export function usableClasses(
  request: ConnectionRequest,
  supported: readonly SupportedClass[],
): readonly SupportedClass[] {
  const { class: preferred, parameters, options } = request;
  const isUsable = (transportClass: TransportClass): transportClass is SupportedClass =>
    (supported as readonly TransportClass[]).includes(transportClass) &&
    (transportClass !== 2 || (options & NON_USE_OF_FLOW_CONTROL) !== 0);
  const { classes } = proposedClasses(preferred, parameters.alternativeClasses);
  return classes.filter(isUsable);
}

function acceptIn(
  selected: SupportedClass,
  request: ConnectionRequest,
  local: LocalCapabilities,
): AcceptResponse {
  const size = answerSize(request.parameters, {
    maxTpduSize: local.maxTpduSize,
    usePreferred: local.usePreferredMaxTpduSize ?? false,
    strict: local.strict ?? false,
    class: selected,
  });
  const granted = grantedOptions(request, selected, local);
  return {
    type: 'accept',
    class: selected,
    options: selected === 2 ? NON_USE_OF_FLOW_CONTROL : 0,
    // A CC of class 2 always has 0xC6, because X.224 and RFC 2126 have different defaults (RFC 2126 §6.6). Several
    // peers of class 0 refuse 0xC6.
    parameters: selected === 2 || granted !== 0 ? { ...size, additionalOptions: granted } : size,
    maxTpduSize: size.preferredMaxTpduSize ?? size.tpduSize ?? MAX_TPDU_SIZE,
    expedited: (granted & ADDITIONAL_OPTIONS.expedited) !== 0,
    expeditedAcknowledgement: (granted & ADDITIONAL_OPTIONS.expeditedAcknowledgement) !== 0,
  };
}

/**
 * The bits of 0xC6 to grant. The reverse connection and non-blocking expedited data require a second TCP connection, so
 * they are not granted. Bit 6 means EA only if the CR prefers class 2; it has another meaning in the higher classes.
 */
//= X.224 6.5.4 q
//= X.224 6.5.4 class 2 options deviation: RFC 2126 4.2.1 gives class 2 expedited data without explicit flow control
//= RFC 2126 4.2.1 bit 6
//= RFC 2126 4.2.1 bit 7
//= RFC 2126 4.2.1 bit 4
//= RFC 2126 6.7
function grantedOptions(
  request: ConnectionRequest,
  selected: SupportedClass,
  { expedited = false, expeditedAck = true }: LocalCapabilities,
): number {
  const asked = meaningfulOptions(selected, request.parameters.additionalOptions);
  return asked & optionBits(expedited, expeditedAck && request.class === 2);
}
