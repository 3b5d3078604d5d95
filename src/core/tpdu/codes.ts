/**
 * The TPDU codes of X.224 table 8 as data: the code of each TPDU type, the classes in which it exists, and
 * whether user data follows its header.
 */
import type { TpduType, TransportClass } from './types.js';

/** All transport classes (X.224 clause 6). */
export const ALL_CLASSES: readonly TransportClass[] = [0, 1, 2, 3, 4];

/** The classes with multiplexing or error recovery: all but class 0. */
export const CLASSES_1_TO_4: readonly TransportClass[] = [1, 2, 3, 4];

/** The transport class with this number; `undefined` if there is none. */
export function classOf(value: number): TransportClass | undefined {
  return ALL_CLASSES[value];
}

interface TpduRow {
  /** Bits 8 to 5 of octet 2; bits 4 to 1 are zero here. */
  readonly code: number;
  /** Classes in which the TPDU exists. */
  readonly classes: readonly TransportClass[];
  /** True if user data follows the header. Such a TPDU is the last one of its NSDU (X.224 6.4.2). */
  readonly hasUserData: boolean;
}

/**
 * X.224 table 8. ED also exists in class 0, in the format that RFC 1006 §6 defines. It is allowed there
 * only if expedited data was negotiated.
 */
//= X.224 13.1 Table 8
export const TPDUS: Readonly<Record<TpduType, TpduRow>> = {
  CR: { code: 0xe0, classes: ALL_CLASSES, hasUserData: true },
  CC: { code: 0xd0, classes: ALL_CLASSES, hasUserData: true },
  DR: { code: 0x80, classes: ALL_CLASSES, hasUserData: true },
  //= X.224 13.6
  DC: { code: 0xc0, classes: CLASSES_1_TO_4, hasUserData: false },
  DT: { code: 0xf0, classes: ALL_CLASSES, hasUserData: true },
  ED: { code: 0x10, classes: ALL_CLASSES, hasUserData: true },
  //= X.224 13.9
  AK: { code: 0x60, classes: CLASSES_1_TO_4, hasUserData: false },
  //= X.224 13.10
  EA: { code: 0x20, classes: CLASSES_1_TO_4, hasUserData: false },
  //= X.224 13.11
  RJ: { code: 0x50, classes: [1, 3], hasUserData: false },
  ER: { code: 0x70, classes: ALL_CLASSES, hasUserData: false },
};

/** The names of the ten TPDU types. */
export const TPDU_TYPES = Object.keys(TPDUS) as readonly TpduType[];

const TYPE_OF_CODE = new Map(TPDU_TYPES.map((type) => [TPDUS[type].code, type]));

/**
 * The TPDU type of a code octet; its low half is ignored. `undefined` for codes that are not in table 8, for
 * example 0x40, the UD of the connectionless protocol.
 */
//= X.224 13.2.2.2
export function tpduTypeOf(codeOctet: number): TpduType | undefined {
  return TYPE_OF_CODE.get(codeOctet & 0xf0);
}
