/**
 * The codec of TPDUs: any octets, read in every class, tolerantly and strictly.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type DecodeOptions,
  decode,
  decodeNsdu,
  encode,
  ProtocolError,
  type Tpdu,
  type TransportClass,
} from 'cotp/tpdu';
import { join } from '../octets.js';
import { must, type Target } from '../target.js';

/** What the target needs of a codec. */
export interface CodecLike {
  decode(octets: Uint8Array, options?: DecodeOptions): Tpdu;
  decodeNsdu(octets: Uint8Array, options?: DecodeOptions): readonly Tpdu[];
  encode(tpdu: Tpdu): Uint8Array;
}

const CLASSES: readonly (TransportClass | undefined)[] = [undefined, 0, 1, 2, 3, 4];

/** Every way to read, but for the strictness. */
const CONTEXTS: readonly DecodeOptions[] = CLASSES.flatMap((transportClass) =>
  [false, true].map((flag) => ({
    ...(transportClass === undefined ? {} : { class: transportClass }),
    extendedFormats: flag,
    expedited: flag,
    verifyChecksum: flag,
    ...(flag ? { maxTpduSize: 128 } : {}),
  })),
);

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
      'what is strictly right is read otherwise tolerantly',
    );
    judgeAgain(codec, strict, octets, { ...context, strict: true });
  } else if (tolerant !== undefined) {
    const isTold = tolerant.diagnostics.length > 0 || hasLargeSize(tolerant);
    must(isTold, 'what is strictly wrong has no diagnostic');
    judgeAgain(codec, tolerant, octets, context);
  }
  must(!isBoth(tolerant), 'the octets of remote desktop are read as parameters too');
  const nsdu = read(octets, () => codec.decodeNsdu(octets, context));
  must(nsdu === undefined || nsdu.length > 0, 'an NSDU holds no TPDU');
  must(tolerant === undefined || nsdu !== undefined, 'a TPDU is no NSDU');
}

/** What was read, or `undefined` for a ProtocolError; anything else that is thrown goes on. */
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
    must((quoted?.length ?? 0) <= 64, 'an error holds more than 64 octets');
    return undefined;
  }
}

/**
 * What was read is written, and read again as the same. What has no diagnostic is written as the octets
 * that it was; what is written again does not change any more.
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
    // Written strictly: only what was read with a diagnostic may be refused.
    must(tpdu.diagnostics.length > 0, () => `encode refused: ${error.message}`);
    return;
  }
  const { maxTpduSize, ...others } = context;
  const again = read(written, () => codec.decode(written, { ...others, verifyChecksum: false }));
  must(again !== undefined, 'what encode wrote is not read again');
  if (context.strict === true) {
    must(isDeepStrictEqual(meaning(again), meaning(tpdu)), 'what is read again differs');
  }
  if (tpdu.diagnostics.length === 0) {
    must(isDeepStrictEqual(written, octets), 'what has no diagnostic is written as other octets');
  }
  must(isDeepStrictEqual(codec.encode(again), written), 'what is written again differs');
}

/** A size code above those of X.224, which the vectors CR-10 and CR-11 want read as any other. */
function hasLargeSize(tpdu: Tpdu): boolean {
  const isOfConnection = tpdu.type === 'CR' || tpdu.type === 'CC';
  return isOfConnection && (tpdu.parameters.tpduSize ?? 0) > 2048;
}

/** The variable part is remote desktop's or a list of parameters, never both. */
function isBoth(tpdu: Tpdu | undefined): boolean {
  const isOfConnection = tpdu?.type === 'CR' || tpdu?.type === 'CC';
  return isOfConnection && tpdu.remoteDesktop !== undefined && tpdu.rawParameters.length > 0;
}

/** A TPDU less its form: the order of parameters, and leading zeros of their values. */
function meaning({ li, rawParameters, diagnostics, ...fields }: Tpdu): object {
  return fields;
}
