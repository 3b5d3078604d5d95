/**
 * The part that every protocol engine of this library shares: framing, the send buffer, the event queue, the
 * deadline, and the one state of the connection. A subclass knows what a packet is.
 *
 * Kinds of method: getters that ask; commands of the user (`send`, `endOfData`, `disconnect`); what happens on
 * the stream (`receive`, `receiveEnd`, `streamClosed`, `handleDeadline`); and `next`, by which the driver takes
 * what comes out.
 */
import type { SendBuffer } from '../data-transfer/send-buffer.js';
import type { DisconnectDetails, DisconnectHow, Disconnection } from '../disconnection.js';
import type { Engine, EngineEvent, Message, MessageReceiver, StreamRequest } from '../engine.js';
import { type CotpError, ProtocolError, TsduTooLargeError, withUnsent } from '../errors.js';
import { Fifo } from '../fifo.js';
import type { OctetCollector, OctetSource } from '../octets/collector.js';
import { type PacketReceiver, TpktSplitter } from '../tpkt/splitter.js';
import { ConnectionEnd } from './connection-end.js';
import { endedWithin, failureOf, noHalfClose, notPossible, timedOut } from './failures.js';
import {
  type Action,
  STATES,
  type State,
  type StateFacts,
  type Table,
  type TransitionInput,
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

/** Replies that wait because the peer does not read; above it the peer is not read either. */
const MAX_REPLIES = 1_000;

/** What does not change about an engine. */
export interface StreamTraits {
  readonly times: StreamTimes;
  /** What a message is called in errors. */
  readonly unit: 'TSDU' | 'TPKT';
  /** The peer as errors name it. */
  readonly peer: string;
}

/** What an action does, given the input that led to it and the state that it came in. */
export type Procedure<E> = (engine: E, input: TransitionInput, from: State) => void;

/** What each action does. */
export type Procedures<E> = Readonly<Partial<Record<Action, Procedure<E>>>>;

/** What the last event says beside its error. */
export interface Indication {
  readonly orderly?: boolean;
  /** Octets of user data that are lost. */
  readonly unsent?: number;
  readonly details?: Partial<DisconnectDetails>;
}

/** The engine of one byte stream. */
export abstract class StreamEngine implements Engine, PacketReceiver {
  readonly sendBuffer: SendBuffer;
  streamRequest: StreamRequest = 'none';
  hasNews = false;
  hasUnfinished = false;
  work = 0;
  protected readonly splitter: TpktSplitter;
  /** The deadline of the state; while the connection is open, that of a message which the peer has begun. */
  protected due: number | undefined;
  protected now = 0;
  protected readonly end = new ConnectionEnd();
  /** Data came before the answer of the user to the CR: it waits, and all octets behind it. */
  protected hasEarlyData = false;
  #state: State;
  #facts: StateFacts;
  readonly #traits: StreamTraits;
  readonly #events = new Fifo<Message | EngineEvent>();
  #receiver: MessageReceiver | undefined;

  protected constructor(sendBuffer: SendBuffer, state: State, traits: StreamTraits) {
    this.sendBuffer = sendBuffer;
    this.#state = state;
    this.#facts = STATES[state];
    this.#traits = traits;
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
  abstract sendExpedited(data: Uint8Array): void;
  /** Octets of user data that wait to be sent. */
  protected abstract get unsent(): number;
  abstract get endsByTpdu(): boolean;

  get state(): State {
    return this.#state;
  }

  get isReceiving(): boolean {
    return this.#facts.isReceiving;
  }

  get isReleasing(): boolean {
    return this.#facts.isReleasing;
  }

  get isSending(): boolean {
    return this.#facts.isSending;
  }

  protected get takesData(): boolean {
    return this.#facts.takesData;
  }

  get hasRoom(): boolean {
    return this.splitter.waiting < MAX_WAITING && this.sendBuffer.replies <= MAX_REPLIES;
  }

  get deadline(): number | undefined {
    return this.due;
  }

  get disconnection(): Disconnection | undefined {
    return this.end.disconnection;
  }

  receive(chunk: Uint8Array, now: number, isOwn = false): void {
    this.now = now;
    if (!this.#facts.isReceiving) {
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
    if (this.hasEarlyData || !this.splitter.isStopped || !this.#facts.isReceiving) {
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
    this.end.hasPeerEnded = true;
    if (this.#facts.takesData && this.isWithinMessage) {
      const error = endedWithin(this.#traits.unit, this.unfinished);
      this.step({ event: 'N-RELEASE within a TSDU', error });
    } else {
      this.step({ event: 'N-RELEASE indication' });
    }
  }

  streamClosed(cause: Error | undefined, now: number): void {
    this.now = now;
    const { unsent } = this;
    const isEnded = this.streamRequest === 'end' && this.end.hasPeerEnded && cause === undefined;
    this.step({ event: 'N-DISCONNECT indication', cause });
    this.end.byStream(cause === undefined ? 'fin' : 'reset', unsent);
    // A connection that both sides have ended by FIN has ended as it should.
    if (isEnded && !this.endsByTpdu) {
      this.end.confirmed();
    }
  }

  handleDeadline(now: number): void {
    if (this.due !== undefined && now >= this.due) {
      this.now = now;
      this.due = undefined;
      const { times, unit, peer } = this.#traits;
      this.step({ event: 'timer', error: timedOut(this.#state, times, unit, peer) });
    }
  }

  postponeDeadline(milliseconds: number): void {
    if (this.due !== undefined && this.#facts.takesData) {
      this.due += milliseconds;
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

  disconnect(now: number, how: DisconnectHow = {}): void {
    this.now = now;
    const event = how.disruptive ? 'disruptive T-DISCONNECT request' : 'T-DISCONNECT request';
    if (this.table[this.#state][event].action !== 'ignore') {
      this.end.byUser();
    }
    this.step({ event, how });
  }

  next(): Message | EngineEvent | undefined {
    let output = this.#events.shift();
    while (output !== undefined && this.#receives(output)) {
      output = this.#events.shift();
    }
    return output;
  }

  /** Passes on what is for the receiver; `false` for an event, and while there is none. */
  #receives(output: Message | EngineEvent): boolean {
    if (this.#receiver === undefined) {
      return false;
    }
    if (output instanceof Uint8Array) {
      this.#receiver.onMessage(output);
      return true;
    }
    if (output.type === 'expedited') {
      this.#receiver.onExpedited(output.data);
      return true;
    }
    return false;
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

  /** Puts out expedited data. It is received at once where no event waits before it, and ahead of messages. */
  protected deliverExpedited(data: Uint8Array): void {
    if (this.#receiver !== undefined && this.#events.length === 0) {
      this.#receiver.onExpedited(data);
    } else {
      this.#events.push({ type: 'expedited', data });
    }
  }

  /** Once data may come: what the peer has begun has its time, and what follows in drips does not extend it. */
  protected timeMessage(): void {
    const { reassemblyTimeout } = this.#traits.times;
    this.hasUnfinished = this.isWithinMessage;
    if (!this.hasUnfinished || reassemblyTimeout === 0) {
      this.due = undefined;
    } else {
      this.due ??= this.now + reassemblyTimeout;
    }
  }

  /** A chunk, or what waited, was processed. */
  #afterOctets(): void {
    if (!this.#facts.isReceiving) {
      // What is left of the chunk is of no use.
      this.splitter.clear();
    } else if (this.#facts.takesData) {
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
    this.#facts = STATES[next];
    if (next === 'CLOSED') {
      // The FIN of the peer does not end TCP while ours has not left: the close clock goes on.
      if (input.event !== 'N-RELEASE indication' || this.streamRequest !== 'end') {
        this.due = undefined;
      }
      this.forgetReceived();
    }
  }

  /** The procedure of an action; a subclass has those of its own. None of them steps again. */
  protected perform(action: Action, input: TransitionInput, from: State): void {
    StreamEngine.#PROCEDURES[action]?.(this, input, from);
  }

  /** What each action does; `ignore` nothing, and `send data` is done by {@link send} where it is allowed. */
  static readonly #PROCEDURES: Procedures<StreamEngine> = {
    'reject user': (_engine, _input, from) => {
      throw notPossible(from);
    },
    'reject half-close': () => {
      throw noHalfClose();
    },
    'end sending': (engine) => {
      engine.streamRequest = 'end';
    },
    'indicate end': (engine, _input, from) => {
      engine.due = undefined;
      engine.emit({ type: 'end' });
      if (from === 'FIN_SENT') {
        engine.release();
      }
    },
    fail: (engine, input, from) => engine.fail(engine.failure(input, from), 'destroy'),
    'fail by reset': (engine, input, from) => engine.fail(engine.failure(input, from), 'reset'),
    release: (engine) => engine.release(),
    'release at once': (engine) => {
      engine.dropQueued();
      engine.release();
    },
    drop: (engine) => {
      engine.streamRequest = 'destroy';
    },
  };

  /** The error of an input that ends the connection. */
  protected failure(input: TransitionInput, from: State): CotpError {
    return failureOf(input, from);
  }

  /** T-DISCONNECT indication: the last event. What waits to be sent is lost. */
  protected fail(error: CotpError, request: 'destroy' | 'reset'): void {
    this.indicateDisconnect(error, { unsent: this.unsent });
    this.end.isUnsentFinal = true;
    this.streamRequest = request;
  }

  /** Puts out the last event. */
  protected indicateDisconnect(
    error: CotpError,
    { orderly = false, unsent = 0, details = {} }: Indication = {},
  ): void {
    const disconnection = this.end.byError(error, unsent, details);
    this.emit({ type: 'disconnect', error: withUnsent(error, unsent), orderly, disconnection });
  }

  dropUnsent(): void {
    this.dropQueued();
    // Octets of the peer may still be processed, and what is queued in answer to them is no data of the user.
    this.end.isUnsentFinal = true;
  }

  /** Forgets the data that waits, and counts it as lost. */
  protected dropQueued(): void {
    this.end.addUnsent(this.unsent);
    this.sendBuffer.dropData();
  }

  /** Starts the close clock, unless it runs. */
  protected startCloseClock(): void {
    this.due = this.end.closeBy(this.now, this.#traits.times.closeTimeout);
  }

  /** The octets that wait are sent, then FIN; not for ever. */
  protected release(): void {
    this.streamRequest = 'end';
    this.startCloseClock();
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
