/**
 * Replaces the called T-selector of a CR, and leaves the rest of it unchanged.
 */
import { decode } from '../../core/tpdu/index.js';
import type { Tsel } from '../../index.js';
import { TPKT_HEADER_LENGTH } from '../../node/codes.js';

const CALLED_TSEL = 0xc2;
/** Offset of the parameters of a CR. */
const PARAMETERS = 7;

/**
 * @param tpkt a TPKT
 * @returns the TPKT with the new selector; the given TPKT if it is not a CR that can be decoded, or if the
 * new selector does not fit into it
 */
export function rewriteCalledTsel(tpkt: Buffer, called: Tsel): Buffer {
  const cr = readCr(tpkt.subarray(TPKT_HEADER_LENGTH));
  if (cr === undefined) {
    return tpkt;
  }
  const start = TPKT_HEADER_LENGTH + PARAMETERS;
  const selector = typeof called === 'number' ? [called >> 8, called & 0xff] : called;
  const written = Buffer.from([CALLED_TSEL, selector.length, ...selector]);
  const parameters = cr.rawParameters.map(({ code, value }) =>
    code === CALLED_TSEL ? written : Buffer.from([code, value.length, ...value]),
  );
  if (!parameters.includes(written)) {
    parameters.push(written);
  }
  const variable = Buffer.concat(parameters);
  const li = PARAMETERS - 1 + variable.length;
  if (li > 254) {
    return tpkt;
  }
  const octets = Buffer.concat([tpkt.subarray(0, start), variable, cr.userData]);
  octets.writeUInt16BE(octets.length, 2);
  octets[TPKT_HEADER_LENGTH] = li;
  return octets;
}

function readCr(octets: Buffer) {
  try {
    const tpdu = decode(octets);
    // A CR of remote desktop has no selector to replace.
    return tpdu.type === 'CR' && tpdu.remoteDesktop === undefined ? tpdu : undefined;
  } catch {
    return undefined;
  }
}
