/**
 * The code tables of X.224: TPDU codes (table 8) with the classes they exist in, disconnect reasons of the DR
 * (13.5.3), reject causes of the ER (13.12.3), TPDU size codes (13.3.4 b), the octets of 0xC6 and 0xE0 (RFC 2126), and
 * the limits of user data.
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

/** The reasons of a DR (X.224 13.5.3); 134 and 137 are "not used" there. */
export const DR_REASONS = {
  notSpecified: 0,
  congestion: 1,
  notAttached: 2,
  addressUnknown: 3,
  normal: 128,
  congestionAtConnect: 129,
  negotiationFailed: 130,
  duplicateReference: 131,
  mismatchedReferences: 132,
  protocolError: 133,
  referenceOverflow: 135,
  refusedOnThisConnection: 136,
  invalidLength: 138,
} as const;

const DISCONNECT_REASONS: ReadonlyMap<number, string> = new Map([
  [DR_REASONS.notSpecified, 'reason not specified'],
  [DR_REASONS.congestion, 'congestion at the TSAP'],
  [DR_REASONS.notAttached, 'session entity not attached to the TSAP'],
  [DR_REASONS.addressUnknown, 'address unknown'],
  [DR_REASONS.normal, 'normal disconnect initiated by the session entity'],
  [DR_REASONS.congestionAtConnect, 'remote transport entity congestion at connect request time'],
  [
    DR_REASONS.negotiationFailed,
    'connection negotiation failed: the proposed class is not supported',
  ],
  [DR_REASONS.duplicateReference, 'duplicate source reference for the same pair of NSAPs'],
  [DR_REASONS.mismatchedReferences, 'mismatched references'],
  [DR_REASONS.protocolError, 'protocol error'],
  [DR_REASONS.referenceOverflow, 'reference overflow'],
  [DR_REASONS.refusedOnThisConnection, 'connection request refused on this network connection'],
  [DR_REASONS.invalidLength, 'header or parameter length invalid'],
]);

/** What 0xE0 of a DR says if it is one octet: all data came before it (RFC 2126 4.2.3), or an abort (RFC 1859). */
export const ADDITIONAL_INFO = { nonDisruptive: 0x80, abort: 0xc0 } as const;

/** Bits of 0xC6. The first one means the same in classes 0 and 2, the others are those of class 2 (RFC 2126 4.2.1). */
export const ADDITIONAL_OPTIONS = {
  /** Transport expedited data. */
  expedited: 0x01,
  /** The second TCP connection, for expedited data, is opened by the responder. */
  reverseConnection: 0x08,
  /** Each ED is answered by an EA. */
  expeditedAcknowledgement: 0x20,
  /** Each ED is sent on both TCP connections, and DTs do not wait for it. */
  nonBlocking: 0x40,
} as const;

/**
 * Most octets of user data: of a CR or CC (X.224 13.3.5, 13.4.5), of a DR (13.5.5), and of an ED (13.8.5).
 */
export const MAX_USER_DATA = { connect: 32, disconnect: 64, expedited: 16 } as const;

const REJECT_CAUSES: ReadonlyMap<number, string> = new Map([
  [0, 'reason not specified'],
  [1, 'invalid parameter code'],
  [2, 'invalid TPDU type'],
  [3, 'invalid parameter value'],
]);

/** True when X.224 13.5.3 defines the reason. */
//= X.224 13.5.3 d
export function isDisconnectReason(value: number): boolean {
  return DISCONNECT_REASONS.has(value);
}

/** True when a DR may refuse a CR with this reason: one of class 0 has the first four reasons only (X.224 13.5.3). */
export function isRefusalReason(value: number, preferredClass: number): boolean {
  return isDisconnectReason(value) && (preferredClass !== 0 || value <= DR_REASONS.addressUnknown);
}

/** True when X.224 13.12.3 defines the cause. */
export function isRejectCause(value: number): boolean {
  return REJECT_CAUSES.has(value);
}

/**
 * The text of a DR reason (X.224 13.5.3), for instance `'address unknown'` for 3. For any other number it says that
 * X.224 does not define it.
 */
export function disconnectReason(value: number): string {
  return DISCONNECT_REASONS.get(value) ?? `reason ${value}, not defined by X.224`;
}

/**
 * The text of an ER reject cause (X.224 13.12.3), for instance `'invalid TPDU type'` for 2. For any other number it
 * says that X.224 does not define it.
 */
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
  // The only size that is no power of two is that of the last code.
  const code = size === MAX_TPDU_SIZE ? SIZE_CODES.lastSeen : 31 - Math.clz32(size);
  return sizeOfCode(code) === size ? code : undefined;
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
