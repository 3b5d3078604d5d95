/**
 * Target `codec`: decodes any octets as a TPDU, in every class, tolerant and strict.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type DecodeOptions,
  decode,
  decodeNsdu,
  encode,
  ProtocolError,
  type Tpdu,
} from 'cotp/tpdu';
import { CONTEXTS } from '../decode-contexts.js';
import { join } from '../octets.js';
import { must, type Target } from '../target.js';

/** The functions of a codec that the target uses. */
export interface CodecLike {
  decode(octets: Uint8Array, options?: DecodeOptions): Tpdu;
  decodeNsdu(octets: Uint8Array, options?: DecodeOptions): readonly Tpdu[];
  encode(tpdu: Tpdu): Uint8Array;
}

/** @param codec the codec under test; another one for tests of the fuzzer itself */
export function codecTarget(codec: CodecLike = { decode, decodeNsdu, encode }): Target {
  return {
    name: 'codec',
    takes: 'tpdu',
    scenarios: ['every class'],
    run: (_scenario, chunks) => {
      const octets = join(...chunks);
      for (const context of CONTEXTS) {
        judge(codec, octets, context);
      }
    },
  };
}

function judge(codec: CodecLike, octets: Uint8Array, context: DecodeOptions): void {
  const tolerant = read(octets, () => codec.decode(octets, context));
  const strict = read(octets, () => codec.decode(octets, { ...context, strict: true }));
  if (strict !== undefined) {
    must(
      tolerant !== undefined && isDeepStrictEqual(tolerant, strict),
      'strict decoding accepts what tolerant decoding reads differently',
    );
    judgeAgain(codec, strict, octets, { ...context, strict: true });
  } else if (tolerant !== undefined) {
    const isTold = tolerant.diagnostics.length > 0 || hasLargeSize(tolerant);
    must(isTold, 'strict decoding refuses what has no diagnostic');
    judgeAgain(codec, tolerant, octets, context);
  }
  must(!isBoth(tolerant), 'the octets of remote desktop are read as parameters too');
  const nsdu = read(octets, () => codec.decodeNsdu(octets, context));
  must(nsdu === undefined || nsdu.length > 0, 'an NSDU has no TPDU');
  must(
    tolerant === undefined || nsdu !== undefined,
    'decodeNsdu refuses a TPDU that decode accepts',
  );
}

/** Returns the result, or `undefined` for a ProtocolError. Rethrows any other error. */
function read<T>(octets: Uint8Array, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ProtocolError)) {
      throw error;
    }
    const { octet, octets: quoted } = error;
    const isThere = octet === undefined || (octet >= 1 && octet <= Math.max(1, octets.length));
    must(isThere, () => `the fault is at octet ${octet} of ${octets.length}`);
    must((quoted?.length ?? 0) <= 64, 'an error has more than 64 octets');
    return undefined;
  }
}

/**
 * Encodes a decoded TPDU and decodes it again: the result must be the same TPDU. Without a diagnostic the
 * encoded octets must be the original ones. Encoding a second time must change nothing.
 */
function judgeAgain(
  codec: CodecLike,
  tpdu: Tpdu,
  octets: Uint8Array,
  context: DecodeOptions,
): void {
  let written: Uint8Array;
  try {
    written = codec.encode(tpdu);
  } catch (error) {
    const isRefusal = error instanceof TypeError || error instanceof RangeError;
    must(isRefusal, () => `encode threw ${String(error)}`);
    // Encoding is strict: it may refuse only a TPDU that has a diagnostic.
    must(tpdu.diagnostics.length > 0, () => `encode refused: ${error.message}`);
    return;
  }
  const { maxTpduSize, ...others } = context;
  const again = read(written, () => codec.decode(written, { ...others, verifyChecksum: false }));
  must(again !== undefined, 'what encode wrote cannot be decoded');
  if (context.strict === true) {
    must(
      isDeepStrictEqual(meaning(again), meaning(tpdu)),
      'what encode wrote is decoded to another TPDU',
    );
  }
  if (tpdu.diagnostics.length === 0) {
    must(
      isDeepStrictEqual(written, octets),
      'a TPDU without a diagnostic is encoded to other octets',
    );
  }
  must(
    isDeepStrictEqual(codec.encode(again), written),
    'encoding a second time gives other octets',
  );
}

/**
 * True for a TPDU size above the limit of X.224 in class 0. The vectors CR-10 and CR-11 require that it has
 * no diagnostic.
 */
function hasLargeSize(tpdu: Tpdu): boolean {
  const isOfConnection = tpdu.type === 'CR' || tpdu.type === 'CC';
  return isOfConnection && (tpdu.parameters.tpduSize ?? 0) > 2048;
}

/** True if the TPDU has both remote desktop fields and parameters, which is not allowed. */
function isBoth(tpdu: Tpdu | undefined): boolean {
  const isOfConnection = tpdu?.type === 'CR' || tpdu?.type === 'CC';
  return isOfConnection && tpdu.remoteDesktop !== undefined && tpdu.rawParameters.length > 0;
}

/** A TPDU without details of its encoding: the order of parameters, and leading zeros of their values. */
function meaning({ li, rawParameters, diagnostics, ...fields }: Tpdu): object {
  return fields;
}
