/**
 * Determines which event a TPDU of class 2 is once the CC was sent or received, so that the references of both sides
 * are known (X.224 6.9.1.4.2). Pure functions; they do not know what an event does.
 */
import type { Context } from '../connection/classify.js';
import { unexpected } from '../connection/failures.js';
import { type ReceivedTpdu, typeOf } from '../connection/received-tpdu.js';
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

/** Determines which event a TPDU is in OPEN, RELEASING or CLOSING. */
export function classifyAssociated(
  { octets, tpdu }: ReceivedTpdu,
  state: State,
  context: Context,
): TransitionInput {
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

/** A TPDU that breaks a rule, or cannot be decoded. A faulty TPDU for another reference is discarded. */
function classifyFault(
  octets: Uint8Array,
  error: ProtocolError,
  { localRef }: Context,
): TransitionInput {
  if (isUndecodable(error)) {
    return { event: 'undecodable', error, octets };
  }
  const type = typeOf(octets);
  // The DST-REF of a CR is 0. A CC is answered whatever its DST-REF is.
  //= X.224 6.9.1.4.2 a 1
  const concernsUs = type === 'CR' || type === 'CC';
  return concernsUs || readUint(octets, 2, 2) === localRef
    ? { event: 'protocol error', error, octets }
    : DISCARDED;
}

/**
 * A CR after the connection was opened. With another reference it asks for a second connection, and TCP carries only
 * one. With the same reference it repeats the CR of this connection, which only class 4 does.
 */
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
  return tpdu.class === 4 ? DISCARDED : violation(state, tpdu, octets);
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
    ? violation(state, tpdu, octets)
    : { event: 'foreign CC', tpdu, octets, error: unexpected(state, tpdu, octets) };
}

/**
 * A DR with both references ends this connection. A tolerant side also accepts one with SRC-REF 0, because some stacks
 * leave it out; and, until it has sent a DR itself, one with DST-REF 0.
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
      return strict ? violation(state, tpdu, octets) : DISCARDED;
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

/** A TPDU for this connection that is not allowed now. */
function violation(state: State, tpdu: Tpdu, octets: Uint8Array): TransitionInput {
  return { event: 'protocol error', error: unexpected(state, tpdu, octets), octets };
}

/** AK and RJ exist only with explicit flow control, which class 2 over TCP does not have. ED requires agreement. */
//= X.224 13.8
//= X.224 13.9
//= X.224 13.11
function notInClass({ type }: Tpdu, octets: Uint8Array): TransitionInput {
  const detail = type === 'ED' ? 'ED was not agreed on' : `${type} in class 2`;
  const error = new ProtocolError('tpdu-not-in-class', octets, 2, { detail });
  return { event: 'protocol error', octets, error };
}
