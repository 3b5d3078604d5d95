/**
 * The interface of a codec. A codec reads and writes the fixed part of one TPDU type and checks its fields.
 * `decode` and `encode` handle the rest of the header.
 */
import type { Reading } from '../reading.js';
import type {
  Decoded,
  TpduFields,
  TpduInit,
  TpduInitOf,
  TpduType,
  TransportClass,
} from '../types.js';

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

/** Reads and writes the TPDUs of one type. */
export interface Codec<T extends TpduType> {
  /** @throws ProtocolError */
  read(reading: Reading): ReadFields<T>;
  /** @throws TypeError, RangeError naming the field */
  write(init: TpduInitOf<T>): Written;
}

/** A codec whose TPDU type is not known at compile time, as a lookup by type returns it. */
export interface AnyCodec {
  read(reading: Reading): ReadFields<TpduType>;
  write(init: TpduInit): Written;
}

/** Largest value of a reference. */
export const MAX_REF = 0xffff;
