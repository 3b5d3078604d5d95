/**
 * The TPDU codes of X.224 table 8 as data: which octet names which TPDU, in which classes it
 * exists and whether user data follows its header. Knows nothing of what stands in between.
 */
import type { TpduType, TransportClass } from './types.js';

/** Every transport class, X.224 clause 6. */
export const ALL_CLASSES: readonly TransportClass[] = [0, 1, 2, 3, 4];

/** The classes with multiplexing or recovery: all but class 0. */
export const CLASSES_1_TO_4: readonly TransportClass[] = [1, 2, 3, 4];

/** The transport class of that number, `undefined` when there is none. */
export function classOf(value: number): TransportClass | undefined {
  return ALL_CLASSES[value];
}

interface TpduRow {
  /** Bits 8 to 5 of octet 2; bits 4 to 1 are zero here. */
  readonly code: number;
  /** Classes in which the TPDU exists. */
  readonly classes: readonly TransportClass[];
  /** User data follows the header; then the TPDU is the last one of its NSDU (X.224 6.4.2). */
  readonly hasUserData: boolean;
}

/**
 * X.224 table 8. ED stands in class 0 too: RFC 1006 §6 gives it a form of its own there, legal once
 * expedited data was negotiated.
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

/** The names of the ten TPDUs. */
export const TPDU_TYPES = Object.keys(TPDUS) as readonly TpduType[];

const TYPE_OF_CODE = new Map(TPDU_TYPES.map((type) => [TPDUS[type].code, type]));

/**
 * The TPDU that octet 2 names, whatever its low half says; `undefined` for the codes that table 8
 * leaves out, among them 0x40, the UD of the connectionless protocol.
 */
//= X.224 13.2.2.2
export function tpduTypeOf(codeOctet: number): TpduType | undefined {
  return TYPE_OF_CODE.get(codeOctet & 0xf0);
}
