/**
 * The code tables of X.224: TPDU codes (table 8) with the classes they exist in, disconnect reasons of the DR
 * (13.5.3), reject causes of the ER (13.12.3) and TPDU size codes (13.3.4 b).
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

const DISCONNECT_REASONS: ReadonlyMap<number, string> = new Map([
  [0, 'reason not specified'],
  [1, 'congestion at the TSAP'],
  [2, 'session entity not attached to the TSAP'],
  [3, 'address unknown'],
  [128, 'normal disconnect initiated by the session entity'],
  [129, 'remote transport entity congestion at connect request time'],
  [130, 'connection negotiation failed: the proposed class is not supported'],
  [131, 'duplicate source reference for the same pair of NSAPs'],
  [132, 'mismatched references'],
  [133, 'protocol error'],
  [135, 'reference overflow'],
  [136, 'connection request refused on this network connection'],
  [138, 'header or parameter length invalid'],
]);

const REJECT_CAUSES: ReadonlyMap<number, string> = new Map([
  [0, 'reason not specified'],
  [1, 'invalid parameter code'],
  [2, 'invalid TPDU type'],
  [3, 'invalid parameter value'],
]);

/** True when X.224 13.5.3 defines the reason; 134 and 137 are "not used" there. */
//= X.224 13.5.3 d
export function isDisconnectReason(value: number): boolean {
  return DISCONNECT_REASONS.has(value);
}

/** True when X.224 13.12.3 defines the cause. */
export function isRejectCause(value: number): boolean {
  return REJECT_CAUSES.has(value);
}

/** The text of a DR reason, for instance `'address unknown'` for 3. */
export function disconnectReason(value: number): string {
  return DISCONNECT_REASONS.get(value) ?? `reason ${value}, not defined by X.224`;
}

/** The text of an ER reject cause, for instance `'invalid TPDU type'` for 2. */
export function rejectCauseText(value: number): string {
  return REJECT_CAUSES.get(value) ?? `cause ${value}, not defined by X.224`;
}

/**
 * Largest TPDU in a TPKT, in octets: 65535 less the four octets of the TPKT header (RFC 1006 §6).
 */
export const MAX_TPDU_SIZE = 65_531;

/** Smallest TPDU size that can be negotiated, in octets. */
export const MIN_TPDU_SIZE = 128;

/** Unit of the preferred maximum TPDU size, in octets (X.224 13.3.4 c). */
export const PREFERRED_SIZE_UNIT = 128;

/**
 * TPDU size codes: code n means 2^n octets. `lastInClass0` is the largest that X.224 allows in class 0 (2048
 * octets), `last` the largest that it defines (8192 octets). `lastSent` is the largest whose size fits into a
 * TPKT (32768 octets). `lastSeen` is the largest that deployed stacks send: it means 65536 octets, and is
 * read as 65531, the most in a TPKT.
 */
export const SIZE_CODES = {
  first: 0x07,
  lastInClass0: 0x0b,
  last: 0x0d,
  lastSent: 0x0f,
  lastSeen: 0x10,
} as const;

/** The size of a code in octets; `undefined` if the code is not defined. */
//= X.224 13.3.4 b
export function sizeOfCode(code: number): number | undefined {
  if (code < SIZE_CODES.first || code > SIZE_CODES.lastSeen) {
    return undefined;
  }
  return Math.min(1 << code, MAX_TPDU_SIZE);
}

/** The code for exactly `size` octets; `undefined` if there is none. */
export function codeOfSize(size: number): number | undefined {
  for (let code: number = SIZE_CODES.first; code <= SIZE_CODES.lastSeen; code += 1) {
    if (sizeOfCode(code) === size) {
      return code;
    }
  }
  return undefined;
}

/**
 * The largest size of the codes up to `lastCode` that is at most `limit`, in octets. If `limit` is below 128
 * it is 128, because no code means less.
 */
export function largestCodedSize(limit: number, lastCode: number): number {
  let largest = MIN_TPDU_SIZE;
  for (let code: number = SIZE_CODES.first; code <= lastCode; code += 1) {
    const size = sizeOfCode(code);
    if (size !== undefined && size <= limit) {
      largest = size;
    }
  }
  return largest;
}
