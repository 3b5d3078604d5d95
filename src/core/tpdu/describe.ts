/**
 * Describes a TPDU in one line of text, in the words of protocol analysers, for logs and traces.
 */
import { octetCount, toHex } from '../octets/octets.js';
import { formatTsel, tselOf } from '../tsel.js';
import { disconnectReason, rejectCauseText } from './codes.js';
import { additionalInfoText, optionNames } from './meanings.js';
import { negotiationText, quotedText } from './remote-desktop.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  DisconnectRequest,
  RemoteDesktop,
  Tpdu,
} from './types.js';

/**
 * Describes a decoded TPDU in one line, as traces do: its fields, and in brackets the tolerated deviations. User data
 * of a DT or ED is only counted; that of a CR, CC or DR is shown in hexadecimal. The wording may change.
 *
 * @example
 * ```ts
 * import { decode, describeTpdu } from 'cotp/browser';
 *
 * const cr = decode(Uint8Array.of(9, 0xe0, 0, 0, 0x4a, 0x1c, 0, 0xc0, 1, 10));
 * console.log(describeTpdu(cr)); // CR TPDU src-ref: 0x4a1c dst-ref: 0x0000 class: 0 size: 1024
 * ```
 */
export function describeTpdu(tpdu: Tpdu): string {
  const notes = tpdu.diagnostics.map(({ code }) => code);
  return `${tpdu.type} TPDU ${details(tpdu)}${notes.length === 0 ? '' : ` [${notes.join(', ')}]`}`;
}

function details(tpdu: Tpdu): string {
  switch (tpdu.type) {
    case 'CR':
    case 'CC':
      return connection(tpdu);
    case 'DR':
      return disconnection(tpdu);
    case 'DC':
      return refs(tpdu);
    case 'DT':
    case 'ED':
      return `(${tpdu.tpduNr}) ${tpdu.eot ? 'EOT ' : ''}${octetCount(tpdu.userData.length)}`;
    case 'AK':
    case 'RJ':
      return `dst-ref: ${ref(tpdu.dstRef)} number: ${tpdu.yrTuNr} credit: ${tpdu.cdt}`;
    case 'EA':
      return `dst-ref: ${ref(tpdu.dstRef)} number: ${tpdu.yrEdtuNr}`;
    case 'ER':
      return `dst-ref: ${ref(tpdu.dstRef)} cause: ${tpdu.rejectCause} (${rejectCauseText(tpdu.rejectCause)})`;
  }
}

function connection(tpdu: ConnectionRequest | ConnectionConfirm): string {
  const { callingTsel, calledTsel, tpduSize, preferredMaxTpduSize, alternativeClasses } =
    tpdu.parameters;
  const parts = [
    refs(tpdu),
    `class: ${tpdu.class}`,
    alternativeClasses && `alternatives: ${alternativeClasses.join(', ')}`,
    callingTsel && `calling: ${formatTsel(tselOf(callingTsel))}`,
    calledTsel && `called: ${formatTsel(tselOf(calledTsel))}`,
    tpduSize && `size: ${tpduSize}`,
    preferredMaxTpduSize && `preferred size: ${preferredMaxTpduSize}`,
    options(tpdu),
    tpdu.remoteDesktop && `remote desktop: ${remoteDesktop(tpdu.remoteDesktop)}`,
    tpdu.userData.length > 0 && `data: ${toHex(tpdu.userData)}`,
  ];
  return parts.filter(Boolean).join(' ');
}

function options({ class: transportClass, parameters }: ConnectionRequest | ConnectionConfirm) {
  const names = optionNames(parameters.additionalOptions ?? 0, transportClass) ?? [];
  return names.length > 0 && `options: ${names.join(', ')}`;
}

function disconnection(tpdu: DisconnectRequest): string {
  const { additionalInfo } = tpdu.parameters;
  const meaning = additionalInfo && additionalInfoText(additionalInfo);
  const parts = [
    refs(tpdu),
    `reason: ${tpdu.reason} (${disconnectReason(tpdu.reason)})`,
    additionalInfo && `info: ${toHex(additionalInfo)}${meaning && ` (${meaning})`}`,
    tpdu.userData.length > 0 && `data: ${toHex(tpdu.userData)}`,
  ];
  return parts.filter(Boolean).join(' ');
}

function remoteDesktop(form: RemoteDesktop): string {
  const { cookie, routingToken, negotiation, correlationId } = form;
  const line = cookie ?? routingToken;
  const parts = [
    line !== undefined && quotedText(line),
    negotiation && negotiationText(negotiation),
    correlationId && `correlation: ${toHex(correlationId)}`,
  ];
  return parts.filter(Boolean).join(' ');
}

function refs({ srcRef, dstRef }: { readonly srcRef: number; readonly dstRef: number }): string {
  return `src-ref: ${ref(srcRef)} dst-ref: ${ref(dstRef)}`;
}

function ref(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}
