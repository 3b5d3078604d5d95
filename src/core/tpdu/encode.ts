/**
 * Encodes TPDUs strictly: a field value that X.224 does not allow is an error that names the field. The codec
 * writes the fixed part, and the rows of `parameters.ts` the variable part.
 */
import { copyOctets, NO_OCTETS, writeUint } from '../octets/octets.js';
import { checksumOf } from './checksum.js';
import { MAX_CR_LENGTH } from './codecs/connection.js';
import { writerOf } from './codecs/writers.js';
import { TPDU_TYPES } from './codes.js';
import { writeParameters } from './parameter-list.js';
import { PARAMETERS } from './parameters.js';
import type { RawParameter, Tpdu, TpduInit } from './types.js';
import { outOfRange, wrongType } from './values.js';

/** Options of `encode`. */
export interface EncodeOptions {
  /**
   * Codes of parameters to write first, in this order. Then the parameters in `rawParameters` follow in its
   * order, which is the order of reception for a decoded TPDU. The others follow in the canonical order:
   * checksum, calling and called T-selector, size, and so on. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly parameterOrder?: readonly number[];
}

/** Largest LI (X.224 13.2.1). */
const MAX_LI = 254;

/**
 * Encodes one TPDU, without the TPKT header. A TPDU that `decode` returned without a diagnostic is encoded to
 * the same octets. Parameters that were changed since then keep their places.
 *
 * @throws TypeError if a field has the wrong type, or a parameter a name that is not known
 * @throws RangeError if a field is out of range or does not belong to this TPDU, or the header exceeds 254 octets or a
 * CR 128. Each message names the field, what was expected and what was given
 *
 * @example
 * ```ts
 * import { encode } from 'cotp/tpdu';
 *
 * const dt = encode({ type: 'DT', userData: Uint8Array.of(0x32, 0x01) });
 * console.log(Buffer.from(dt).toString('hex')); // 02f0803201
 * ```
 */
export function encode(tpdu: TpduInit | Tpdu, options: EncodeOptions = {}): Uint8Array {
  if (!TPDU_TYPES.includes(tpdu.type)) {
    throw wrongType('type', `one of ${TPDU_TYPES.join(', ')}`, tpdu.type);
  }
  const written = writerOf(tpdu.type)(tpdu);
  const { fixed, variable = NO_OCTETS, userData = NO_OCTETS } = written;
  const parameters = writeParameters(tpdu, written.class, options.parameterOrder ?? []);
  if (written.isFixed === true && parameters.length > 0) {
    throw outOfRange('parameters', 'none in this form', parameters.length);
  }
  if (written.variable !== undefined && parameters.length > 0) {
    throw outOfRange('parameters', 'none beside remoteDesktop', parameters.length);
  }
  let li = fixed.length + variable.length;
  for (const { value } of parameters) {
    li += 2 + value.length;
  }
  //= X.224 13.2 order of fields
  const octets = new Uint8Array(1 + li + userData.length);
  //= X.224 13.2.1 para 1
  if (li > MAX_LI) {
    const header = octets.subarray(1, 1 + li);
    throw outOfRange('parameters', `a header of at most ${MAX_LI} octets`, header);
  }
  octets[0] = li;
  copyOctets(fixed, octets, 1);
  copyOctets(variable, octets, 1 + fixed.length);
  setParameters(octets, 1 + fixed.length + variable.length, parameters);
  copyOctets(userData, octets, 1 + li);
  // A routing token of remote desktop may exceed the 128 octets of X.224 13.3.
  //= X.224 13.3
  if (tpdu.type === 'CR' && octets.length > MAX_CR_LENGTH && written.variable === undefined) {
    throw outOfRange('CR', `at most ${MAX_CR_LENGTH} octets in all`, octets);
  }
  if ('parameters' in tpdu && tpdu.parameters?.checksum === 'compute') {
    const at = checksumOffset(1 + fixed.length, parameters);
    writeUint(octets, at, 2, checksumOf(octets, at));
  }
  return octets;
}

/** Code, length and value of each parameter, one after the other. */
function setParameters(
  octets: Uint8Array,
  start: number,
  parameters: readonly RawParameter[],
): void {
  let offset = start;
  for (const { code, value } of parameters) {
    octets[offset] = code;
    octets[offset + 1] = value.length;
    copyOctets(value, octets, offset + 2);
    offset += 2 + value.length;
  }
}

/** Offset of the checksum value. */
function checksumOffset(variableOffset: number, parameters: readonly RawParameter[]): number {
  let offset = variableOffset;
  for (const { code, value } of parameters) {
    if (code === PARAMETERS.checksum.code) {
      break;
    }
    offset += 2 + value.length;
  }
  return offset + 2;
}
