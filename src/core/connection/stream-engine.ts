/**
 * The part that every protocol engine of this library shares: framing, the send buffer, the event queue, the
 * deadline, and the one state of the connection. A subclass knows what a packet is.
 *
 * Kinds of method: getters that ask; commands of the user (`send`, `endOfData`, `disconnect`); what happens on
 * the stream (`receive`, `receiveEnd`, `streamClosed`, `handleDeadline`); and `next`, by which the driver takes
 * what comes out.
 */
import type { SendBuffer } from '../data-transfer/send-buffer.js';
import type { Engine, EngineEvent, Message, MessageReceiver, StreamRequest } from '../engine.js';
import { type CotpError, ProtocolError, TsduTooLargeError } from '../errors.js';
import { Fifo } from '../fifo.js';
import type { OctetCollector, OctetSource } from '../octets/collector.js';
import { type PacketReceiver, TpktSplitter } from '../tpkt/splitter.js';
import { endedWithin, failureOf, notPossible, timedOut } from './failures.js';
import {
  type Action,
  isReceiving,
  type State,
  type Table,
  type TransitionInput,
  isSending,
  takesData,
} from './transition.js';

/** Times in milliseconds, as the user gave them; 0 for none. */
export interface StreamTimes {
  /** Initiator: TCP, TLS and CC together. Responder: the CR; then again for the user's answer. */
  readonly handshakeTimeout: number;
  /** A TPKT or TSDU begun, from its first octet. */
  readonly reassemblyTimeout: number;
  /** From the wish to close to the end of TCP. */
  readonly closeTimeout: number;
}

/** Octets that wait for an answer of the user; a peer that sends more is not read meanwhile. */
const MAX_WAITING = 65_536;

/** The engine of one byte stream. */
export abstract class StreamEngine implements Engine, PacketReceiver {
  readonly sendBuffer: SendBuffer;
  /** While the connection is open, that of a message which the peer has begun. */
  deadline: number | undefined;
  streamRequest: StreamRequest = 'none';
  hasNews = false;
  hasUnfinished = false;
  work = 0;
  protected readonly splitter: TpktSplitter;
  protected now = 0;
  /** Data came before the answer of the user to the CR: it waits, and all octets behind it. */
  protected hasEarlyData = false;
  #state: State;
  readonly #times: StreamTimes;
  readonly #events = new Fifo<Message | EngineEvent>();
  #receiver: MessageReceiver | undefined;
  /** What a message is called in errors. */
  readonly #unit: 'TSDU' | 'TPKT';
  readonly #peer: string;

  protected constructor(
    sendBuffer: SendBuffer,
    times: StreamTimes,
    start: { readonly state: State; readonly unit: 'TSDU' | 'TPKT'; readonly peer: string },
  ) {
    this.sendBuffer = sendBuffer;
    this.#times = times;
    this.#state = start.state;
    this.#unit = start.unit;
    this.#peer = start.peer;
    this.splitter = new TpktSplitter(this);
  }

  /** The table of transitions in force. */
  protected abstract get table(): Table;
  /** Octets of messages that are begun and not ended, and of those, whether there are any. */
  protected abstract get unfinished(): number;
  protected abstract get isWithinMessage(): boolean;
  abstract get pinned(): number;
  abstract readonly copied: number;
  abstract packet(chunk: OctetSource, start: number, end: number): boolean;
  abstract packetInPieces(pieces: OctetCollector): boolean;
  abstract compact(): void;
  abstract send(message: Uint8Array): void;

  get state(): State {
    return this.#state;
  }

