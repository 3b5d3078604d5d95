/**
 * The interface of a codec: two functions that read and write the fixed part of one TPDU type and check its fields.
 * `decode` and `encode` handle the rest of the header.
 */
import type { Reading } from '../reading.js';
import type { Decoded, TpduFields, TpduInitOf, TpduType, TransportClass } from '../types.js';

/** The fields that a codec reads; `decode` adds the others. */
export type ReadFields<T extends TpduType> = Extract<TpduFields, { readonly type: T }> &
  Pick<Decoded, 'rawParameters'>;

/** What a codec writes; `encode` adds LI and the variable part. */
export interface Written {
  /** The fixed part, beginning with the code octet. */
  readonly fixed: Uint8Array;
  /** User data; absent if the TPDU type has none. */
  readonly userData?: Uint8Array;
  /** The encoded variable part, if it is not a list of parameters. */
  readonly variable?: Uint8Array | undefined;
  /** True if the TPDU type has no variable part. */
  readonly isFixed?: boolean;
  /** The class to which the parameters must belong; absent if the TPDU has no class field. */
  readonly class?: TransportClass;
}

/**
 * Reads a TPDU of one type.
 *
 * @throws ProtocolError
 */
export type ReadTpdu<T extends TpduType> = (reading: Reading) => ReadFields<T>;

/**
 * Writes a TPDU of one type.
 *
 * @throws TypeError, RangeError naming the field
 */
export type WriteTpdu<T extends TpduType> = (init: TpduInitOf<T>) => Written;

/** Largest value of a reference. */
export const MAX_REF = 0xffff;
