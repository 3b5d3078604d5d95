/**
 * TPKT as a service of its own: one packet a message, no TPDUs (RFC 1006 §6).
 */
import type { Engine, EngineEvent, Message, MessageReceiver, StreamRequest } from '../engine.js';
import {
  ConnectionClosedError,
  type CotpError,
  inPhase,
  ProtocolError,
  TimeoutError,
} from '../errors.js';
import type { Allocate, OctetCollector } from '../octet-collector.js';
import type { MakeView, OctetSource } from '../octet-source.js';
import { Outbox } from '../outbox.js';
import { Output } from '../output.js';
import { reassemblyDeadline } from '../reassembly-deadline.js';
import type { SendBlocks } from '../send-blocks.js';
import { streamFailure } from '../stream-failure.js';
import { TPKT_HEADER_LENGTH } from './header.js';
import { type PacketReceiver, TpktSplitter } from './splitter.js';

/** Limits and times of a TPKT stream; times in milliseconds, 0 for no limit of time. */
export interface TpktEngineOptions {
  /** Memory for a message that did not come in one piece. */
  readonly allocate: Allocate;
  /** The view of one that did. */
  readonly view: MakeView;
  /** Shared by all connections. */
  readonly sendBlocks: SendBlocks;
  readonly reassemblyTimeout: number;
  readonly closeTimeout: number;
}

const NO_HEADER: readonly number[] = [];

/** The engine under `cotp/tpkt`. It is open from the start. */
export class TpktEngine implements Engine, PacketReceiver {
  readonly outbox: Outbox;
  readonly #options: TpktEngineOptions;
  readonly #output = new Output();
  readonly #splitter: TpktSplitter;
  #state: 'open' | 'finSent' | 'finReceived' | 'ending' | 'closed' = 'open';
  #streamRequest: StreamRequest = 'none';
  #deadline: number | undefined;
  #work = 0;
  #copied = 0;

  constructor(options: TpktEngineOptions) {
    this.#options = options;
    this.outbox = new Outbox(options.sendBlocks);
    this.#splitter = new TpktSplitter(this);
  }

  get streamRequest(): StreamRequest {
    return this.#streamRequest;
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  get isReceiving(): boolean {
    return this.#state === 'open' || this.#state === 'finSent';
  }

  get hasRoom(): boolean {
    return true;
  }

  get pinned(): number {
    return this.#splitter.pinned;
  }

  get work(): number {
    return this.#work;
  }

  get copied(): number {
    return this.#copied;
  }

  receive(chunk: Uint8Array, now: number): void {
    if (!this.isReceiving) {
      return;
    }
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#fail(inPhase(error, 'open'));
      return;
    }
    this.#deadline = this.#splitter.atBoundary
      ? undefined
      : reassemblyDeadline(this.#deadline, now, this.#options.reassemblyTimeout);
  }

  resume(): boolean {
    return false;
  }

  receiveEnd(now: number): void {
    if (!this.isReceiving) {
      return;
    }
    if (this.#splitter.atBoundary) {
      this.#output.push({ type: 'end' });
      if (this.#state === 'finSent') {
        this.disconnect(now);
      } else {
        this.#state = 'finReceived';
      }
    } else {
      this.#fail(
        new ConnectionClosedError('the peer ended TCP in the middle of a TPKT', {
          phase: 'open',
          ending: 'fin',
        }),
      );
    }
  }

  streamClosed(cause: Error | undefined): void {
    if (this.#state !== 'ending' && this.#state !== 'closed') {
      this.#fail(
        new ConnectionClosedError(`${streamFailure(cause)} while the connection was open`, {
          phase: 'open',
          ending: cause === undefined ? 'fin' : 'reset',
          cause,
        }),
      );
    }
    this.#state = 'closed';
    this.#deadline = undefined;
  }

  handleDeadline(now: number): void {
    if (this.#deadline === undefined || now < this.#deadline) {
      return;
    }
    this.#deadline = undefined;
    if (this.isReceiving) {
      const { reassemblyTimeout } = this.#options;
      this.#fail(
        new TimeoutError(
          `a TPKT was begun but not finished within ${reassemblyTimeout} ms`,
          'reassemblyTimeout',
          reassemblyTimeout,
          { phase: 'open' },
        ),
      );
    } else {
      this.#streamRequest = 'destroy';
    }
  }

  compact(): void {
    this.#splitter.compact();
  }

  postponeDeadline(milliseconds: number): void {
    if (this.#deadline !== undefined && this.isReceiving) {
      this.#deadline += milliseconds;
    }
  }

  exceedLimit(error: CotpError): void {
    if (this.isReceiving) {
      this.#fail(inPhase(error, 'open'));
    }
  }

  send(message: Uint8Array): void {
    if (this.#state !== 'open' && this.#state !== 'finReceived') {
      const phase = this.#state === 'finSent' ? 'open' : 'closing';
      throw new ConnectionClosedError('this is not possible after our end of data', {
        phase,
        ending: 'local',
      });
    }
    this.outbox.packet(NO_HEADER, message);
  }

  endOfData(now: number): void {
    if (this.#state === 'open') {
      this.#state = 'finSent';
      this.#streamRequest = 'end';
    } else if (this.#state === 'finReceived') {
      this.disconnect(now);
    }
  }

  disconnect(now: number): void {
    if (this.#state !== 'ending' && this.#state !== 'closed') {
      this.#state = 'ending';
      this.#streamRequest = 'end';
      this.#deadline = now + this.#options.closeTimeout;
      this.#splitter.clear();
    }
  }

  deliverTo(receiver: MessageReceiver): void {
    this.#output.receiver = receiver;
  }

  next(): Message | EngineEvent | undefined {
    return this.#output.shift();
  }

  packet(source: OctetSource, start: number, end: number): boolean {
    this.#deadline = undefined;
    this.#work += 1;
    this.#output.message(source.give(start, end, this.#options.view));
    return true;
  }

  packetInPieces(pieces: OctetCollector): boolean {
    this.#deadline = undefined;
    this.#work += 1;
    const message = pieces.take(this.#options.allocate, TPKT_HEADER_LENGTH);
    this.#copied += message.length;
    this.#output.message(message);
    return true;
  }

  #fail(error: CotpError): void {
    this.#state = 'closed';
    this.#deadline = undefined;
    this.#streamRequest = 'reset';
    this.#splitter.clear();
    this.#output.push({ type: 'disconnect', error, orderly: false });
  }
}
