/**
 * TPDUs without what they carry: user data becomes zeros, headers and lengths stay.
 */
import { readUint } from '../../core/octets/octets.js';
import type { RemoteDesktop, Tpdu } from '../../core/tpdu/types.js';

/** A copy whose user data is zeros. Of octets that are no TPDU nothing but the first two is kept. */
export function redactTpdu(octets: Buffer, tpdu: Tpdu | Error): Buffer {
  const copy = Buffer.from(octets);
  const headerEnd = tpdu instanceof Error ? 2 : 1 + tpdu.li;
  copy.fill(0, Math.min(headerEnd, copy.length));
  if (!(tpdu instanceof Error) && tpdu.type === 'ER') {
    hideInvalidTpdu(copy, headerEnd);
  }
  if (!(tpdu instanceof Error) && tpdu.type === 'CR' && tpdu.remoteDesktop !== undefined) {
    hideName(copy, tpdu.remoteDesktop);
  }
  return copy;
}

/** A cookie of remote desktop names its user, and a routing token may: letters take their place. */
function hideName(cr: Buffer, { cookie, routingToken }: RemoteDesktop): void {
  const line = cookie ?? routingToken ?? '';
  const [kept = ''] = /^Cookie: (?:\w+=)?/.exec(line) ?? [];
  cr.fill('x', TEXT_OF_CR + kept.length, TEXT_OF_CR + line.length);
}

const TEXT_OF_CR = 7;

/** An ER quotes the TPDU that it rejects (0xC1, X.224 13.12.4 a), maybe with its user data. */
function hideInvalidTpdu(er: Buffer, headerEnd: number): void {
  for (let at = FIRST_PARAMETER_OF_ER; at + 2 <= headerEnd; ) {
    const length = readUint(er, at + 1, 1);
    if (er[at] === INVALID_TPDU) {
      const quoted = er.subarray(at + 2, at + 2 + length);
      quoted.fill(0, Math.min(1 + (quoted[0] ?? 0), quoted.length));
    }
    at += 2 + length;
  }
}

const FIRST_PARAMETER_OF_ER = 5;
const INVALID_TPDU = 0xc1;
