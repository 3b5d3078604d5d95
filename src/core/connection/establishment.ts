/**
 * How a transport connection is opened or refused, the same for every class: the rows of the table from TCP to
 * the CC, and CR, CC and DR with what they agree on.
 */
import type { Agreement } from '../engine.js';
import { type AcceptResponse, type LocalCapabilities, respond } from '../negotiation/respond.js';
import { NO_OCTETS } from '../octets/octets.js';
import { encode } from '../tpdu/encode.js';
import { MAX_TPDU_SIZE } from '../tpdu/codes.js';
import type {
  ConnectionRequest,
  ParametersInit,
  RemoteDesktopInit,
  TpduInitOf,
} from '../tpdu/types.js';
import type { ConnectionOptions } from './connection.js';
import type { Acceptance, Rows } from './transition.js';

/** The rows before a connection is open. */
export const ESTABLISHMENT: Rows = {
  WFNC: {
    //= X.224 6.5.4 para 1
    //= X.224 8.2.2 a and b
    //= X.224 A.4 Table A.6 NCONconf
    'N-CONNECT confirm': ['send CR', 'WFCC'],
    //= X.224 A.4 Table A.6 NDISind
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFCC: {
    //= X.224 A.4 Table A.6 CC
    CC: ['confirm connect', 'OPEN'],
    'CC unacceptable': ['fail', 'CLOSED'],
    //= X.224 6.9.1.4.2 d 2
    //= X.224 A.4 Table A.6 DR
    DR: ['refused', 'CLOSED'],
    //= X.224 A.4 Table A.6 ER
    ER: ['refused', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'N-RELEASE indication': ['fail', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    //= X.224 6.5.4 note 2
    timer: ['fail', 'CLOSED'],
  },
  WFCR: {
    //= X.224 A.4 Table A.6 CR
    CR: ['indicate connect', 'WFTRESP'],
    'CR unacceptable': ['refuse by DR', 'ENDING'],
    'CR invalid': ['refuse by ER', 'ENDING'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    // Before a CR there is no connection to report: a port scan is no error of the server.
    'N-RELEASE indication': ['drop', 'CLOSED'],
    'N-DISCONNECT indication': ['drop', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFTRESP: {
    //= X.224 6.5.4 para 1
    //= X.224 A.4 Table A.6 TCONresp
    'T-CONNECT response': ['send CC', 'OPEN'],
    'T-CONNECT refusal': ['refuse by DR', 'ENDING'],
    'T-DISCONNECT request': ['refuse by DR', 'ENDING'],
    //= X.224 A.4 Table A.6 DT deviation: data that follows the CR at once waits for the decision of the user, for several stacks do not wait for the CC
    DT: ['keep data', 'WFTRESP'],
    // The peer has gone: the indication is withdrawn.
    'N-RELEASE indication': ['fail', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['refuse by DR', 'ENDING'],
  },
};

/** The CR of an initiator: everything that is not fixed. */
export interface ConnectRequestInit {
  readonly parameters: Pick<
    ParametersInit,
    'callingTsel' | 'calledTsel' | 'tpduSize' | 'preferredMaxTpduSize'
  >;
  /** The form of remote desktop; it goes with no parameters. */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
  readonly userData: Uint8Array;
}

/** The options that negotiation looks at. */
export type SizeOptions = Pick<ConnectionOptions, 'strict' | 'maxTpduSize' | 'takesRemoteDesktop'>;

/** The CR of an initiator (X.224 13.3). */
//= X.224 6.5.4 b
//= X.224 8.2.2 1
//= X.224 8.2.2 1 deviation: encode writes, and decode reads, parameters of other classes in a CR of class 0 too; connect sends none
export function connectionRequest(localRef: number, request: ConnectRequestInit): TpduInitOf<'CR'> {
  const { parameters, remoteDesktop, userData } = request;
  return { type: 'CR', srcRef: localRef, parameters, remoteDesktop, userData };
}

/** What a responder of class 0 can do, in answer to this CR. */
//= X.224 14.2
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
//= X.224 6.5.4 b
//= X.224 13.4.4
//= RFC 2126 6.4
export function connectionConfirm(
  request: ConnectionRequest,
  acceptance: Acceptance,
  options: ConnectionOptions,
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
  { remoteDesktop, userData = NO_OCTETS, maxTpduSize = MAX_TPDU_SIZE }: Acceptance,
  { localRef }: ConnectionOptions,
): EncodedConfirm {
  const { srcRef: dstRef } = request;
  const octets = encode({ type: 'CC', dstRef, srcRef: localRef, remoteDesktop, userData });
  return { octets, maxTpduSize };
}

/** The DR that refuses a CR: its SRC-REF is 0, for no connection was made (X.224 6.6). */
//= X.224 6.6.3 para 1
export function refusal(remoteRef: number, reason: number): Uint8Array {
  return encode({ type: 'DR', dstRef: remoteRef, srcRef: 0, reason });
}

/**
 * What both sides hold to. The size in force is that of the CR when the CC states none, and 65531
 * when neither does; we send no larger TPDU than we take ourselves.
 */
//= X.224 14.4 e
export function agreementOn(
  maxTpduSize: number,
  remoteRef: number,
  options: ConnectionOptions,
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
  acceptance: Acceptance,
  { strict, maxTpduSize }: SizeOptions,
): AcceptResponse {
  const limit = Math.min(maxTpduSize, acceptance.maxTpduSize ?? maxTpduSize);
  const response = respond(request, capabilitiesFor(request, { strict, maxTpduSize: limit }));
  if (response.type === 'refuse') {
    throw new TypeError(`the CR cannot be accepted, only refused with reason ${response.reason}`);
  }
  return response;
}
