/**
 * DR and DC (X.224 13.5, 13.6): those that release a connection of class 2, those that answer TPDUs of another
 * connection, and what a received DR says.
 */
import type { DisconnectDetails } from '../disconnection.js';
import { copyOf, NO_OCTETS } from '../octets/octets.js';
import { ADDITIONAL_INFO, DR_REASONS, MAX_USER_DATA } from '../tpdu/codes.js';
import { encode } from '../tpdu/encode.js';
import type { ConnectionConfirm, ConnectionRequest, DisconnectRequest } from '../tpdu/types.js';

/** 0xE0 of a DR before which everything written has been sent (RFC 2126 4.2.3). */
const NON_DISRUPTIVE = Uint8Array.of(ADDITIONAL_INFO.nonDisruptive);

/** The references in a TPDU that this side sends. */
export interface References {
  readonly localRef: number;
  readonly remoteRef: number;
}

/** What a DR says beside its reason. */
export interface DisconnectParts {
  readonly userData?: Uint8Array | undefined;
  /** Data that was written is lost. Default: not so. It matters for reason 128 alone. */
  readonly isDisruptive?: boolean;
  /** 0xE0; no octets for none. Default: 0x80 if the DR is not disruptive and its reason is 128, otherwise none. */
  readonly additionalInfo?: Uint8Array | undefined;
}

/** Encodes the DR that ends a connection. */
//= X.224 6.7.1.5 a 1
//= RFC 2126 4.2.3 disruptive
//= RFC 2126 4.2.3 non-disruptive
export function disconnectRequest(
  { localRef, remoteRef }: References,
  reason: number,
  {
    userData = NO_OCTETS,
    isDisruptive,
    additionalInfo = isDisruptive || reason !== DR_REASONS.normal ? undefined : NON_DISRUPTIVE,
  }: DisconnectParts = {},
): Uint8Array {
  return encode({
    type: 'DR',
    dstRef: remoteRef,
    srcRef: localRef,
    reason,
    parameters: { additionalInfo: additionalInfo?.length === 0 ? undefined : additionalInfo },
    userData,
  });
}

/** Encodes the DR that answers a CC for another reference. It has the references of the CC in exchanged places. */
//= X.224 6.9.1.4.2 a 1
export function answerToForeignCc({ dstRef, srcRef }: ConnectionConfirm): Uint8Array {
  const references = { localRef: dstRef, remoteRef: srcRef };
  return disconnectRequest(references, DR_REASONS.mismatchedReferences);
}

/** Encodes the DR that answers a CR for a second connection. */
//= X.224 6.15.3
//= RFC 2126 4.2.1 multiplexing
export function answerToSecondCr({ srcRef }: ConnectionRequest): Uint8Array {
  const references = { localRef: 0, remoteRef: srcRef };
  return disconnectRequest(references, DR_REASONS.refusedOnThisConnection);
}

/**
 * Encodes the DC that answers a DR. It has the references of the DR in exchanged places.
 *
 * @param remoteRef the reference of the peer, for a DR with SRC-REF 0
 */
//= X.224 6.7.1.5 e
//= X.224 6.9.1.4.2 a 2
export function disconnectConfirm(dr: DisconnectRequest, remoteRef = 0): Uint8Array {
  return encode({ type: 'DC', dstRef: dr.srcRef || remoteRef, srcRef: dr.dstRef });
}

/** @throws RangeError for user data that is not 1 to 64 octets, and in class 0, which sends no user data in a DR */
//= X.224 13.5.5
export function checkDisconnectData(userData: Uint8Array | undefined, tpClass: 0 | 2): void {
  if (userData === undefined) {
    return;
  }
  if (tpClass === 0) {
    throw new RangeError('userData: none expected, for class 0 ends without a DR');
  }
  const most = MAX_USER_DATA.disconnect;
  if (userData.length < 1 || userData.length > most) {
    throw new RangeError(`userData: 1 to ${most} octets expected, got ${userData.length}`);
  }
}

/** What a DR says beside its reason. User data above the limit of X.224 is left out. */
//= RFC 2126 4.2.3 non-disruptive
export function detailsOf({ parameters, userData }: DisconnectRequest): DisconnectDetails {
  const { additionalInfo = NO_OCTETS } = parameters;
  const octet = additionalInfo.length === 1 ? additionalInfo[0] : undefined;
  const isStated = octet === ADDITIONAL_INFO.nonDisruptive || octet === ADDITIONAL_INFO.abort;
  const isAllowed = userData.length > 0 && userData.length <= MAX_USER_DATA.disconnect;
  return {
    userData: isAllowed ? copyOf(userData) : undefined,
    additionalInfo: additionalInfo.length > 0 ? copyOf(additionalInfo) : undefined,
    nonDisruptive: isStated ? octet === ADDITIONAL_INFO.nonDisruptive : undefined,
  };
}
