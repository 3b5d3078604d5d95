/**
 * The errors of a connection: the error that an event causes in a state, and what to try. No function of this
 * file changes the connection.
 */
import {
  ConnectionClosedError,
  ConnectionRefusedError,
  CotpError,
  inPhase,
  isTlsFailure,
  type Phase,
  ProtocolError,
  streamFailure,
  TimeoutError,
  type TimerName,
  unreachableHint,
} from '../errors.js';
import { NO_OCTETS, octetCount, toHex } from '../octets/octets.js';
import { ER_HINT, hintOfClose, hintOfDr } from '../refusal-hints.js';
import { disconnectReason, rejectCauseText } from '../tpdu/codes.js';
import { failureText } from '../tpdu/remote-desktop.js';
import type { Decoded, DisconnectRequest, ErrorTpdu, Tpdu, TpduInitOf } from '../tpdu/types.js';
import type { StreamTraits } from './options.js';
import { detailsOf } from './release.js';
import { STATES, type State, type TransitionInput } from './transition.js';

/** Each phase as a part of a message. */
const DURING: Readonly<Record<Phase, string>> = {
  tcp: 'before TCP was connected',
  'cr-sent': 'after the CR was sent, before a CC came',
  'wait-cr': 'before a CR came',
  'cr-received': 'while the CR was being decided on',
  open: 'while the connection was open',
  closing: 'while the connection was closing',
};

/**
 * With TLS 1.3 a client can send its CR before the server has verified the client certificate (RFC 8446
 * §4.4.2.4).
 */
const TLS_HINT =
  'the TLS server refused this side after the handshake: does it require a client certificate, or another one?';

/**
 * The error of an input that ends a connection in this state.
 *
 * @param offer the CR of this side, if it is not answered yet
 * @param part what came of the TPKT that would be the CC or the CR, if it is not complete
 */
export function failureOf(
  input: TransitionInput,
  state: State,
  offer?: TpduInitOf<'CR'>,
  part: Uint8Array = NO_OCTETS,
): CotpError {
  switch (input.event) {
    case 'DR':
    case 'DR with SRC-REF':
    case 'ER':
      return endedByPeer(state, input.tpdu, input.octets);
    case 'CR':
    case 'DC':
    case 'DT':
    case 'ED':
    case 'other TPDU':
      return unexpected(state, input.tpdu, input.octets);
    case 'N-DISCONNECT indication':
      return input.cause === undefined && !input.hasPeerEnded
        ? destroyed(state)
        : streamEnded(state, input.cause, offer, part);
    default:
      return 'error' in input
        ? inPhase(input.error, STATES[state].phase)
        : streamEnded(state, undefined, offer, part);
  }
}

/** The stream is closed, and neither an end nor an error has come before. */
function destroyed(state: State): CotpError {
  const { phase } = STATES[state];
  return new ConnectionClosedError(`this program destroyed the stream ${DURING[phase]}`, {
    phase,
    ending: 'local',
  });
}

/** TCP has ended, by FIN or by a reset. */
function streamEnded(
  state: State,
  cause: Error | undefined,
  offer: TpduInitOf<'CR'> | undefined,
  part: Uint8Array,
): CotpError {
  const phase = STATES[state].phase;
  const hint = isTlsFailure(cause) ? TLS_HINT : hintOfClose(offer);
  // A peer that has begun to answer does not refuse by the end of TCP.
  const isUnanswered = phase === 'cr-sent' && part.length === 0;
  return new ConnectionClosedError(`${streamFailure(cause)} ${DURING[phase]}${partText(part)}`, {
    phase,
    ending: cause === undefined ? 'fin' : 'reset',
    octets: part.length === 0 ? undefined : part,
    cause,
    hint: isUnanswered ? hint : undefined,
  });
}

/** Octets of an incomplete TPKT that a message shows. */
const SHOWN_PART = 24;

/** What came of a TPKT, as the end of a message. */
function partText(part: Uint8Array): string {
  if (part.length === 0) {
    return '';
  }
  const more = part.length > SHOWN_PART ? ' …' : '';
  const shown = toHex(part.subarray(0, SHOWN_PART), ' ');
  return `; only ${octetCount(part.length)} of a TPKT came (${shown}${more})`;
}

