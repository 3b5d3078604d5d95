/**
 * Determines which event of the transition table a received TPDU is, in class 0 and before the class is agreed on.
 * Pure functions; they do not know what an event does.
 */
import { type CotpError, ProtocolError } from '../errors.js';
import { confirm } from '../negotiation/confirm.js';
import { respond } from '../negotiation/respond.js';
import { octetAt, readUint } from '../octets/octets.js';
import { DR_REASONS } from '../tpdu/codes.js';
import { decode } from '../tpdu/decode.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  DecodeOptions,
  DisconnectRequest,
  TpduInitOf,
} from '../tpdu/types.js';
import { endedByPeer, refusedByRemoteDesktop, refusedByUs, unexpected } from './failures.js';
import { capabilitiesOf, type NegotiationOptions } from './handshake.js';
import { faultOr, type ReceivedTpdu, readDr, typeOf } from './received-tpdu.js';
import { STATES, type State, type TransitionInput } from './transition.js';

/** What it takes to decode and classify a TPDU, beside the state of the connection. */
export interface Context {
  readonly options: NegotiationOptions;
  /** The CR that this side has sent, and the one that it has received, each only until the connection is open. */
  readonly offer: TpduInitOf<'CR'> | undefined;
  readonly request: ConnectionRequest | undefined;
  readonly isResponder: boolean;
  readonly localRef: number;
  readonly remoteRef: number;
  /** Size in force, in octets; `undefined` before the connection is open. */
  readonly maxTpduSize: number | undefined;
  /** Octets received of a TSDU that is not complete. */
  readonly unfinished: number;
  /** Expedited data was agreed on. */
  readonly expedited: boolean;
  /** This side has sent an ED, and its EA has not come. */
  readonly isAckDue: boolean;
}

/** Decodes the one TPDU of a TPKT, in class 0 or before the class was agreed on. */
export function readOne(octets: Uint8Array, state: State, context: Context): ReceivedTpdu {
  const isDr = typeOf(octets) === 'DR';
  // A DR ends the connection even if it is faulty, and its reason says more than its fault. In WBCL no connection
  // opens any more, so deviations do not matter.
  const strict = context.options.strict && !isDr && state !== 'WBCL';
  const tpdu = faultOr(() => decode(octets, decodeOptions(state, strict, context)));
  const isFaultyDr = isDr && tpdu instanceof ProtocolError;
  const dr = isFaultyDr && state === 'WBCL' ? readDr(octets) : undefined;
  return { octets, tpdu: dr ?? tpdu };
}

/** Determines which event a TPDU is in this state, in class 0 or before the class was agreed on. */
export function classify(
  { octets, tpdu }: ReceivedTpdu,
  state: State,
  context: Context,
): TransitionInput {
  if (tpdu instanceof ProtocolError) {
    return classifyFault(octets, tpdu, state, context);
  }
  switch (tpdu.type) {
    case 'CR':
      return classifyRequest(tpdu, octets, state, context);
    case 'CC':
      return classifyConfirm(tpdu, octets, state, context);
    case 'DT':
      return context.options.strict &&
        STATES[state].takesData &&
        isEmptyTsdu(tpdu.userData, context)
        ? undecodable(octets, new ProtocolError('empty-tsdu', octets, 3))
        : { event: 'DT', tpdu, octets };
    case 'DR':
      return classifyDisconnect(tpdu, octets, state, context);
    case 'ER':
      return { event: 'ER', tpdu, octets };
    case 'ED':
      return STATES[state].takesData
        ? { event: 'ED', tpdu, octets }
        : { event: 'other TPDU', tpdu, octets };
    default:
      return { event: 'other TPDU', tpdu, octets };
  }
}

/**
 * Where data may come, the header form of class 0 and the agreed size are checked too; after a CR of class 0, the header
 * form.
 */
function decodeOptions(
  state: State,
  strict: boolean,
  { maxTpduSize, expedited, request }: Context,
): DecodeOptions {
  if (STATES[state].takesData) {
    return { strict, class: 0, expedited, maxTpduSize: maxTpduSize ?? Number.POSITIVE_INFINITY };
  }
  return request?.class === 0 ? { strict, class: 0 } : { strict };
}

function classifyFault(
  octets: Uint8Array,
  fault: ProtocolError,
  state: State,
  context: Context,
): TransitionInput {
  if (state === 'WFCR') {
    return invalidFirst(octets, fault);
  }
  if (state === 'WFCC' && fault.fault === 'option-bits') {
    // With `strict`, decoding refuses the option bits of a CC of class 2. It gets the same answer as without.
    const tolerated = faultOr(() => decode(octets));
    if ('type' in tolerated && tolerated.type === 'CC') {
      return unacceptable(tolerated, octets, fault, context);
    }
  }
  return undecodable(octets, fault);
}

/** A DR before the connection is open requires a DC if it has a SRC-REF and the CR did not prefer class 0. */
//= X.224 6.7.1.5 d
//= X.224 6.9.1.4.2 d 2
function classifyDisconnect(
  tpdu: DisconnectRequest & Decoded,
  octets: Uint8Array,
  state: State,
  { offer, request, unfinished }: Context,
): TransitionInput {
  if (STATES[state].takesData && unfinished > 0) {
    const error = endedByPeer(state, tpdu, octets, unfinished);
    return { event: 'DR within a TSDU', tpdu, error };
  }
  // Once the connection is open, neither CR is known.
  const preferred = (offer ?? request)?.class ?? 0;
  const requiresDc = preferred !== 0 && tpdu.srcRef !== 0;
  return { event: requiresDc ? 'DR with SRC-REF' : 'DR', tpdu, octets };
}

