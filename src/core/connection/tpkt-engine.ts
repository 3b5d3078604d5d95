/**
 * TPKT as a service of its own: one packet a message, no TPDUs (RFC 1006 §6). It is open from the start.
 */
import { SendBuffer } from '../data-transfer/send-buffer.js';
import type { SendPool } from '../data-transfer/send-pool.js';
import { CotpError } from '../errors.js';
import type { Allocate, MakeView, OctetCollector, OctetSource } from '../octets/collector.js';
import { TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import type { StreamTimes } from './options.js';
import { StreamEngine } from './stream-engine.js';
import { STREAM_TABLE } from './stream-life.js';
import type { Table } from './transition.js';

/** Memory and times of a TPKT stream. */
export interface TpktOptions extends Omit<StreamTimes, 'handshakeTimeout'> {
  /** Memory for a message that did not come in one piece. */
  readonly allocate: Allocate;
  /** The view of one that did. */
  readonly view: MakeView;
  /** Shared by all connections. */
  readonly sendPool: SendPool;
}

const NO_HEADER: readonly number[] = [];

/** The engine under `cotp/tpkt`. */
export class TpktEngine extends StreamEngine {
  copied = 0;
  readonly #options: TpktOptions;

  constructor(options: TpktOptions) {
    const times = { handshakeTimeout: 0, ...options };
    super(new SendBuffer(options.sendPool), 'OPEN', { times, unit: 'TPKT', peer: '' });
    this.#options = options;
  }

  get pinned(): number {
    return this.splitter.pinned;
  }

  compact(): void {
    this.splitter.compact();
  }

  send(message: Uint8Array): void {
    if (this.facts.isSending) {
      this.messagesSent += 1;
      this.sendBuffer.addPacket(NO_HEADER, message);
    } else {
      this.step({ event: 'T-DATA request' });
    }
  }

  sendExpedited(): void {
    throw new CotpError('ERR_COTP_NO_EXPEDITED', 'TPKTs alone have no expedited data', {
      phase: 'open',
    });
  }

  packet(source: OctetSource, start: number, end: number): boolean {
    this.work += 1;
    this.due = undefined;
    this.deliver(source.give(start, end, this.#options.view));
    return true;
  }

  packetInPieces(pieces: OctetCollector): boolean {
    this.work += 1;
    this.due = undefined;
    const message = pieces.take(this.#options.allocate, TPKT_HEADER_LENGTH);
    this.copied += message.length;
    this.deliver(message);
    return true;
  }

  protected get table(): Table {
    return STREAM_TABLE;
  }

  protected get unsent(): number {
    return this.sendBuffer.userDataLength(0);
  }

  get endsByTpdu(): boolean {
    return false;
  }

  protected get unfinished(): number {
    return this.splitter.held;
  }

  protected get isWithinMessage(): boolean {
    return !this.splitter.atBoundary;
  }
}
