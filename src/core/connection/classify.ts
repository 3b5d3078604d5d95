/**
 * Determines which event of the transition table received octets are. Input: octets and the state of the connection;
 * output: an input of the table. Pure; it does not know what an event does.
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
import type { Part } from './class-procedure.js';
import { capabilitiesFor, type NegotiationOptions } from './establishment.js';
import { endedByPeer, refusedByRemoteDesktop, refusedByUs, unexpected } from './failures.js';
import { codeOf, faultOr, readDr } from './reading-parts.js';
import { STATES, type State, type TransitionInput } from './transition.js';

/** What the reading of a TPDU needs to know about the connection beside its state. */
export interface Context {
  readonly options: NegotiationOptions;
  /** The CR that this side has sent, and the one that it has received. */
  readonly offer: TpduInitOf<'CR'> | undefined;
  readonly request: ConnectionRequest | undefined;
  readonly isResponder: boolean;
  readonly localRef: number;
  readonly remoteRef: number;
  /** Size in force, in octets; looked at where data may come only. */
  readonly maxTpduSize: number | undefined;
  /** Octets of a TSDU that is begun and not ended. */
  readonly unfinished: number;
  /** Expedited data was agreed on. */
  readonly expedited: boolean;
  /** An ED of ours has left whose EA has not come. */
  readonly isAckDue: boolean;
}

/** The one TPDU of a TPKT of class 0, or of one that came before the class was agreed on. */
export function readOne(octets: Uint8Array, state: State, context: Context): Part {
  const isDr = codeOf(octets) === 0x80;
  // A DR ends the connection whatever its faults are, and its reason is worth more than them. In WBCL nothing is
  // opened any more, so nothing is judged.
  const strict = context.options.strict && !isDr && state !== 'WBCL';
  const tpdu = faultOr(() => decode(octets, decodeOptions(state, strict, context)));
  const isOdd = tpdu instanceof ProtocolError && isDr && state === 'WBCL';
  return { octets, tpdu: (isOdd ? readDr(octets) : undefined) ?? tpdu };
}

/** The event that a TPDU is in this state, in class 0 or before the class was agreed on. */
export function classify({ octets, tpdu }: Part, state: State, context: Context): TransitionInput {
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

/** Where data may come its header form is that of class 0, and once the size is agreed it counts too. */
function decodeOptions(
  state: State,
  strict: boolean,
  { maxTpduSize, expedited, request }: Context,
): DecodeOptions {
  if (STATES[state].takesData) {
    const size = maxTpduSize === undefined ? {} : { maxTpduSize };
    return { strict, class: 0, expedited, ...size };
  }
  return state === 'WFTRESP' && request?.class === 0 ? { strict, class: 0 } : { strict };
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
  const isConfirm = state === 'WFCC' && codeOf(octets) === 0xd0 && fault.fault === 'option-bits';
  const cc = isConfirm ? faultOr(() => decode(octets)) : undefined;
  // The option bits of a CC of class 2: who is strict says more exactly what is wrong, and answers the same.
  return cc !== undefined && 'type' in cc && cc.type === 'CC'
    ? unacceptable(cc, octets, fault, context)
    : undecodable(octets, fault);
}

/** A DR before the connection is open wants a DC if it names a reference, and the CR did not prefer class 0. */
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
  const isBeforeOpen = state === 'WFCC' || state === 'WBCL' || state === 'WFTRESP';
  const preferred = (offer ?? request)?.class ?? 0;
  const wantsDc = isBeforeOpen && preferred !== 0 && tpdu.srcRef !== 0;
  return { event: wantsDc ? 'DR with SRC-REF' : 'DR', tpdu, octets };
}

/** A CR: judged where one is awaited. */
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
  const isRepeated = tpdu.class === 4 && tpdu.srcRef === request?.srcRef;
  //= X.224 6.9.1.4.2 para 1
  return state === 'WFTRESP' && request?.class !== 0 && isRepeated
    ? { event: 'discarded TPDU' }
    : { event: 'CR', tpdu, octets };
}

/** A CR where one is awaited: acceptable, refused by rule, or invalid (X.224 6.6). */
function classifyFirst(
  tpdu: ConnectionRequest & Decoded,
  octets: Uint8Array,
  { options }: Context,
): TransitionInput {
  if (tpdu.remoteDesktop !== undefined && options.takesRemoteDesktop !== true) {
    return invalidFirst(octets, new ProtocolError('remote-desktop', octets, 8));
  }
  const response = faultOr(() => respond(tpdu, capabilitiesFor(tpdu, options), octets));
  if (response instanceof ProtocolError) {
    return invalidFirst(octets, response);
  }
  if (response.type === 'accept') {
    return { event: 'CR', tpdu, octets };
  }
  const { reason } = response;
  const error = refusedByUs('WFCR', reason);
  return { event: 'CR unacceptable', remoteRef: tpdu.srcRef, reason, error, octets };
}

/**
 * X.224 6.6 leaves the answer to an invalid CR open: ER if it prefers class 0, DR otherwise, and
 * none if its SRC-REF cannot be read.
 */
//= X.224 6.6.3 para 3
//= X.224 6.6.3 note 1
//= X.224 6.22.1.3 para 4
function invalidFirst(octets: Uint8Array, error: ProtocolError): TransitionInput {
  if (octets.length < 7 || codeOf(octets) !== 0xe0) {
    return undecodable(octets, error);
  }
  const remoteRef = readUint(octets, 4, 2);
  const preferredClass = octetAt(octets, 6) >> 4;
  return preferredClass === 0
    ? { event: 'CR invalid', octets, remoteRef, error }
    : { event: 'CR unacceptable', octets, remoteRef, error, reason: DR_REASONS.protocolError };
}

/** A CC: judged where it answers our CR. */
function classifyConfirm(
  tpdu: ConnectionConfirm & Decoded,
  octets: Uint8Array,
  state: State,
  context: Context,
): TransitionInput {
  const { offer, options, localRef } = context;
  if (offer !== undefined && state === 'WBCL') {
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

/** A CC that cannot be accepted. Where class 2 was offered and selected the peer has a connection, which a DR ends. */
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
 * The error of a CC whose remote desktop negotiation failed, or answers one that this side did not begin:
 * no connection comes of it, although X.224 sees a CC.
 */
function refusedNegotiation(
  { remoteDesktop }: ConnectionConfirm,
  octets: Uint8Array,
  offer: TpduInitOf<'CR'>,
): CotpError | undefined {
  const negotiation = remoteDesktop?.negotiation;
  const isWanted = offer.remoteDesktop !== undefined;
  if (negotiation?.type === 'failure') {
    return refusedByRemoteDesktop(negotiation.failureCode, octets, isWanted);
  }
  return negotiation === undefined || isWanted
    ? undefined
    : new ProtocolError('remote-desktop', octets, 8, { detail: 'in answer to a CR without it' });
}

/** X.214 has no TSDU without octets. Strict decoding refuses a DT without user data and EOT by itself. */
function isEmptyTsdu(userData: Uint8Array, { unfinished }: Context): boolean {
  return userData.length === 0 && unfinished === 0;
}

/** An ER that cannot be decoded is an event of its own: no ER may answer it. */
function undecodable(octets: Uint8Array, error: ProtocolError): TransitionInput {
  return { event: codeOf(octets) === 0x70 ? 'ER invalid' : 'undecodable', octets, error };
}
