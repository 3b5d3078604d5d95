/**
 * Determines which event of the transition table received octets are. Input: octets and the state of the connection;
 * output: an input of the table. Pure; it does not know what an event does.
 */
import { type CotpError, ProtocolError } from '../errors.js';
import { confirm } from '../negotiation/confirm.js';
import { respond } from '../negotiation/respond.js';
import { octetAt, readUint } from '../octets/octets.js';
import { decode } from '../tpdu/decode.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  DecodeOptions,
  TpduInitOf,
} from '../tpdu/types.js';
import { capabilitiesFor, type SizeOptions } from './establishment.js';
import { endedByPeer, refusedByRemoteDesktop, refusedByUs, unexpected } from './failures.js';
import { type State, type TransitionInput, takesData } from './transition.js';

/** What `classify` needs to know about the connection beside its state. */
export interface Context {
  readonly options: SizeOptions;
  /** The CR that this side has sent. */
  readonly offer: TpduInitOf<'CR'> | undefined;
  /** Size in force, in octets; looked at where data may come only. */
  readonly maxTpduSize: number;
  /** Octets of a TSDU that is begun and not ended. */
  readonly unfinished: number;
}

/** DR reason for an invalid CR that prefers another class than 0 (X.224 13.5.3). */
const PROTOCOL_ERROR = 133;

/** The event that a TPDU is in this state. */
export function classify(octets: Uint8Array, state: State, context: Context): TransitionInput {
  const { maxTpduSize } = context;
  // A DR ends the connection whatever its faults are, and its reason is worth more than them.
  const strict = context.options.strict && codeOf(octets) !== 0x80;
  const tpdu = faultOr(() => decode(octets, decodeOptions(state, strict, maxTpduSize)));
  if (tpdu instanceof ProtocolError) {
    return state === 'WFCR' ? invalidFirst(octets, tpdu) : undecodable(octets, tpdu);
  }
  switch (tpdu.type) {
    case 'CR':
      return state === 'WFCR'
        ? classifyRequest(tpdu, octets, context)
        : { event: 'CR', tpdu, octets };
    case 'CC':
      return state === 'WFCC' && context.offer !== undefined
        ? classifyConfirm(tpdu, octets, context.offer, strict)
        : { event: 'CC unacceptable', octets, error: unexpected(state, tpdu, octets) };
    case 'DT':
      return strict && takesData(state) && isEmptyTsdu(tpdu.userData, context)
        ? undecodable(octets, new ProtocolError('empty-tsdu', octets, 3))
        : { event: 'DT', tpdu, octets };
    case 'DR':
      return takesData(state) && context.unfinished > 0
        ? {
            event: 'DR within a TSDU',
            error: endedByPeer(state, tpdu, octets, context.unfinished),
          }
        : { event: 'DR', tpdu, octets };
    case 'ER':
      return { event: 'ER', tpdu, octets };
    default:
      return { event: 'other TPDU', tpdu, octets };
  }
}

/** Where data may come its header form is that of class 0, and once the size is agreed it counts too. */
function decodeOptions(state: State, strict: boolean, maxTpduSize: number): DecodeOptions {
  if (takesData(state)) {
    return { strict, class: 0, maxTpduSize };
  }
  return state === 'WFTRESP' ? { strict, class: 0 } : { strict };
}

/** A CR where one is awaited: acceptable, refused by rule, or invalid (X.224 6.6). */
function classifyRequest(
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
    : { event: 'CR unacceptable', octets, remoteRef, error, reason: PROTOCOL_ERROR };
}

/** The CC in answer to our CR. */
function classifyConfirm(
  tpdu: ConnectionConfirm & Decoded,
  octets: Uint8Array,
  offer: TpduInitOf<'CR'>,
  strict: boolean,
): TransitionInput {
  const refused = refusedNegotiation(tpdu, octets, offer);
  if (refused !== undefined) {
    return { event: 'CC unacceptable', octets, error: refused };
  }
  const confirmed = faultOr(() => confirm(offer, tpdu, { strict, octets }));
  if (confirmed instanceof ProtocolError) {
    return { event: 'CC unacceptable', octets, error: confirmed };
  }
  const { maxTpduSize, diagnostics } = confirmed;
  const tpduWithDiagnostics =
    diagnostics.length === 0
      ? tpdu
      : { ...tpdu, diagnostics: [...tpdu.diagnostics, ...diagnostics] };
  return { event: 'CC', tpdu: tpduWithDiagnostics, maxTpduSize };
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

/** The TPDU code without the four bits beside it. */
function codeOf(octets: Uint8Array): number {
  return (octets[1] ?? 0) & 0xf0;
}

/** Returns the result of `act`, or the fault of the peer that it throws. */
function faultOr<T>(act: () => T): T | ProtocolError {
  try {
    return act();
  } catch (error) {
    if (error instanceof ProtocolError) {
      return error;
    }
    throw error;
  }
}
