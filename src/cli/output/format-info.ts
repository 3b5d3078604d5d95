/**
 * Formats addresses and what both sides negotiated, in words and in JSON.
 */
import { explainSelector } from '../../core/s7-selector.js';
import type { ConnectionInfo } from '../../index.js';
import { selectorText } from '../options/selectors.js';
import type { JsonEvent } from './events.js';
import { hexText } from './octets-text.js';

/** `host:port`, with the brackets that IPv6 requires. */
export function addressText({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What both sides negotiated, in JSON. */
export function infoJson(info: ConnectionInfo): JsonEvent {
  return {
    local: addressText(info.localAddr),
    remote: addressText(info.remoteAddr),
    localTsel: selectorText(info.localTsel),
    remoteTsel: selectorText(info.remoteTsel),
    respondingTsel: selectorText(info.respondingTsel),
    maxTpduSize: info.maxTpduSize,
    class: info.tpClass,
    expedited: info.expedited,
    expeditedAck: info.expeditedAck,
    localRef: info.localRef,
    remoteRef: info.remoteRef,
    connectData: info.connectData === undefined ? undefined : hexText(info.connectData),
  };
}

/** What both sides negotiated, in words. */
export function infoText({
  remoteAddr,
  localTsel,
  remoteTsel,
  maxTpduSize,
  tpClass,
  expedited,
  expeditedAck,
}: ConnectionInfo): string {
  const parts = [
    addressText(remoteAddr),
    localTsel !== undefined && `local ${explainSelector(localTsel)}`,
    remoteTsel !== undefined && `remote ${explainSelector(remoteTsel)}`,
    `TPDUs of ${maxTpduSize} octets`,
    tpClass !== 0 && `class ${tpClass}`,
    expedited && `expedited data${expeditedAck ? ' acknowledged by EA' : ''}`,
  ];
  return parts.filter(Boolean).join(', ');
}
