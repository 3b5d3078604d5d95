/**
 * What a codec of one TPDU is: it reads and writes the fixed part, and says what it must hold.
 * The header around it belongs to `decode` and `encode`.
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

/** A TPDU as read, without what `decode` adds. */
export type ReadFields<T extends TpduType> = Extract<TpduFields, { readonly type: T }> &
  Pick<Decoded, 'rawParameters'>;

/** A TPDU as written, without LI and the variable part, which `encode` adds. */
export interface Written {
  /** The fixed part from the code octet on. */
  readonly fixed: Uint8Array;
  /** User data; absent where the TPDU has none. */
  readonly userData?: Uint8Array;
  /** The variable part as it is, where it is no list of parameters. */
  readonly variable?: Uint8Array | undefined;
  /** True where the form has no variable part. */
  readonly isFixed?: boolean;
  /** The class that the parameters must belong to; absent where the TPDU does not name one. */
  readonly class?: TransportClass;
}

/** Reads and writes the TPDU of one type. */
export interface Codec<T extends TpduType> {
  /** @throws ProtocolError */
  read(reading: Reading): ReadFields<T>;
  /** @throws TypeError, RangeError naming the field */
  write(init: TpduInitOf<T>): Written;
}

/** A codec whose TPDU type is not known: what a look-up by type gives. */
export interface AnyCodec {
  read(reading: Reading): ReadFields<TpduType>;
  write(init: TpduInit): Written;
}

/** Largest value of a reference. */
export const MAX_REF = 0xffff;
