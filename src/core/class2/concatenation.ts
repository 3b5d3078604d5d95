/**
 * Separates the TPDUs of one NSDU, which is one TPKT (X.224 6.4): any number of EA, ER, DC, AK and RJ, then at most one
 * that takes the rest. All are decoded before the first one is handled, for one that cannot be decoded undoes them all.
 */
import type { Part } from '../connection/class-procedure.js';
import type { Context } from '../connection/classify.js';
import { codeOf, faultOr, readDr } from '../connection/reading-parts.js';
import { ProtocolError } from '../errors.js';
import type { Fault } from '../faults.js';
import { TPDUS, tpduTypeOf } from '../tpdu/codes.js';
import { decode } from '../tpdu/decode.js';

/** The faults after which nobody knows what a TPDU is, or where it ends (X.224 6.9.1.4.1). */
const UNDECODABLE: ReadonlySet<Fault> = new Set<Fault>([
  'tpdu-too-short',
  'li-reserved',
  'li-exceeds',
  'li-too-small',
  'header-form',
  'param-truncated',
  'tpdu-code',
]);

/** True for an error that undoes the whole NSDU. */
export function isUndecodable(tpdu: Part['tpdu']): tpdu is ProtocolError {
  return tpdu instanceof ProtocolError && UNDECODABLE.has(tpdu.fault);
}

/**
 * The TPDUs of an NSDU. One that cannot be decoded stands alone: nothing of the NSDU has happened.
 */
//= X.224 6.4.2 para 1
//= X.224 6.9.1.4.1 b 2
//= X.224 6.9.1.4.1 b decodable
export function readConcatenated(nsdu: Uint8Array, context: Context): readonly Part[] {
  const parts: Part[] = [];
  let rest = nsdu;
  do {
    const end = endOfFirst(rest);
    const part = readPart(rest.subarray(0, end), context);
    if (isUndecodable(part.tpdu)) {
      return [{ octets: nsdu, tpdu: withHint(part) }];
    }
    parts.push(part);
    rest = rest.subarray(end);
  } while (rest.length > 0);
  return parts;
}

/** Where the first TPDU ends: where its LI says if it has no user data, else with the NSDU. */
function endOfFirst(octets: Uint8Array): number {
  const type = tpduTypeOf(octets[1] ?? 0);
  const li = octets[0] ?? 0;
  return type === undefined || TPDUS[type].hasUserData ? octets.length : 1 + li;
}

function readPart(octets: Uint8Array, { options, maxTpduSize }: Context): Part {
  const isDr = codeOf(octets) === 0x80;
  // A DR ends the connection whatever its faults are.
  const strict = options.strict && !isDr;
  const size = maxTpduSize === undefined ? {} : { maxTpduSize };
  const tpdu = faultOr(() => decode(octets, { strict, class: 2, ...size }));
  if (!(tpdu instanceof ProtocolError)) {
    return { octets, tpdu };
  }
  const dr = isDr ? readDr(octets) : undefined;
  return { octets, tpdu: dr ?? shortened(octets, tpdu) };
}

/** LI of the shortest TPDU: code, DST-REF and one octet more. */
const MIN_LI = 4;

/** A TPDU of another class is refused before its LI is checked; without a whole DST-REF it belongs to nobody. */
function shortened(octets: Uint8Array, error: ProtocolError): ProtocolError {
  return error.fault === 'tpdu-not-in-class' && (octets[0] ?? 0) < MIN_LI
    ? new ProtocolError('li-too-small', octets, 1)
    : error;
}

/** A DT or ED with the LI of class 0: some peers echo the class octet and know class 0 alone. */
function withHint({ octets, tpdu }: Part): Part['tpdu'] {
  const isOfClass0 = octets[0] === 2 && (codeOf(octets) === 0xf0 || codeOf(octets) === 0x10);
  return isOfClass0
    ? new ProtocolError('li-too-small', octets, 1, {
        hint: 'the peer answered class 2 but speaks class 0: try tpClass 0',
      })
    : tpdu;
}
