/**
 * The disconnect reasons of the DR (X.224 13.5.3) and the reject causes of the ER (X.224 13.12.3): values and
 * texts.
 */

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

/** True if X.224 13.5.3 defines the reason; 134 and 137 are "not used" there. */
//= X.224 13.5.3 d
export function isDisconnectReason(value: number): boolean {
  return DISCONNECT_REASONS.has(value);
}

/** True if X.224 13.12.3 defines the cause. */
export function isRejectCause(value: number): boolean {
  return REJECT_CAUSES.has(value);
}

/** Returns the text of a DR reason, for instance `'address unknown'` for 3. */
export function disconnectReason(value: number): string {
  return DISCONNECT_REASONS.get(value) ?? `reason ${value}, not defined by X.224`;
}

/** Returns the text of an ER reject cause, for instance `'invalid TPDU type'` for 2. */
export function rejectCauseText(value: number): string {
  return REJECT_CAUSES.get(value) ?? `cause ${value}, not defined by X.224`;
}
