/**
 * Sends the TPDUs of a connection other than DT: puts each in its place in the send buffer, and shows it to the
 * observer.
 */
import type { TpduObserver } from '../data-transfer/observer.js';
import type { SendBuffer } from '../data-transfer/send-buffer.js';
import type { DisconnectHow } from '../disconnection.js';
import type { DisconnectRequest } from '../tpdu/types.js';
import { acknowledgementOf } from './expedited.js';
import { disconnectConfirm, disconnectRequest } from './release.js';

const NO_HEADER: readonly number[] = [];

/** Sends the TPDUs of one side. */
export class Outgoing {
  /** The reference of the peer; 0 while it is not known. */
  remoteRef = 0;
  readonly #sendBuffer: SendBuffer;
  readonly #localRef: number;
  readonly #observer: TpduObserver | undefined;

  constructor(sendBuffer: SendBuffer, localRef: number, observer: TpduObserver | undefined) {
    this.#sendBuffer = sendBuffer;
    this.#localRef = localRef;
    this.#observer = observer;
  }

  /** Sends a TPDU behind everything that waits. */
  send(tpdu: Uint8Array): void {
    this.#sendBuffer.addPacket(NO_HEADER, tpdu);
    this.#show(tpdu);
  }

  /** Sends a TPDU before all data that waits. */
  reply(tpdu: Uint8Array): void {
    this.#sendBuffer.addReply(tpdu);
    this.#show(tpdu);
  }

  /** Sends the CC before everything that waits. The observer gets it now, before the connection is reported as open. */
  confirmConnection(tpdu: Uint8Array): void {
    if (this.#observer?.isWatching) {
      this.#observer.see('sent', tpdu);
    }
    this.#sendBuffer.addShownReply(tpdu);
  }

  /** Sends an ED before all normal data that waits. */
  sendExpedited(tpdu: Uint8Array): void {
    this.#sendBuffer.addExpedited(tpdu);
    this.#show(tpdu);
  }

  /** Sends the DR. If it is not disruptive, its 0xE0 says that everything was sent. */
  sendDr(reason: number, isDisruptive: boolean, { userData, additionalInfo }: DisconnectHow): void {
    const references = { localRef: this.#localRef, remoteRef: this.remoteRef };
    this.reply(disconnectRequest(references, reason, { userData, additionalInfo, isDisruptive }));
  }

  /** Sends the DC for a DR of the peer. */
  confirm(dr: DisconnectRequest): void {
    this.reply(disconnectConfirm(dr, this.remoteRef));
  }

  /** Sends the EA for the ED with this number. */
  acknowledge(number: number): void {
    this.reply(acknowledgementOf(number, this.remoteRef));
  }

  #show(tpdu: Uint8Array): void {
    if (this.#observer?.isWatching && !this.#sendBuffer.showsLeaving) {
      this.#observer.see('sent', tpdu);
    }
  }
}
