/**
 * Explains one message: the TPKT header, the TPDU, the deviations from the standard, and whether strict
 * decoding refuses it. `format-message.ts` formats the result.
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
import { TPKT_HEADER_LENGTH } from '../../node/codes.js';
import { counted } from '../output/plural.js';

/** A message, TPKT or bare TPDU, with its explanation. */
export interface ExplainedMessage {
  /** All octets, including the TPKT header if there is one. */
  readonly octets: Buffer;
  readonly hasTpkt: boolean;
  readonly explanations: readonly Explanation[];
  /** The result of tolerant decoding. */
  readonly tpdu: Tpdu | CotpError;
  /** The error of strict decoding; `undefined` if it accepts the TPDU. */
  readonly refusal: ProtocolError | undefined;
}

/** @param hasTpkt whether the octets begin with a TPKT header */
export function explainMessage(
  octets: Buffer,
  hasTpkt: boolean,
  options: DecodeOptions,
): ExplainedMessage {
  const start = hasTpkt ? TPKT_HEADER_LENGTH : 0;
  const tpdu = octets.subarray(start);
  const explanations = explainTpdu(tpdu, options).map((each) => ({
    ...each,
    start: each.start + start,
    end: each.end + start,
  }));
  // Tolerant decoding ignores the size in force, so that a TPDU that is too large is explained; strict
  // decoding reports it.
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

/** True if strict decoding accepts the message and it has no deviations. */
export function isClean({ refusal, explanations }: ExplainedMessage): boolean {
  return refusal === undefined && explanations.every(({ deviations }) => deviations.length === 0);
}

/** The sentence of a deviation; empty if its name is not that of a fault. */
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
    row(
      2,
      4,
      '  length',
      String(length),
      `${counted(length - TPKT_HEADER_LENGTH, 'octet')} follow`,
    ),
  ];
}
