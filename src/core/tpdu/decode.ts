/**
 * Decodes TPDUs. This file has the rules for all TPDU types (X.224 13.2, table 8); the codecs have the rules
 * for each type.
 */
import { ProtocolError } from '../errors.js';
import { octetAt, octetCount } from '../octets/octets.js';
import { isChecksumCorrect } from './checksum.js';
import { READERS } from './codecs/readers.js';
import { TPDUS, tpduTypeOf } from './codes.js';
import { Reading } from './reading.js';
import type { DecodeOptions, Tpdu, TpduType } from './types.js';

/** LI of 255 is reserved for a longer header that no standard defines (X.224 13.2.1). */
const RESERVED_LI = 255;

/**
 * Decodes the TPDU of one TPKT.
 *
 * User data and parameter values are views of `octets`, not copies: they change if `octets` changes.
 *
 * @param octets the TPDU without the TPKT header
 * @throws ProtocolError (`ERR_COTP_PROTOCOL`) with the fault and its octet, counted from 1. No octets cause another
 * error
 *
 * @example
 * ```ts
 * import { decode } from 'cotp/tpdu';
 *
 * const tpdu = decode(Buffer.from('06800001123403', 'hex'));
 * console.log(tpdu.type === 'DR' && tpdu.reason); // 3
 * ```
 */
export function decode(octets: Uint8Array, options: DecodeOptions = {}): Tpdu {
  const tpdu = readTpdu(octets, options);
  const end = 1 + tpdu.li;
  //= X.224 6.9.1.4.1 a decodable
  //= RFC 1006 6 one TPDU
  if (!TPDUS[tpdu.type].hasUserData && octets.length > end) {
    throw new ProtocolError('trailing-octets', octets, end + 1);
  }
  return tpdu;
}

/**
 * Decodes the TPDUs of one NSDU (X.224 6.4): any number of AK, EA, RJ, ER and DC, then at most one of another type. The
 * other types have user data without a length field, so such a TPDU extends to the end of the NSDU. Class 0 has no
 * concatenation (X.224 6.4): there an NSDU is one TPDU.
 *
 * @throws ProtocolError (`ERR_COTP_PROTOCOL`) for the first TPDU with a fault; its octet is counted from the start of
 * that TPDU
 *
 * @example
 * ```ts
 * import { decodeNsdu, encode } from 'cotp/tpdu';
 *
 * const ak = encode({ type: 'AK', dstRef: 7, yrTuNr: 1, cdt: 2 });
 * const dt = encode({ type: 'DT', form: 'normal', dstRef: 7, tpduNr: 0, userData: Uint8Array.of(1) });
 * const tpdus = decodeNsdu(Buffer.concat([ak, dt]), { class: 2 });
 * console.log(tpdus.map(({ type }) => type).join()); // AK,DT
 * ```
 */
export function decodeNsdu(octets: Uint8Array, options: DecodeOptions = {}): readonly Tpdu[] {
  //= X.224 6.9.1.4.1 a decodable
  if (options.class === 0) {
    return [decode(octets, options)];
  }
  const tpdus: Tpdu[] = [];
  let rest = octets;
  //= X.224 6.4.2 a
  //= X.224 6.4.2 para 3
  //= X.224 6.9.1.4.1 b decodable
  do {
    const tpdu = readTpdu(rest, options);
    tpdus.push(tpdu);
    //= X.224 6.4.2 b
    rest = rest.subarray(TPDUS[tpdu.type].hasUserData ? rest.length : 1 + tpdu.li);
  } while (rest.length > 0);
  return tpdus;
}

/** Decodes the TPDU at the start of `octets`. */
function readTpdu(octets: Uint8Array, options: DecodeOptions): Tpdu {
  const li = verifyLi(octets);
  const type = tpduTypeOf(octetAt(octets, 1));
  if (type === undefined) {
    throw new ProtocolError('tpdu-code', octets, 2, {
      hint: isQ931(octets) ? H323_HINT : undefined,
    });
  }
  const own = TPDUS[type].hasUserData ? octets : octets.subarray(0, 1 + li);
  const reading = new Reading(own, options);
  verifyClass(reading, type, options);
  verifySize(reading, type, options);
  const fields = READERS[type](reading);
  const hasChecksum = 'parameters' in fields && fields.parameters.checksum !== undefined;
  //= X.224 6.17.3 para 5
  if (options.verifyChecksum === true && hasChecksum && !isChecksumCorrect(own)) {
    // No single octet is wrong; report the last octet of the header.
    reading.fail('checksum', reading.headerEnd);
  }
  return Object.assign(fields, { li, diagnostics: reading.diagnostics });
}

/** Other protocols use TPKT too; network scanners send H.323 call signalling. */
const H323_HINT = 'this looks like H.323 call signalling (Q.931 in TPKT); is it the right port?';

/** Protocol discriminator 8 and a call reference of two octets (Q.931 4.2, 4.3). */
function isQ931(octets: Uint8Array): boolean {
  return octets[0] === 8 && octets[1] === 2;
}

/** Checks LI (X.224 13.2.1). X.224 (1995) refuses an LI equal to the length; RFC 905 only a greater one. */
function verifyLi(octets: Uint8Array): number {
  if (octets.length < 2) {
    throw new ProtocolError('tpdu-too-short', octets, 1);
  }
  const li = octetAt(octets, 0);
  //= X.224 13.2.1 para 1
  if (li === RESERVED_LI) {
    throw new ProtocolError('li-reserved', octets, 1);
  }
  //= X.224 13.2.1 para 2
  if (1 + li > octets.length) {
    throw new ProtocolError('li-exceeds', octets, 1, {
      detail: `LI ${li} in ${octetCount(octets.length)}`,
    });
  }
  if (li === 0) {
    throw new ProtocolError('li-too-small', octets, 1, { detail: 'LI 0' });
  }
  return li;
}

/**
 * Checks that the TPDU type exists in the class (X.224 table 8). RFC 1006 §6 adds ED to class 0 if
 * negotiated.
 */
function verifyClass(reading: Reading, type: TpduType, options: DecodeOptions): void {
  if (reading.class === undefined) {
    return;
  }
  //= X.224 6.5.4 q
  //= X.224 13.8
  const isRefusedExpedited = type === 'ED' && reading.class === 0 && options.expedited !== true;
  //= X.224 13.1 Table 8
  //= X.224 13.6
  //= X.224 13.9
  //= X.224 13.10
  //= X.224 13.11
  if (!TPDUS[type].classes.includes(reading.class) || isRefusedExpedited) {
    reading.fail('tpdu-not-in-class', 2, `${type} in class ${reading.class}`);
  }
}

/**
 * Checks the TPDU size in force. It includes the header and applies to every TPDU after the CC
 * (X.224 13.3.4 b). Without `strict` a larger TPDU is tolerated: one widespread stack exceeds the size by the
 * three octets of the DT header.
 */
function verifySize(reading: Reading, type: TpduType, options: DecodeOptions): void {
  const { maxTpduSize = Number.POSITIVE_INFINITY } = options;
  //= X.224 13.7.5 deviation: a tolerant reading takes more than the agreed size, up to 65531 octets, for a deployed stack exceeds it by the DT header
  if (type !== 'CR' && reading.octets.length > maxTpduSize) {
    reading.tolerate('tpdu-too-long', maxTpduSize + 1);
  }
}
