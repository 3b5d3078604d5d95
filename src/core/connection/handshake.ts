/**
 * What opens or refuses a transport connection: the CR, the CC and the DR of a refusal, and what CR and CC have agreed on.
 */
import type { Agreement } from '../engine.js';
import {
  classesOf,
  meaningfulOptions,
  NON_USE_OF_FLOW_CONTROL,
  optionBits,
  type Proposal,
  type TpClassChoice,
} from '../negotiation/class-and-options.js';
import type { Confirmation } from '../negotiation/confirm.js';
import {
  type AcceptResponse,
  type LocalCapabilities,
  respond,
  usableClasses,
} from '../negotiation/respond.js';
import { NO_OCTETS } from '../octets/octets.js';
import { ADDITIONAL_OPTIONS, MAX_TPDU_SIZE } from '../tpdu/codes.js';
import { encode } from '../tpdu/encode.js';
import type {
  ConnectionRequest,
  ParametersInit,
  RawParameter,
  RemoteDesktopInit,
  TpduInitOf,
} from '../tpdu/types.js';
import type { ConnectionOptions } from './options.js';
import type { Acceptance } from './transition.js';

/** The parts of a CR that an initiator chooses. */
export interface ConnectRequestInit {
  readonly parameters: Pick<
    ParametersInit,
    'callingTsel' | 'calledTsel' | 'tpduSize' | 'preferredMaxTpduSize'
  >;
  /** The classes to offer. Default 0. */
  readonly tpClass?: TpClassChoice | undefined;
  /** Ask for expedited data. Default `false`. */
  readonly expedited?: boolean | undefined;
  /** Ask for an EA for each ED; only with `expedited`, and only in class 2. Default `false`. */
  readonly expeditedAck?: boolean | undefined;
  /** Further parameters, written last, in this order. */
  readonly extraParameters?: readonly RawParameter[] | undefined;
  /** The form of remote desktop, which has no parameters. */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
  readonly userData: Uint8Array;
}

/** The options that decide what is negotiated. */
export type NegotiationOptions = Pick<
  ConnectionOptions,
  'strict' | 'maxTpduSize' | 'takesRemoteDesktop' | 'tpClass' | 'expedited' | 'expeditedAck'
>;

/**
 * The CR of an initiator (X.224 13.3). With class 2 it always has 0xC6, because X.224 and RFC 2126 have different
 * defaults. With class 0 it has 0xC6 only to ask for expedited data, because several peers refuse 0xC6.
 */
//= X.224 6.5.4 b
//= X.224 8.2.2 1
//= X.224 8.2.2 1 deviation: encode writes, and decode reads, parameters of other classes in a CR of class 0 too; connect sends none but those of the option extraParameters
//= X.224 14.4 a
//= RFC 2126 6.3
//= RFC 2126 6.6
export function connectionRequest(localRef: number, request: ConnectRequestInit): TpduInitOf<'CR'> {
  const { remoteDesktop, userData, tpClass = 0, expedited = false, expeditedAck = false } = request;
  const { extraParameters = [] } = request;
  const [preferred = 0, ...alternatives] = classesOf(tpClass);
  const asked = optionBits(expedited, expeditedAck && preferred === 2);
  const { callingTsel, calledTsel, tpduSize, preferredMaxTpduSize } = request.parameters;
  const parameters = {
    callingTsel,
    calledTsel,
    tpduSize,
    preferredMaxTpduSize,
    additionalOptions: preferred === 2 || asked !== 0 ? asked : undefined,
    alternativeClasses: alternatives.length > 0 ? alternatives : undefined,
  };
  const options = preferred === 2 ? NON_USE_OF_FLOW_CONTROL : 0;
  return {
    type: 'CR',
    srcRef: localRef,
    class: preferred,
    options,
    parameters,
    unknownParameters: extraParameters,
    remoteDesktop,
    userData,
  };
}

