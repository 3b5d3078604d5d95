/**
 * One TCP connection as its rows show it: what was offered and agreed, how it is decoded, which TSDUs are in progress
 * and how it ended. A proxy has two of them for each client.
 */
import { ProtocolError } from '../../core/errors.js';
import { type Confirmation, confirm } from '../../core/negotiation/confirm.js';
import { copyOf } from '../../core/octets/octets.js';
import { tpduTypeOf } from '../../core/tpdu/codes.js';
import { decode } from '../../core/tpdu/decode.js';
import { failureText } from '../../core/tpdu/remote-desktop.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  DecodeOptions,
  Tpdu,
} from '../../core/tpdu/types.js';
import type { ConnectionRow, EventRow } from '../../node/inspector/rows.js';
import type { Conversation } from './conversation.js';
import {
  type Closing,
  causeOf,
  closeOf,
  disconnectionOf,
  type Ending,
  failureOf,
  refusalOf,
  type Side,
  unanswered,
} from './endings.js';
import type { Tsdu } from './entry.js';

/** `tcp`: no CR yet. `calling`: the CR is not answered. `failed`: an error ended it before it was open. */
export type LegState = 'tcp' | 'calling' | 'open' | 'refused' | 'failed' | 'closed';

/** Octets and TSDUs that one side sent. */
export interface Traffic {
  tpdus: number;
  tsdus: number;
  /** Octets of user data in DTs. */
  octets: number;
  /** The TSDU whose last DT has not come. */
  tsdu: Tsdu | undefined;
}

const noTraffic = (): Traffic => ({ tpdus: 0, tsdus: 0, octets: 0, tsdu: undefined });

/** What decoding found beside the TPDU. */
export interface Found {
  readonly tpdu: Tpdu | undefined;
  readonly deviations: readonly string[];
}

const NONE: readonly string[] = [];
const NO_REASON = 'no reason given';

export class Leg {
  readonly row: ConnectionRow;
  readonly conversation: Conversation;
  state: LegState = 'tcp';
  cr: (ConnectionRequest & Decoded) | undefined;
  cc: (ConnectionConfirm & Decoded) | undefined;
  agreed: Confirmation | undefined;
  /** When the CR, its answer and the end came. */
  readonly times: { cr?: number; answer?: number; close?: number } = {};
  /** Why it ended; the first reason counts. */
  ending: Ending | undefined;
  readonly fromClient: Traffic = noTraffic();
  readonly fromServer: Traffic = noTraffic();
  #note: string | undefined;

  constructor(row: ConnectionRow, conversation: Conversation) {
    this.row = row;
    this.conversation = conversation;
  }

  /** The address of the side that sends the CR. */
  get client(): string {
    return this.row.role === 'server' ? this.row.remote : this.row.local;
  }

  get server(): string {
    return this.row.role === 'server' ? this.row.local : this.row.remote;
  }

  /** The leg of a proxy to its target. */
  get isToTarget(): boolean {
    return this.row.pair !== undefined && this.row.role === 'client';
  }

  /** How TPDUs behind the CC are decoded. */
  get decodeOptions(): DecodeOptions {
    const { agreed, cc } = this;
    return agreed === undefined || cc === undefined
      ? {}
      : {
          class: agreed.class,
          extendedFormats: (cc.options & 0x02) !== 0,
          expedited: agreed.expedited,
          maxTpduSize: agreed.maxTpduSize,
        };
  }

  traffic(isFromClient: boolean): Traffic {
    return isFromClient ? this.fromClient : this.fromServer;
  }

  /** Decodes a TPDU and follows what it does to the connection. */
  follow(octets: Uint8Array, isFromClient: boolean, time: number): Found {
    const type = tpduTypeOf(octets[1] ?? 0);
    const isConnect = type === 'CR' || type === 'CC';
    try {
      // A CR or CC outlives its octets in the store.
      const kept = isConnect ? copyOf(octets) : octets;
      const tpdu = decode(kept, isConnect ? {} : this.decodeOptions);
      const own = tpdu.diagnostics.length === 0 ? NONE : tpdu.diagnostics.map(({ code }) => code);
      const others = this.#apply(tpdu, kept, isFromClient, time);
      return { tpdu, deviations: others.length === 0 ? own : [...new Set([...own, ...others])] };
    } catch (error) {
      if (error instanceof ProtocolError) {
        return { tpdu: undefined, deviations: [error.fault] };
      }
      throw error;
    }
  }

