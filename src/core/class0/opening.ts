/**
 * What opens a class 0 connection, or refuses one: CR, CC and DR, and what they agree on. Pure; it
 * knows nothing of when each is sent.
 */
import type { Agreement } from '../engine.js';
import { type AcceptResponse, type LocalCapabilities, respond } from '../negotiation/respond.js';
import { NO_OCTETS } from '../octets.js';
import { encode } from '../tpdu/encode.js';
import { MAX_TPDU_SIZE } from '../tpdu/size-codes.js';
import type { ConnectionRequest, TpduInitOf } from '../tpdu/types.js';
import type { Class0Acceptance, Class0Options, Class0Request } from './options.js';

/** The options that negotiation looks at. */
export type SizeOptions = Pick<Class0Options, 'strict' | 'maxTpduSize' | 'takesRemoteDesktop'>;

/** The CR of an initiator (X.224 13.3). */
export function connectionRequest(localRef: number, request: Class0Request): TpduInitOf<'CR'> {
  const { parameters, remoteDesktop, userData } = request;
  return { type: 'CR', srcRef: localRef, parameters, remoteDesktop, userData };
}

/** What a responder of class 0 can do, in answer to this CR. */
export function capabilitiesFor(
  { parameters }: ConnectionRequest,
  { strict, maxTpduSize }: SizeOptions,
): LocalCapabilities {
  return {
    classes: [0],
    maxTpduSize,
    // 0xF0 is understood always, and answered when it gains something: 0xC0 says 2048 at most.
    usePreferredMaxTpduSize: parameters.preferredMaxTpduSize !== undefined && maxTpduSize > 2048,
    strict,
  };
}

/** A CC ready to be sent, and the size that it puts in force, in octets. */
export interface EncodedConfirm {
  readonly octets: Uint8Array;
  readonly maxTpduSize: number;
}

/**
 * Octets that two selectors may come to in a CC: LI is 254 at most (X.224 13.2.1), less 6 of fixed part, 4
 * of heads of the two, 6 of a size by 0xF0 and 3 of 0xC6. Those of a CR may come to a few more.
 */
const MOST_TSEL_OCTETS = 254 - 6 - 4 - 6 - 3;

/**
 * The CC in answer to a CR: both selectors as they came, if they fit, and always the size
 * (RFC 2126 §6.4). A CC need not repeat selectors (X.224 13.4.4).
 *
 * @throws RangeError for user data that does not fit, TypeError for a CR that cannot be accepted
 */
export function connectionConfirm(
  request: ConnectionRequest,
  acceptance: Class0Acceptance,
  options: Class0Options,
): EncodedConfirm {
  if (request.remoteDesktop !== undefined) {
    return remoteDesktopConfirm(request, acceptance, options);
  }
  if (acceptance.remoteDesktop !== undefined) {
    throw new TypeError(
      'options.remoteDesktop answers a CR of remote desktop, and this is another',
    );
  }
  const { callingTsel, calledTsel } = request.parameters;
  const tselOctets = (callingTsel?.length ?? 0) + (calledTsel?.length ?? 0);
  const repeats = tselOctets <= MOST_TSEL_OCTETS;
  const { maxTpduSize, parameters } = acceptedResponse(request, acceptance, options);
  const octets = encode({
    type: 'CC',
    dstRef: request.srcRef,
    srcRef: options.localRef,
    parameters: {
      callingTsel: repeats ? callingTsel : undefined,
      calledTsel: repeats ? calledTsel : undefined,
      tpduSize: parameters.tpduSize,
      preferredMaxTpduSize: parameters.preferredMaxTpduSize,
      additionalOptions: parameters.additionalOptions,
    },
    userData: acceptance.userData ?? NO_OCTETS,
  });
  return { octets, maxTpduSize };
}

/**
 * The CC in answer to a CR of remote desktop, which expects no parameters: a size is never stated, which
 * stands for 65531 (RFC 1006 §5).
 */
function remoteDesktopConfirm(
  request: ConnectionRequest,
  { remoteDesktop, userData = NO_OCTETS, maxTpduSize = MAX_TPDU_SIZE }: Class0Acceptance,
  { localRef }: Class0Options,
): EncodedConfirm {
  const { srcRef: dstRef } = request;
  const octets = encode({ type: 'CC', dstRef, srcRef: localRef, remoteDesktop, userData });
  return { octets, maxTpduSize };
}

/** The DR that refuses a CR: its SRC-REF is 0, for no connection was made (X.224 6.6). */
export function refusal(remoteRef: number, reason: number): Uint8Array {
  return encode({ type: 'DR', dstRef: remoteRef, srcRef: 0, reason });
}

/**
 * What both sides hold to. The size in force is that of the CR when the CC states none, and 65531
 * when neither does; we send no larger TPDU than we take ourselves.
 */
export function agreementOn(
  maxTpduSize: number,
  remoteRef: number,
  options: Class0Options,
): Agreement {
  return {
    tpClass: 0,
    maxTpduSize: Math.min(maxTpduSize, options.maxTpduSize),
    localRef: options.localRef,
    remoteRef,
  };
}

function acceptedResponse(
  request: ConnectionRequest,
  acceptance: Class0Acceptance,
  { strict, maxTpduSize }: SizeOptions,
): AcceptResponse {
  const limit = Math.min(maxTpduSize, acceptance.maxTpduSize ?? maxTpduSize);
  const response = respond(request, capabilitiesFor(request, { strict, maxTpduSize: limit }));
  if (response.type === 'refuse') {
    throw new TypeError(`the CR cannot be accepted, only refused with reason ${response.reason}`);
  }
  return response;
}
