/**
 * One message explained: the TPKT around it, the TPDU in it, what departs from the standard, and
 * what a strict reading says. Knows no layout; `report.ts` shows it.
 */
import {
  type CotpError,
  type DecodeOptions,
  decode,
  type Explanation,
  explainTpdu,
  FAULTS,
  ProtocolError,
  type Tpdu,
} from '../../core/tpdu/index.js';

/** A message, TPKT or bare TPDU, explained. */
export interface Dissection {
  /** Every octet of it, the TPKT header first where there is one. */
  readonly octets: Buffer;
  readonly hasTpkt: boolean;
  readonly explanations: readonly Explanation[];
  /** As a tolerant reading has it. */
  readonly tpdu: Tpdu | CotpError;
  /** Why a strict reading refuses it; `undefined` when it does not. */
  readonly refusal: ProtocolError | undefined;
}

/** Octets of the TPKT header. */
export const TPKT_LENGTH = 4;

/** @param hasTpkt whether the octets begin with a TPKT header */
export function dissect(octets: Buffer, hasTpkt: boolean, options: DecodeOptions): Dissection {
  const start = hasTpkt ? TPKT_LENGTH : 0;
  const tpdu = octets.subarray(start);
  const explanations = explainTpdu(tpdu, options).map((each) => ({
    ...each,
    start: each.start + start,
    end: each.end + start,
  }));
  // A TPDU that is too large can be read all the same; what a strict reading says tells that it is.
  const { maxTpduSize: _size, ...readable } = options;
  const read = attempt(tpdu, readable);
  const strict = attempt(tpdu, { ...options, strict: true });
  return {
    octets,
    hasTpkt,
    explanations: hasTpkt ? [...explainTpkt(octets), ...explanations] : explanations,
    tpdu: read,
    refusal: strict instanceof ProtocolError ? strict : undefined,
  };
}

/** True when even a strict reading finds nothing to say. */
export function isClean({ refusal, explanations }: Dissection): boolean {
  return refusal === undefined && explanations.every(({ deviations }) => deviations.length === 0);
}

/** A sentence for a deviation, where its name is that of a fault. */
export function deviationText(code: string): string {
  return code in FAULTS ? FAULTS[code as keyof typeof FAULTS].sentence : '';
}

function attempt(octets: Uint8Array, options: DecodeOptions): Tpdu | ProtocolError {
  try {
    return decode(octets, options);
  } catch (error) {
    if (error instanceof ProtocolError) {
      return error;
    }
    throw error;
  }
}

function explainTpkt(octets: Buffer): readonly Explanation[] {
  const length = octets.readUInt16BE(2);
  const row = (start: number, end: number, field: string, value: string, meaning: string) => ({
    start,
    end,
    field,
    value,
    meaning,
    deviations: [],
  });
  return [
    row(0, 1, 'TPKT version', String(octets[0]), ''),
    row(1, 2, '  reserved', String(octets[1]), octets[1] === 0 ? '' : '0 expected; ignored'),
    row(2, 4, '  length', String(length), `${length - TPKT_LENGTH} octets follow`),
  ];
}
