/**
 * Determines which event a TPDU of class 2 is where references are known, from our CC or its own on (X.224 6.9.1.4.2).
 * Pure; it does not know what an event does.
 */
import type { Part } from '../connection/class-procedure.js';
import type { Context } from '../connection/classify.js';
import { unexpected } from '../connection/failures.js';
import { codeOf } from '../connection/reading-parts.js';
import type { State, TransitionInput } from '../connection/transition.js';
import { ProtocolError } from '../errors.js';
import { readUint } from '../octets/octets.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  DisconnectRequest,
  Tpdu,
} from '../tpdu/types.js';
import { isUndecodable } from './concatenation.js';

const DISCARDED: TransitionInput = { event: 'discarded TPDU' };

/** The event that a TPDU is in OPEN, RELEASING or CLOSING. */
export function classifyAssociated(part: Part, state: State, context: Context): TransitionInput {
  const { octets, tpdu } = part;
  if (tpdu instanceof ProtocolError) {
    return classifyFault(octets, tpdu, context);
  }
  switch (tpdu.type) {
    case 'CR':
      return classifyRepeatedRequest(tpdu, octets, state, context);
    case 'CC':
      return classifyRepeatedConfirm(tpdu, octets, state, context);
    case 'DR':
      return classifyDisconnect(tpdu, octets, state, context);
    default:
      //= X.224 6.9.1.4.2 a 3
      return tpdu.dstRef === context.localRef
        ? classifyOwn(tpdu, octets, state, context)
        : DISCARDED;
  }
}

/** A TPDU that breaks a rule, or cannot be decoded. One for another reference is no affair of ours. */
function classifyFault(
  octets: Uint8Array,
  error: ProtocolError,
  { localRef }: Context,
): TransitionInput {
  if (isUndecodable(error)) {
    return { event: 'undecodable', error, octets };
  }
  const code = codeOf(octets);
  const isOfConnection = code === 0xe0 || code === 0xd0;
  return isOfConnection || readUint(octets, 2, 2) === localRef
    ? { event: 'protocol error', error, octets }
    : DISCARDED;
}

/** One connection on one TCP connection: a second CR is refused, and the CR of this one means nothing any more. */
function classifyRepeatedRequest(
  tpdu: ConnectionRequest & Decoded,
  octets: Uint8Array,
  state: State,
  { remoteRef }: Context,
): TransitionInput {
  if (tpdu.srcRef !== remoteRef) {
    return { event: 'second CR', tpdu, octets };
  }
  //= X.224 6.9.1.4.2 para 1
  return tpdu.class === 4 ? DISCARDED : wrong(state, tpdu, octets);
}

//= X.224 6.9.1.4.2 a 1
//= X.224 6.9.1.4.2 e
function classifyRepeatedConfirm(
  tpdu: ConnectionConfirm & Decoded,
  octets: Uint8Array,
  state: State,
  { localRef, remoteRef, isResponder }: Context,
): TransitionInput {
  const isOurs = tpdu.dstRef === localRef && (isResponder || tpdu.srcRef === remoteRef);
  return isOurs
    ? wrong(state, tpdu, octets)
    : { event: 'foreign CC', tpdu, octets, error: unexpected(state, tpdu, octets) };
}

/**
 * A DR is that of the peer for this connection if it has both references. A tolerant side takes one without a SRC-REF
 * too, for some stacks never learnt it; and one without a DST-REF while it has sent none itself.
 */
//= X.224 6.9.1.4.2 d 1
function classifyDisconnect(
  tpdu: DisconnectRequest & Decoded,
  octets: Uint8Array,
  state: State,
  { options, localRef, remoteRef }: Context,
): TransitionInput {
  const { dstRef, srcRef } = tpdu;
  const isFromPeer = srcRef === remoteRef;
  const isOurs = dstRef === localRef && (isFromPeer || (srcRef === 0 && !options.strict));
  const isWithoutRef = dstRef === 0 && isFromPeer && !options.strict && state !== 'CLOSING';
  return { event: isOurs || isWithoutRef ? 'DR' : 'foreign DR', tpdu, octets };
}

/** A TPDU for our reference. */
function classifyOwn(
  tpdu: Exclude<Tpdu, { type: 'CR' | 'CC' | 'DR' }>,
  octets: Uint8Array,
  state: State,
  context: Context,
): TransitionInput {
  const { strict } = context.options;
  switch (tpdu.type) {
    case 'DT':
      return strict && tpdu.userData.length === 0 && context.unfinished === 0
        ? { event: 'protocol error', octets, error: new ProtocolError('empty-tsdu', octets, 5) }
        : { event: 'DT', tpdu, octets };
    case 'ED':
      return context.expedited ? { event: 'ED', tpdu, octets } : notInClass(tpdu, octets);
    case 'EA':
      if (context.isAckDue) {
        return { event: 'EA' };
      }
      return strict ? wrong(state, tpdu, octets) : DISCARDED;
    case 'DC':
      //= X.224 6.9.1.4.2 c
      return tpdu.srcRef === context.remoteRef && (strict || state === 'CLOSING')
        ? { event: 'DC', tpdu, octets }
        : DISCARDED;
    case 'ER':
      return { event: 'ER', tpdu, octets };
    default:
      return notInClass(tpdu, octets);
  }
}

function wrong(state: State, tpdu: Tpdu, octets: Uint8Array): TransitionInput {
  return { event: 'protocol error', error: unexpected(state, tpdu, octets), octets };
}

/** AK and RJ belong to flow control, which class 2 over TCP never has; ED must have been agreed on. */
//= X.224 13.8
//= X.224 13.9
//= X.224 13.11
function notInClass({ type }: Tpdu, octets: Uint8Array): TransitionInput {
  const detail = type === 'ED' ? 'ED was not agreed on' : `${type} in class 2`;
  const error = new ProtocolError('tpdu-not-in-class', octets, 2, { detail });
  return { event: 'protocol error', octets, error };
}