  get isReceiving(): boolean {
    return isReceiving(this.#state);
  }

  get isSending(): boolean {
    return isSending(this.#state);
  }

  get hasRoom(): boolean {
    return this.splitter.waiting < MAX_WAITING;
  }

  receive(chunk: Uint8Array, now: number, isOwn = false): void {
    this.now = now;
    if (!isReceiving(this.#state)) {
      return;
    }
    // More octets wait behind the others, and there may be no room left.
    this.hasNews ||= this.splitter.isStopped;
    try {
      this.splitter.push(chunk, isOwn);
    } catch (error) {
      this.step(faultInput(error));
    }
    this.#afterOctets();
  }

  resume(now: number): boolean {
    if (this.hasEarlyData || !this.splitter.isStopped || !isReceiving(this.#state)) {
      return false;
    }
    this.now = now;
    try {
      this.splitter.resume();
    } catch (error) {
      this.step(faultInput(error));
    }
    this.#afterOctets();
    return true;
  }

  receiveEnd(now: number): void {
    this.now = now;
    if (takesData(this.#state) && this.isWithinMessage) {
      const error = endedWithin(this.#unit, this.unfinished);
      this.step({ event: 'N-RELEASE within a TSDU', error });
    } else {
      this.step({ event: 'N-RELEASE indication' });
    }
  }

  streamClosed(cause: Error | undefined, now: number): void {
    this.now = now;
    this.step({ event: 'N-DISCONNECT indication', cause });
  }

  handleDeadline(now: number): void {
    if (this.deadline !== undefined && now >= this.deadline) {
      this.now = now;
      this.deadline = undefined;
      const error = timedOut(this.#state, this.#times, this.#unit, this.#peer);
      this.step({ event: 'timer', error });
    }
  }

  postponeDeadline(milliseconds: number): void {
    if (this.deadline !== undefined && takesData(this.#state)) {
      this.deadline += milliseconds;
    }
  }

  exceedLimit(error: CotpError, now: number): void {
    this.now = now;
    this.step({ event: 'limit', error });
  }

  endOfData(now: number): void {
    this.now = now;
    this.step({ event: 'end of data request' });
  }

  disconnect(now: number): void {
    this.now = now;
    this.step({ event: 'T-DISCONNECT request' });
  }

  next(): Message | EngineEvent | undefined {
    let output = this.#events.shift();
    while (output instanceof Uint8Array && this.#receiver !== undefined) {
      this.#receiver.onMessage(output);
      output = this.#events.shift();
    }
    return output;
  }

  deliverTo(receiver: MessageReceiver): void {
    this.#receiver = receiver;
  }

  /** Puts out an event. */
  protected emit(event: EngineEvent): void {
    this.#events.push(event);
  }

  /**
   * Puts out a message. Where nothing waits before it, it is received at once: a chunk may hold hundreds, which
   * would all be queued only to be taken out again.
   */
  protected deliver(message: Message): void {
    if (this.#receiver !== undefined && this.#events.length === 0) {
      this.#receiver.onMessage(message);
    } else {
      this.hasNews = true;
      this.#events.push(message);
    }
  }

  /** Once data may come: what the peer has begun has its time, and what follows in drips does not extend it. */
  protected timeMessage(): void {
    const { reassemblyTimeout } = this.#times;
    this.hasUnfinished = this.isWithinMessage;
    if (!this.hasUnfinished || reassemblyTimeout === 0) {
      this.deadline = undefined;
    } else {
      this.deadline ??= this.now + reassemblyTimeout;
    }
  }

  /** A chunk, or what waited, was processed. */
  #afterOctets(): void {
    if (!isReceiving(this.#state)) {
      // What is left of the chunk is of no use.
      this.splitter.clear();
    } else if (takesData(this.#state)) {
      this.endChunk();
      this.timeMessage();
    }
  }

  /** The octets of a chunk were processed, and the connection takes more. */
  protected endChunk(): void {}

  /**
   * One event: looks up what it does in this state, does it and enters the next state. A procedure that throws,
   * for a command whose value cannot be sent, leaves the state as it was.
   */
  protected step(input: TransitionInput): void {
    this.hasNews = true;
    const from = this.#state;
    const { action, next } = this.table[from][input.event];
    this.perform(action, input, from);
    this.#state = next;
    if (next === 'CLOSED') {
      this.deadline = undefined;
      this.forgetReceived();
    }
  }

  /** The procedure of an action; a subclass has those of its own. None of them steps again. */
  protected perform(action: Action, input: TransitionInput, from: State): void {
    switch (action) {
      case 'reject user':
        throw notPossible(from);
      case 'end sending':
        this.streamRequest = 'end';
        break;
      case 'indicate end':
        this.deadline = undefined;
        this.emit({ type: 'end' });
        if (from === 'FIN_SENT') {
          this.release();
        }
        break;
      case 'fail':
        this.fail(this.failure(input, from), 'destroy');
        break;
      case 'fail by reset':
        this.fail(this.failure(input, from), 'reset');
        break;
      case 'release':
        this.release();
        break;
      case 'drop':
        this.streamRequest = 'destroy';
        break;
      default:
      // 'ignore', and 'send data', which `send` does where it is allowed.
    }
  }

  /** The error of an input that ends the connection. */
  protected failure(input: TransitionInput, from: State): CotpError {
    return failureOf(input, from);
  }

  /** T-DISCONNECT indication: the last event. */
  protected fail(error: CotpError, request: 'destroy' | 'reset'): void {
    this.emit({ type: 'disconnect', error, orderly: false });
    this.streamRequest = request;
  }

  /** The octets that wait are sent, then FIN; not for ever. */
  protected release(): void {
    this.streamRequest = 'end';
    this.deadline = this.now + this.#times.closeTimeout;
    this.forgetReceived();
  }

  protected forgetReceived(): void {
    this.splitter.clear();
    this.hasUnfinished = false;
  }
}

/**
 * The event that an error is which splitter or reassembly threw while they took in octets; any other error is
 * a mistake of ours and thrown on.
 */
export function faultInput(error: unknown): TransitionInput {
  if (error instanceof TsduTooLargeError) {
    return { event: 'limit', error };
  }
  if (error instanceof ProtocolError) {
    return { event: 'bad TPKT', error };
  }
  throw error;
}