/** The error of a call that is not possible in this state: a mistake of the caller. */
export function notPossible(state: State): CotpError {
  const phase = STATES[state].phase;
  const when = state === 'FIN_SENT' ? 'after this side has sent its end of data' : DURING[phase];
  return new ConnectionClosedError(`this call is not possible ${when}`, { phase, ending: 'local' });
}

/** The user asks for a half-close in class 2, which ends both directions at once. */
export function noHalfClose(): CotpError {
  return new CotpError('ERR_COTP_NO_HALF_CLOSE', 'class 2 has no end of one direction alone', {
    phase: 'open',
    hint: 'use close() or disconnect(), which end both directions, after the answers have come',
  });
}

/** The peer ended TCP within a message of which `held` octets were received. */
export function endedWithin(unit: 'TSDU' | 'TPKT', held: number): CotpError {
  return new ConnectionClosedError(
    `the peer closed TCP in the middle of a ${unit}, of which ${octetCount(held)} had come`,
    { phase: 'open', ending: 'fin' },
  );
}

/**
 * Our CR was answered by a DR (X.224 6.6).
 *
 * @param offer the CR
 */
export function refusedByDr(
  dr: DisconnectRequest,
  octets: Uint8Array,
  offer?: TpduInitOf<'CR'>,
): CotpError {
  const reasonText = disconnectReason(dr.reason);
  return new ConnectionRefusedError(
    `the peer refused the connection by a DR with reason ${dr.reason} (${reasonText})`,
    {
      reason: dr.reason,
      reasonText,
      additionalInfo: dr.parameters.additionalInfo,
      userData: dr.userData,
    },
    {
      phase: 'cr-sent',
      ending: 'dr',
      octets,
      hint: hintOfDr(dr.reason, offer),
    },
  );
}

/** Our CR was answered by an ER: the peer considers it invalid. */
export function refusedByEr(er: ErrorTpdu & Decoded, octets: Uint8Array): CotpError {
  const reasonText = rejectCauseText(er.rejectCause);
  const { invalidTpdu } = er.parameters;
  const upTo =
    invalidTpdu === undefined
      ? ''
      : `; the octets that it quotes end with ${toHex(invalidTpdu.subarray(-4), ' ')}`;
  return new ConnectionRefusedError(
    `the peer rejected the CR by an ER with cause ${er.rejectCause} (${reasonText})${upTo}`,
    { reasonText, rejectCause: er.rejectCause },
    { phase: 'cr-sent', ending: 'er', octets, hint: ER_HINT },
  );
}

const RDP_HINT = 'the peer is a remote desktop server: is it the right port?';
const RDP_HINTS: Readonly<Record<number, string>> = {
  1: 'request TLS: requestedProtocols 1',
  2: 'request standard RDP security: requestedProtocols 0',
  5: 'request CredSSP: requestedProtocols 3',
};

/**
 * Our CR was answered by a CC in which remote desktop reports a failure; the server then closes TCP.
 *
 * @param isRequested our CR had the form of remote desktop
 */
export function refusedByRemoteDesktop(
  failureCode: number,
  octets: Uint8Array,
  isRequested: boolean,
): CotpError {
  const reasonText = failureText(failureCode);
  return new ConnectionRefusedError(
    `the peer refused the remote desktop negotiation with failure code ${failureCode} (${reasonText})`,
    { reasonText, failureCode },
    { phase: 'cr-sent', octets, hint: isRequested ? RDP_HINTS[failureCode] : RDP_HINT },
  );
}

/** A CR that this side refuses, by rule or by its user. */
export function refusedByUs(state: State, reason: number): CotpError {
  return new ConnectionClosedError(
    `the CR was refused by a DR with reason ${reason} (${disconnectReason(reason)})`,
    { phase: STATES[state].phase, ending: 'local', reason },
  );
}

/**
 * A DR or ER after the CR was answered. `dropped` is the number of octets received of an incomplete TSDU.
 */