/** A CR: the first one is checked against the options of this side. */
function classifyRequest(
  tpdu: ConnectionRequest & Decoded,
  octets: Uint8Array,
  state: State,
  context: Context,
): TransitionInput {
  if (state === 'WFCR') {
    return classifyFirst(tpdu, octets, context);
  }
  const { request } = context;
  //= X.224 6.9.1.4.2 para 1
  return request !== undefined && request.class !== 0 && isRepeated(tpdu, request)
    ? { event: 'discarded TPDU' }
    : { event: 'CR', tpdu, octets };
}

/** A CR that repeats the one that this side has received, which only class 4 does. */
function isRepeated(again: ConnectionRequest, first: ConnectionRequest): boolean {
  return again.class === 4 && again.srcRef === first.srcRef;
}

/** The first CR: acceptable, refused by rule, or invalid (X.224 6.6). */
function classifyFirst(
  tpdu: ConnectionRequest & Decoded,
  octets: Uint8Array,
  { options }: Context,
): TransitionInput {
  if (tpdu.remoteDesktop !== undefined && options.takesRemoteDesktop !== true) {
    return invalidFirst(octets, new ProtocolError('remote-desktop', octets, 8));
  }
  const response = faultOr(() => respond(tpdu, capabilitiesOf(options), octets));
  if (response instanceof ProtocolError) {
    return invalidFirst(octets, response);
  }
  if (response.type === 'accept') {
    return { event: 'CR', tpdu, octets, response };
  }
  const { reason } = response;
  const error = refusedByUs('WFCR', reason);
  return { event: 'CR unacceptable', remoteRef: tpdu.srcRef, reason, error, octets };
}

/**
 * An invalid CR. X.224 6.6 leaves the answer open: it is an ER if the CR prefers class 0, otherwise a DR, and none if
 * the SRC-REF cannot be read.
 */
//= X.224 6.6.3 para 3
//= X.224 6.6.3 note 1
//= X.224 6.22.1.3 para 4
function invalidFirst(octets: Uint8Array, error: ProtocolError): TransitionInput {
  if (octets.length < 7 || typeOf(octets) !== 'CR') {
    return undecodable(octets, error);
  }
  const remoteRef = readUint(octets, 4, 2);
  const preferredClass = octetAt(octets, 6) >> 4;
  return preferredClass === 0
    ? { event: 'CR invalid', octets, remoteRef, error }
    : { event: 'CR unacceptable', octets, remoteRef, error, reason: DR_REASONS.protocolError };
}

/** A CC: checked against our CR if it answers that. */
function classifyConfirm(
  tpdu: ConnectionConfirm & Decoded,
  octets: Uint8Array,
  state: State,
  context: Context,
): TransitionInput {
  const { offer, options, localRef } = context;
  if (state === 'WBCL') {
    const isReleasable = tpdu.class === 2 && tpdu.dstRef === localRef;
    return isReleasable
      ? { event: 'unwanted CC', tpdu }
      : { event: 'CC unacceptable', octets, error: unexpected(state, tpdu, octets) };
  }
  if (offer === undefined || state !== 'WFCC') {
    return { event: 'CC unacceptable', octets, error: unexpected(state, tpdu, octets) };
  }
  const { strict } = options;
  const refused = refusedNegotiation(tpdu, octets, offer);
  if (refused !== undefined) {
    return { event: 'CC unacceptable', octets, error: refused };
  }
  const confirmation = faultOr(() => confirm(offer, tpdu, { strict, octets }));
  if (confirmation instanceof ProtocolError) {
    return unacceptable(tpdu, octets, confirmation, context);
  }
  if (confirmation.diagnostics.length === 0) {
    return { event: 'CC', tpdu, confirmation };
  }
  const diagnostics = [...tpdu.diagnostics, ...confirmation.diagnostics];
  return { event: 'CC', tpdu: { ...tpdu, diagnostics }, confirmation };
}

/**
 * A CC that cannot be accepted. If it selects class 2 and class 2 was offered, the connection is open for the peer, so a
 * DR must end it.
 */
function unacceptable(
  tpdu: ConnectionConfirm & Decoded,
  octets: Uint8Array,
  error: ProtocolError,
  { offer, localRef }: Context,
): TransitionInput {
  if (tpdu.class !== 2 || offer?.class !== 2) {
    return { event: 'CC unacceptable', octets, error };
  }
  const event = tpdu.dstRef === localRef ? 'CC refused by DR' : 'foreign CC';
  return { event, tpdu, octets, error };
}

/**
 * The error of a CC whose remote desktop negotiation failed, or answers one that this side did not begin. Such a CC
 * opens no connection, although it is valid in X.224.
 */
function refusedNegotiation(
  { remoteDesktop }: ConnectionConfirm,
  octets: Uint8Array,
  offer: TpduInitOf<'CR'>,
): CotpError | undefined {
  const negotiation = remoteDesktop?.negotiation;
  const isRequested = offer.remoteDesktop !== undefined;
  if (negotiation?.type === 'failure') {
    return refusedByRemoteDesktop(negotiation.failureCode, octets, isRequested);
  }
  return negotiation === undefined || isRequested
    ? undefined
    : new ProtocolError('remote-desktop', octets, 8, { detail: 'in answer to a CR without it' });
}

/**
 * A DT that would be a TSDU without octets, which X.214 does not have. Strict decoding itself refuses a DT without user
 * data and without EOT.
 */
function isEmptyTsdu(userData: Uint8Array, { unfinished }: Context): boolean {
  return userData.length === 0 && unfinished === 0;
}

/** Octets that cannot be decoded. An ER among them is an event of its own, because no ER may answer it. */
function undecodable(octets: Uint8Array, error: ProtocolError): TransitionInput {
  return { event: typeOf(octets) === 'ER' ? 'ER invalid' : 'undecodable', octets, error };
}
