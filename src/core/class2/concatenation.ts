/**
 * Separates the TPDUs of one NSDU, which is the content of one TPKT (X.224 6.4): any number of EA, ER, DC, AK and RJ,
 * then at most one TPDU with user data, which extends to the end. All of them are decoded before the first one has an
 * effect: if one cannot be decoded, the lengths of all others are in doubt too, and the stream is reset as if the NSDU
 * had not come (X.224 6.9.1.4.1).
 */
import type { Context } from '../connection/classify.js';
import { faultOr, type ReceivedTpdu, readDr, typeOf } from '../connection/received-tpdu.js';
import { ProtocolError } from '../errors.js';
import type { Fault } from '../faults.js';
import { TPDUS } from '../tpdu/codes.js';
import { decode } from '../tpdu/decode.js';

/** The faults that leave open what a TPDU is, or where it ends (X.224 6.9.1.4.1). */
const UNDECODABLE: ReadonlySet<Fault> = new Set<Fault>([
  'tpdu-too-short',
  'li-reserved',
  'li-exceeds',
  'li-too-small',
  'param-truncated',
  'tpdu-code',
]);

/** True for an error after which no TPDU of the NSDU has an effect. */
export function isUndecodable(tpdu: ReceivedTpdu['tpdu']): tpdu is ProtocolError {
  return tpdu instanceof ProtocolError && UNDECODABLE.has(tpdu.fault);
}

/** The TPDUs of an NSDU; if one cannot be decoded, its error alone, with the octets of the whole NSDU. */
//= X.224 6.4.2 para 1
//= X.224 6.9.1.4.1 b 2
//= X.224 6.9.1.4.1 b decodable
export function readConcatenated(nsdu: Uint8Array, context: Context): readonly ReceivedTpdu[] {
  const all: ReceivedTpdu[] = [];
  let rest = nsdu;
  do {
    const end = endOfFirst(rest);
    const received = readTpdu(rest.subarray(0, end), context);
    if (isUndecodable(received.tpdu)) {
      return [{ octets: nsdu, tpdu: withHint(received) }];
    }
    all.push(received);
    rest = rest.subarray(end);
  } while (rest.length > 0);
  return all;
}

/** Where the first TPDU ends: with its header if its type has no user data, otherwise with the NSDU. */
function endOfFirst(octets: Uint8Array): number {
  const type = typeOf(octets);
  const li = octets[0] ?? 0;
  return type === undefined || TPDUS[type].hasUserData ? octets.length : 1 + li;
}

function readTpdu(octets: Uint8Array, { options, maxTpduSize }: Context): ReceivedTpdu {
  const isDr = typeOf(octets) === 'DR';
  // A DR ends the connection even if it is faulty.
  const strict = options.strict && !isDr;
  const size = maxTpduSize ?? Number.POSITIVE_INFINITY;
  const tpdu = faultOr(() => decode(octets, { strict, class: 2, maxTpduSize: size }));
  if (!(tpdu instanceof ProtocolError)) {
    return { octets, tpdu };
  }
  const dr = isDr ? readDr(octets) : undefined;
  return { octets, tpdu: dr ?? orTooShort(octets, tpdu) };
}

/** LI of the shortest TPDU of class 2: code, DST-REF and one octet more. */
const MIN_LI = 4;

/**
 * The codec refuses a TPDU of another class before it checks LI. Without a complete DST-REF it cannot be associated
 * with a connection, so here it counts as one that cannot be decoded.
 */
function orTooShort(octets: Uint8Array, error: ProtocolError): ProtocolError {
  return error.fault === 'tpdu-not-in-class' && (octets[0] ?? 0) < MIN_LI
    ? new ProtocolError('li-too-small', octets, 1)
    : error;
}

/** A hint for a DT or ED with the LI of class 0: some peers echo the class octet and know class 0 alone. */
function withHint({ octets, tpdu }: ReceivedTpdu): ReceivedTpdu['tpdu'] {
  const type = typeOf(octets);
  const isOfClass0 = octets[0] === 2 && (type === 'DT' || type === 'ED');
  return isOfClass0
    ? new ProtocolError('li-too-small', octets, 1, {
        hint: 'the peer answered class 2 but speaks class 0: try tpClass 0',
      })
    : tpdu;
}
