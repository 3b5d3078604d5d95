/**
 * Formats how a connection ended, in words and in JSON.
 */
import { disconnectReason } from '../../core/tpdu/index.js';
import type { Connection, Disconnection } from '../../index.js';
import type { JsonEvent } from './events.js';
import { octetsText, optionalHex } from './octets-text.js';
import { counted } from './plural.js';

/** How a connection ended, as the field `disconnection` of JSON events. `undefined` while it is open. */
export function releaseJson({ disconnection }: Connection): JsonEvent | undefined {
  if (disconnection === undefined) {
    return undefined;
  }
  const { ending, confirmed, unsent, reason, userData, additionalInfo, nonDisruptive } =
    disconnection;
  return {
    ending,
    confirmed,
    unsent,
    reason,
    reasonText: reason === undefined ? undefined : disconnectReason(reason),
    userData: optionalHex(userData),
    additionalInfo: optionalHex(additionalInfo),
    nonDisruptive,
  };
}

/**
 * How a connection of class 2 ended, in words. `undefined` for class 0, which ends with TCP, and while the
 * connection is open.
 */
export function releaseText({ info, disconnection }: Connection): string | undefined {
  return disconnection === undefined || info.tpClass === 0 ? undefined : words(disconnection);
}

function words(disconnection: Disconnection): string {
  const { ending, confirmed, unsent, reason, userData } = disconnection;
  const parts = [
    mainWords(ending, confirmed, reason),
    userData !== undefined && `user data ${octetsText(userData)}`,
    unsent > 0 && `${counted(unsent, 'octet')} of user data not sent`,
  ];
  return parts.filter(Boolean).join(', ');
}

function mainWords(ending: string, confirmed: boolean, reason: number | undefined): string {
  if (reason !== undefined) {
    const who =
      ending === 'local' ? 'both sides sent a DR; that of the peer has' : 'the peer sent a DR with';
    return `${who} reason ${reason} (${disconnectReason(reason)})`;
  }
  if (confirmed) {
    return 'our DR was confirmed by a DC';
  }
  return ending === 'local'
    ? 'our DR was not confirmed: TCP ended without a DC'
    : 'TCP ended without a DR of the peer';
}