/** What this side supports, for the answer to a CR. */
//= X.224 14.2
export function capabilitiesOf(options: NegotiationOptions): LocalCapabilities {
  const { strict, maxTpduSize, tpClass = 0, expedited = false, expeditedAck = true } = options;
  return {
    classes: classesOf(tpClass),
    maxTpduSize,
    // 0xF0 is always understood. It is answered by 0xF0 only above 2048 octets, the most that 0xC0 states in class 0.
    usePreferredMaxTpduSize: maxTpduSize > 2048,
    expedited,
    expeditedAck,
    strict,
  };
}

/** The choices that the answer to this CR has. */
export function proposalOf(request: ConnectionRequest, options: NegotiationOptions): Proposal {
  const { classes } = capabilitiesOf(options);
  const tpClasses = usableClasses(request, classes);
  const asked = meaningfulOptions(2, request.parameters.additionalOptions);
  const isAckAsked = request.class === 2 && tpClasses.includes(2);
  return {
    tpClasses,
    expedited: (asked & ADDITIONAL_OPTIONS.expedited) !== 0,
    expeditedAck: isAckAsked && (asked & ADDITIONAL_OPTIONS.expeditedAcknowledgement) !== 0,
  };
}

/** An encoded CC, and what it agrees on; sizes in octets. */
export interface EncodedConfirm {
  readonly octets: Uint8Array;
  readonly inForce: InForce;
}

/** What CR and CC have agreed on. */
export type InForce = Pick<
  Confirmation,
  'class' | 'maxTpduSize' | 'expedited' | 'expeditedAcknowledgement'
>;

/**
 * Most octets of two selectors in a CC: LI is 254 at most (X.224 13.2.1), less 6 of the fixed part, 4 of the codes and
 * lengths of the two, 6 of a size by 0xF0 and 3 of 0xC6. The selectors of a CR may have a few octets more.
 */
const MOST_TSEL_OCTETS = 254 - 6 - 4 - 6 - 3;

/**
 * The CC in answer to a CR. It always has the size (RFC 2126 §6.4), and both selectors of the CR if they fit: a CC need
 * not repeat them (X.224 13.4.4).
 *
 * @param usual the answer if `acceptance` chooses nothing; computed if it is absent
 * @throws RangeError for user data that does not fit, TypeError for a CR that cannot be accepted
 */
//= X.224 6.5.4 b
//= X.224 13.4.4
//= RFC 2126 6.4
export function connectionConfirm(
  request: ConnectionRequest,
  acceptance: Acceptance,
  options: ConnectionOptions,
  usual?: AcceptResponse,
): EncodedConfirm {
  if (request.remoteDesktop !== undefined) {
    return remoteDesktopConfirm(request, acceptance, options);
  }
  if (acceptance.remoteDesktop !== undefined) {
    throw new TypeError(
      'options.remoteDesktop must be left out: the CR is not one of remote desktop',
    );
  }
  const { callingTsel, calledTsel } = request.parameters;
  const tselOctets = (callingTsel?.length ?? 0) + (calledTsel?.length ?? 0);
  const repeats = tselOctets <= MOST_TSEL_OCTETS;
  const isUsual = usual !== undefined && choosesNothing(acceptance);
  const response = isUsual ? usual : acceptedResponse(request, acceptance, options);
  const { parameters } = response;
  const octets = encode({
    type: 'CC',
    dstRef: request.srcRef,
    srcRef: options.localRef,
    class: response.class,
    options: response.options,
    parameters: {
      callingTsel: repeats ? callingTsel : undefined,
      calledTsel: repeats ? calledTsel : undefined,
      tpduSize: parameters.tpduSize,
      preferredMaxTpduSize: parameters.preferredMaxTpduSize,
      additionalOptions: parameters.additionalOptions,
    },
    userData: acceptance.userData ?? NO_OCTETS,
  });
  return { octets, inForce: response };
}

