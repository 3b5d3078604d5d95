/**
 * Replaces the called T-selector of a CR, and leaves the rest of it unchanged.
 */
import { decode, type RawParameter, type Tpdu } from '../../core/tpdu/index.js';
import type { Tsel } from '../../index.js';
import { TPKT_HEADER_LENGTH } from '../../node/codes.js';

const CALLED_TSEL = 0xc2;
/** Offset of the parameters of a CR. */
const PARAMETERS = 7;

/** Largest value of LI (X.224 13.2.1): 255 is reserved. */
const MAX_LI = 254;

/** What becomes of the first TPKT of a client. */
export interface Rewritten {
  /** With the new selector; the given TPKT if that is not possible. */
  readonly tpkt: Buffer;
  /** Why it has not the new selector, as the end of a sentence; `undefined` if it has. */
  readonly obstacle?: string;
}

/** @param tpkt the first TPKT of a client */
export function rewriteCalledTsel(tpkt: Buffer, called: Tsel): Rewritten {
  const tpdu = decoded(tpkt.subarray(TPKT_HEADER_LENGTH));
  if (tpdu?.type !== 'CR') {
    const obstacle = `the first TPDU of the client ${tpdu === undefined ? 'cannot be decoded' : 'is no CR'}`;
    return { tpkt, obstacle };
  }
  if (tpdu.remoteDesktop !== undefined) {
    return { tpkt, obstacle: 'a CR of remote desktop has none' };
  }
  const variable = parametersWith(called, tpdu.rawParameters);
  const li = PARAMETERS - 1 + variable.length;
  if (li > MAX_LI) {
    return { tpkt, obstacle: `the CR would have LI ${li}, and at most ${MAX_LI} is possible` };
  }
  const start = TPKT_HEADER_LENGTH + PARAMETERS;
  const octets = Buffer.concat([tpkt.subarray(0, start), variable, tpdu.userData]);
  octets.writeUInt16BE(octets.length, 2);
  octets[TPKT_HEADER_LENGTH] = li;
  return { tpkt: octets };
}

/** The parameters of a CR with the new selector in the place of the old one, or behind the others. */
function parametersWith(called: Tsel, raw: readonly RawParameter[]): Buffer {
  const selector = typeof called === 'number' ? [called >> 8, called & 0xff] : called;
  const written = Buffer.from([CALLED_TSEL, selector.length, ...selector]);
  const parameters = raw.map(({ code, value }) =>
    code === CALLED_TSEL ? written : Buffer.from([code, value.length, ...value]),
  );
  if (!parameters.includes(written)) {
    parameters.push(written);
  }
  return Buffer.concat(parameters);
}

function decoded(octets: Buffer): Tpdu | undefined {
  try {
    return decode(octets);
  } catch {
    return undefined;
  }
}