export function endedByPeer(
  state: State,
  tpdu: DisconnectRequest | ErrorTpdu,
  octets: Uint8Array,
  dropped = 0,
): CotpError {
  const phase = STATES[state].phase;
  if (tpdu.type === 'DR') {
    const lost =
      dropped === 0 ? '' : ` in the middle of a TSDU, of which ${octetCount(dropped)} had come`;
    return new ConnectionClosedError(
      `the peer ended the connection by a DR with reason ${tpdu.reason} (${disconnectReason(tpdu.reason)})${lost}`,
      { phase, ending: 'dr', octets, reason: tpdu.reason, ...detailsOf(tpdu) },
    );
  }
  const { rejectCause } = tpdu;
  return new ConnectionClosedError(
    `the peer rejected a TPDU by an ER with cause ${rejectCause} (${rejectCauseText(rejectCause)})`,
    { phase, ending: 'er', octets, rejectCause },
  );
}

/** A TPDU that is not allowed in this state. */
export function unexpected(state: State, tpdu: Tpdu, octets: Uint8Array): CotpError {
  const phase = STATES[state].phase;
  const expected = EXPECTED[phase];
  return new ProtocolError('tpdu-not-expected', octets, 2, {
    phase,
    detail: `${expected} expected, ${tpdu.type} received`,
    hint: state === 'WFCR' && tpdu.type === 'CC' ? 'are both sides servers?' : undefined,
  });
}

const EXPECTED: Readonly<Record<Phase, string>> = {
  tcp: 'nothing',
  'cr-sent': 'CC, DR or ER',
  'wait-cr': 'CR',
  'cr-received': 'nothing before our CC',
  open: 'DT',
  closing: 'nothing',
};

/**
 * The error of a deadline that has passed in this state.
 *
 * @param part what came of the TPKT that would be the CC or the CR, if it is not complete
 */
export function timedOut(
  state: State,
  { times, unit, peer }: StreamTraits,
  part: Uint8Array,
): CotpError {
  const phase = STATES[state].phase;
  const { timer, limit, text } = TIMERS[phase];
  const milliseconds = times[limit];
  return new TimeoutError(
    `${text.replace('TSDU', unit)} within ${milliseconds} ms${partText(part)}`,
    timer,
    milliseconds,
    {
      phase,
      octets: part.length === 0 ? undefined : part,
      hint: timeoutHint(phase, peer, part.length > 0),
    },
  );
}

function timeoutHint(phase: Phase, peer: string, hasBegun: boolean): string | undefined {
  if (phase === 'tcp') {
    return unreachableHint(peer);
  }
  if (hasBegun) {
    return phase === 'cr-sent' ? 'if the peer is slow, try a longer timeout' : undefined;
  }
  return phase === 'cr-sent' ? `is a COTP server listening on ${peer}?` : undefined;
}

/**
 * For each phase: the name of the timer, the option of the engine that sets it, and what did not happen in
 * time.
 */
const TIMERS: Readonly<Record<Phase, Timer>> = {
  tcp: { timer: 'timeout', limit: 'handshakeTimeout', text: 'no TCP connection' },
  'cr-sent': { timer: 'timeout', limit: 'handshakeTimeout', text: 'no CC' },
  'wait-cr': { timer: 'handshakeTimeout', limit: 'handshakeTimeout', text: 'no complete CR' },
  'cr-received': {
    timer: 'handshakeTimeout',
    limit: 'handshakeTimeout',
    text: 'no decision on the CR',
  },
  open: {
    timer: 'reassemblyTimeout',
    limit: 'reassemblyTimeout',
    text: 'a TSDU was begun but not finished',
  },
  // closeTimeout has passed before everything that was written has left. Once it has left, no error is reported.
  closing: {
    timer: 'closeTimeout',
    limit: 'closeTimeout',
    text: 'what was written before closing was not sent',
  },
};

interface Timer {
  readonly timer: TimerName;
  readonly limit: 'handshakeTimeout' | 'reassemblyTimeout' | 'closeTimeout';
  readonly text: string;
}