/**
 * The CC in answer to a CR of remote desktop, which expects no parameters. Without a size, 65531 octets apply (RFC 1006
 * §5).
 */
function remoteDesktopConfirm(
  request: ConnectionRequest,
  { remoteDesktop, userData = NO_OCTETS, maxTpduSize = MAX_TPDU_SIZE }: Acceptance,
  { localRef }: ConnectionOptions,
): EncodedConfirm {
  const { srcRef: dstRef } = request;
  const octets = encode({ type: 'CC', dstRef, srcRef: localRef, remoteDesktop, userData });
  const inForce: InForce = {
    class: 0,
    maxTpduSize,
    expedited: false,
    expeditedAcknowledgement: false,
  };
  return { octets, inForce };
}

/**
 * The DR that refuses a CR. Its SRC-REF is 0, because this side has no reference for the connection (X.224 6.6).
 *
 * @param userData 1 to 64 octets; none if the CR prefers class 0
 */
//= X.224 6.6.3 para 1
export function refusal(remoteRef: number, reason: number, userData?: Uint8Array): Uint8Array {
  const data = userData ?? NO_OCTETS;
  return encode({ type: 'DR', dstRef: remoteRef, srcRef: 0, reason, userData: data });
}

/**
 * What both sides have agreed on. Without a size in the CC the size of the CR applies, and 65531 if neither has one. In
 * that case this side sends no larger TPDU than it accepts.
 */
//= X.224 14.4 e
export function agreementOn(
  inForce: InForce,
  remoteRef: number,
  options: Pick<ConnectionOptions, 'localRef' | 'maxTpduSize'>,
): Agreement {
  return {
    tpClass: inForce.class === 2 ? 2 : 0,
    maxTpduSize: Math.min(inForce.maxTpduSize, options.maxTpduSize),
    localRef: options.localRef,
    remoteRef,
    expedited: inForce.expedited,
    expeditedAck: inForce.expeditedAcknowledgement,
  };
}

/** Nothing that class, size or options of the CC depend on. */
function choosesNothing({ maxTpduSize, tpClass, expedited, expeditedAck }: Acceptance): boolean {
  return (maxTpduSize ?? tpClass ?? expedited ?? expeditedAck) === undefined;
}

function acceptedResponse(
  request: ConnectionRequest,
  acceptance: Acceptance,
  options: NegotiationOptions,
): AcceptResponse {
  const { strict, maxTpduSize } = options;
  checkChoice(acceptance, request, options);
  const chosen = {
    strict,
    maxTpduSize: Math.min(maxTpduSize, acceptance.maxTpduSize ?? maxTpduSize),
    tpClass: acceptance.tpClass ?? options.tpClass,
    expedited: acceptance.expedited ?? options.expedited,
    expeditedAck: acceptance.expeditedAck ?? options.expeditedAck,
  };
  const response = respond(request, capabilitiesOf(chosen));
  if (response.type === 'refuse') {
    throw new TypeError(
      `the CR offers no class that this side supports: refuse it, with reason ${response.reason}`,
    );
  }
  return response;
}

/** @throws TypeError for a choice that the CR does not offer */
function checkChoice(
  { tpClass, expedited, expeditedAck }: Acceptance,
  request: ConnectionRequest,
  options: NegotiationOptions,
): void {
  if (tpClass === undefined && expedited !== true && expeditedAck !== true) {
    return;
  }
  const proposal = proposalOf(request, options);
  if (tpClass !== undefined && !proposal.tpClasses.includes(tpClass)) {
    const usable = proposal.tpClasses.join(' or ');
    throw new TypeError(`options.tpClass must be ${usable} in answer to this CR, not ${tpClass}`);
  }
  if (expedited === true && !proposal.expedited) {
    throw new TypeError('options.expedited cannot be true: the CR does not ask for expedited data');
  }
  if (expeditedAck === true && !proposal.expeditedAck) {
    throw new TypeError('options.expeditedAck cannot be true: the CR does not ask for it');
  }
}