  #apply(tpdu: Tpdu, octets: Uint8Array, isFromClient: boolean, time: number): readonly string[] {
    switch (tpdu.type) {
      case 'CR':
        this.cr = tpdu;
        this.times.cr ??= time;
        this.#enter('calling');
        return NONE;
      case 'CC':
        return this.#confirmed(tpdu, octets, time);
      case 'DR':
      case 'ER':
        if (this.state === 'calling' && !isFromClient) {
          this.times.answer ??= time;
          this.ending ??= refusalOf(tpdu, this.cr, time);
          this.#enter('refused');
        } else {
          this.ending ??= disconnectionOf(tpdu, isFromClient ? 'client' : 'server', time);
        }
        return NONE;
      default:
        return NONE;
    }
  }

  #confirmed(cc: ConnectionConfirm & Decoded, octets: Uint8Array, time: number): readonly string[] {
    this.cc = cc;
    this.times.answer ??= time;
    const { negotiation } = cc.remoteDesktop ?? {};
    if (negotiation?.type === 'failure') {
      const reason = `remote desktop failure ${negotiation.failureCode}: ${failureText(negotiation.failureCode)}`;
      this.ending ??= { words: `refused by ${reason}`, reason, time };
      this.#enter('refused');
      return NONE;
    }
    this.#enter('open');
    if (this.cr === undefined) {
      return NONE;
    }
    try {
      this.agreed = confirm(this.cr, cc, { octets });
      return this.agreed.diagnostics.map(({ code }) => code);
    } catch (error) {
      if (error instanceof ProtocolError) {
        return [error.fault];
      }
      throw error;
    }
  }

  /** Follows an event that no TPDU shows. */
  happened({ event, time, cause, error, how, by }: EventRow): void {
    switch (event) {
      case 'request':
        this.#enter('calling');
        return;
      case 'open':
        this.#enter('open');
        return;
      case 'refused':
        if (this.state !== 'failed') {
          // The DR comes as a TPDU of its own, before or behind; what this server knows says more.
          const { hint } = this.ending ?? {};
          const reason = cause === 'user' ? (this.#note ?? cause) : cause;
          this.ending = { ...causeOf(`refused ${this.#where}`, reason ?? NO_REASON, time), hint };
        }
        this.#enter('refused');
        break;
      case 'drop':
        this.ending ??= causeOf(`dropped ${this.#where}`, cause ?? NO_REASON, time);
        this.#enter('failed');
        return;
      case 'error':
        this.#failed(error?.code ?? 'error', error?.message ?? 'it failed', time);
        break;
      case 'close':
        this.#closed({ how, side: this.sideOf(by), time }, by);
        return;
    }
  }

  #failed(code: string, message: string, time: number): void {
    if (this.state === 'calling' && code === 'ECONNRESET') {
      const closing = { how: 'reset', side: this.sideOf('remote'), time } as const;
      this.ending ??= unanswered(closing, this.#isCaller('remote'), this.cr);
      this.#enter('refused');
    } else {
      this.ending ??= failureOf(code, message, time);
      this.#enter(this.state === 'open' ? 'open' : 'failed');
    }
  }

  /** A sentence about the connection. It may be why the application refuses the CR. */
  noted(text: string): void {
    if (this.state === 'tcp' || this.state === 'calling') {
      this.#note = text;
    }
  }

  /** Which side of the connection an event means. */
  sideOf(by: 'local' | 'remote' | undefined): Side | undefined {
    if (by === undefined) {
      return undefined;
    }
    if (by === 'local' && this.row.pair !== undefined) {
      return 'proxy';
    }
    return this.#isCaller(by) ? 'client' : 'server';
  }

  /** Whether that side sends the CR. */
  #isCaller(by: 'local' | 'remote' | undefined): boolean {
    return by !== undefined && (by === 'local') === (this.row.role === 'client');
  }

  /** Where a server decides that is no peer. */
  get #where(): string {
    return this.row.pair === undefined ? 'here' : 'by the proxy';
  }

  #closed(closing: Closing, by: EventRow['by']): void {
    this.times.close = closing.time;
    if (this.state === 'calling') {
      this.ending ??= unanswered(closing, this.#isCaller(by), this.cr);
      this.#enter('refused');
    } else {
      this.ending ??= closeOf(closing, this.cr !== undefined || this.state !== 'tcp');
      this.#enter('closed');
    }
  }

  /** A refused or failed connection stays that when TCP ends behind it. */
  #enter(state: LegState): void {
    if (this.state !== 'refused' && this.state !== 'failed') {
      this.state = state;
    }
  }
}
