/**
 * The base of every protocol engine of this library: framing, the send buffer, the event queue, the deadline, and the
 * one state of the connection. A subclass knows the content of a packet.
 *
 * Kinds of method: getters; commands of the user (`send`, `endOfData`, `disconnect`); events of the stream (`receive`,
 * `receiveEnd`, `streamClosed`, `handleDeadline`); and `next`, by which the driver takes the events of the engine.
 */
import type { PacketRun, RunReceiver } from '../data-transfer/packet-run.js';
import type { SendBuffer } from '../data-transfer/send-buffer.js';
import type { DisconnectDetails, DisconnectHow, Disconnection } from '../disconnection.js';
import type { Engine, EngineEvent, Message, MessageReceiver, StreamRequest } from '../engine.js';
import { type CotpError, ProtocolError, TsduTooLargeError, withUnsent } from '../errors.js';
import { Fifo } from '../fifo.js';
import type { OctetCollector, OctetSource } from '../octets/collector.js';
import { joinOctets, NO_OCTETS } from '../octets/octets.js';
import { type PacketReceiver, TpktSplitter } from '../tpkt/splitter.js';
import { ConnectionEnd } from './connection-end.js';
import { endedWithin, failureOf, noHalfClose, notPossible, timedOut } from './failures.js';
import type { StreamTraits } from './options.js';
import {
  type Action,
  cellOf,
  STATES,
  type State,
  type StateFacts,
  type Table,
  type TransitionInput,
} from './transition.js';

/** From this many octets that wait for an answer of the user on, the stream is not read. */
const MAX_WAITING = 65_536;

/** Most replies that wait because the peer does not read; above it the stream is not read. */
const MAX_REPLIES = 1_000;

/** Performs an action: `input` led to it, in the state `from`. */
export type Procedure<E> = (engine: E, input: TransitionInput, from: State) => void;

/** The procedures of actions. */
export type Procedures<E> = ReadonlyMap<Action, Procedure<E>>;

/** The procedures, by the names of their actions. */
export function proceduresOf<E>(
  byName: Readonly<Partial<Record<Action, Procedure<E>>>>,
): Procedures<E> {
  // `Object.entries` loses the types of the keys.
  return new Map(Object.entries(byName) as [Action, Procedure<E>][]);
}

/** The last event, beside its error. */
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
  /** What the state allows. Set together with it. */
  facts: StateFacts;
  hasUnfinished = false;
  work = 0;
  messagesReceived = 0;
  messagesSent = 0;
  protected readonly splitter: TpktSplitter;
  /** The deadline of the state; while the connection is open, that of a message which the peer has begun. */
  protected due: number | undefined;
  protected now = 0;
  protected readonly end = new ConnectionEnd();
  /** Collects messages of a chunk for a relay. They must be passed on before anything that follows them. */
  protected run: PacketRun | undefined;
  /** Data came before the user has answered the CR. It waits, with all octets behind it. */
  protected hasEarlyData = false;
  #state: State;
  readonly #traits: StreamTraits;
  readonly #events = new Fifo<Message | EngineEvent>();
  #receiver: MessageReceiver | undefined;

  protected constructor(sendBuffer: SendBuffer, state: State, traits: StreamTraits) {
    this.sendBuffer = sendBuffer;
    this.#state = state;
    this.facts = STATES[state];
    this.#traits = traits;
    this.splitter = new TpktSplitter(this);
  }

  /** The table of transitions in force. */
  protected abstract get table(): Table;
  /** Octets received of messages that are not complete. */
  protected abstract get unfinished(): number;
  /** Whether there is such a message; it may have no octets yet. */
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

  get hasRoom(): boolean {
    return this.splitter.waiting < MAX_WAITING && this.sendBuffer.replies <= MAX_REPLIES;
  }

  get deadline(): number | undefined {
    return this.due;
  }

  /** Only a transport connection has expedited data. */
  get ackDeadline(): number | undefined {
    return undefined;
  }

  handleAckDeadline(_now: number): void {}

  startAckTime(_now: number): void {}

  postponeAck(_from: number, _to: number): void {}

  get disconnection(): Disconnection | undefined {
    return this.end.disconnection;
  }

  receive(chunk: Uint8Array, now: number, isOwn = false): void {
    this.now = now;
    if (!this.facts.isReceiving) {
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
    if (this.hasEarlyData || !this.splitter.isStopped || !this.facts.isReceiving) {
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
    if (this.facts.takesData && this.isWithinMessage) {
      const error = endedWithin(this.#traits.unit, this.unfinished);
      this.step({ event: 'N-RELEASE within a TSDU', error });
    } else {
      this.step({ event: 'N-RELEASE indication' });
    }
  }

  streamClosed(cause: Error | undefined, now: number): void {
    this.now = now;
    const { unsent } = this;
    const { hasPeerEnded, isDropped } = this.end;
    const isEnded =
      this.streamRequest === 'end' && hasPeerEnded && !isDropped && cause === undefined;
    this.step({ event: 'N-DISCONNECT indication', cause, hasPeerEnded });
    this.end.byStream(cause === undefined ? 'fin' : 'reset', unsent);
    // FIN of both sides is the clean end of class 0.
    if (isEnded && !this.endsByTpdu) {
      this.end.confirmed();
    }
  }

  handleDeadline(now: number): void {
    if (this.due !== undefined && now >= this.due) {
      this.now = now;
      this.due = undefined;
      const error = timedOut(this.#state, this.#traits, this.partOfHandshake);
      this.step({ event: 'timer', error });
    }
  }

  postponeDeadline(milliseconds: number): void {
    if (this.due !== undefined && this.facts.takesData) {
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
    if (cellOf(this.table, this.#state, event).action !== 'ignore') {
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

  /** Passes a message or expedited data to the receiver; `false` for an event, and while there is no receiver. */
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

  deliverRunsTo(_receiver: RunReceiver): void {}

  sendRun(packets: Uint8Array, tsdus: number): void {
    if (this.facts.isSending) {
      this.messagesSent += tsdus;
      this.sendBuffer.addRun(packets);
    } else {
      this.step({ event: 'T-DATA request' });
    }
  }

  /** Events wait, and what is received now comes behind them. */
  protected get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  /** Queues an event for the driver. */
  protected emit(event: EngineEvent): void {
    this.#events.push(event);
  }

  /**
   * Passes a message to the receiver at once, unless an event waits before it. A chunk may hold hundreds of messages: to
   * queue each would cost time for nothing.
   */
  protected deliver(message: Message): void {
    this.messagesReceived += 1;
    if (this.#receiver !== undefined && this.#events.length === 0) {
      this.#receiver.onMessage(message);
    } else {
      this.hasNews = true;
      this.#events.push(message);
    }
  }

  /** Passes expedited data to the receiver at once, unless an event waits before it. It overtakes messages. */
  protected deliverExpedited(data: Uint8Array): void {
    if (this.#receiver !== undefined && this.#events.length === 0) {
      this.#receiver.onExpedited(data);
    } else {
      this.#events.push({ type: 'expedited', data });
    }
  }

  /** Starts the reassembly time of a message that is not complete, unless it runs: further octets do not extend it. */
  protected timeMessage(): void {
    const { reassemblyTimeout } = this.#traits.times;
    if (reassemblyTimeout > 0) {
      this.due ??= this.now + reassemblyTimeout;
    }
  }

  /** A chunk was processed, or octets that waited. */
  #afterOctets(): void {
    this.run?.flush();
    if (!this.facts.isReceiving) {
      // The rest of the chunk has no effect.
      this.splitter.clear();
    } else if (this.facts.takesData) {
      this.hasUnfinished = this.isWithinMessage;
      if (this.hasUnfinished) {
        this.timeMessage();
        this.endIncomplete();
      } else {
        this.due = undefined;
      }
    }
  }

  /** A chunk was processed, and a message is not complete. */
  protected endIncomplete(): void {}

  /**
   * Processes one event: looks it up in the table, performs the action and enters the next state. If the procedure
   * throws, because a value of the user cannot be sent, the state does not change.
   */
  protected step(input: TransitionInput): void {
    this.hasNews = true;
    const from = this.#state;
    const { action, next, facts } = cellOf(this.table, from, input.event);
    this.perform(action, input, from);
    this.#state = next;
    this.facts = facts;
    if (next === 'CLOSED') {
      // After the FIN of the peer TCP is open until ours has left: closeTimeout still runs.
      if (input.event !== 'N-RELEASE indication' || this.streamRequest !== 'end') {
        this.due = undefined;
      }
      this.forgetReceived();
    }
  }

  /** Performs an action. A subclass adds its own procedures. No procedure calls `step`. */
  protected perform(action: Action, input: TransitionInput, from: State): void {
    StreamEngine.#PROCEDURES.get(action)?.(this, input, from);
  }

  /** The procedures. `ignore` has none; nor has `send data`, because {@link send} itself sends when that is allowed. */
  static readonly #PROCEDURES: Procedures<StreamEngine> = /* @__PURE__ */ proceduresOf({
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
  });

  /** What came of the TPKT that would be the CC or the CR; empty when nothing came, and once that TPKT is complete. */
  protected get partOfHandshake(): Uint8Array {
    const { phase } = this.facts;
    const isAwaited = phase === 'cr-sent' || phase === 'wait-cr';
    return isAwaited ? joinOctets(this.splitter.pending()) : NO_OCTETS;
  }

  /** The error of an input that ends the connection. */
  protected failure(input: TransitionInput, from: State): CotpError {
    return failureOf(input, from);
  }

  /** Reports T-DISCONNECT indication, the last event. What waits to be sent is lost. */
  protected fail(error: CotpError, request: 'destroy' | 'reset'): void {
    this.indicateDisconnect(error, { unsent: this.unsent });
    this.end.isDropped = true;
    this.streamRequest = request;
  }

  /** Queues the last event. */
  protected indicateDisconnect(
    error: CotpError,
    { orderly = false, unsent = 0, details = {} }: Indication = {},
  ): void {
    const disconnection = this.end.byError(error, unsent, details);
    this.emit({ type: 'disconnect', error: withUnsent(error, unsent), orderly, disconnection });
  }

  dropUnsent(): void {
    this.dropQueued();
    // Octets of the peer may still be processed. What is queued in answer to them is no data of the user.
    this.end.isDropped = true;
  }

  /** Drops the data that waits, and counts it as lost. */
  protected dropQueued(): void {
    this.end.addUnsent(this.unsent);
    this.sendBuffer.dropData();
  }

  /** Sets the deadline to the end of closeTimeout, and starts that unless it runs. */
  protected startCloseTimeout(): void {
    this.due = this.end.closeBy(this.now, this.#traits.times.closeTimeout);
  }

  /** Sends the octets that wait, then FIN, within closeTimeout. */
  protected release(): void {
    this.streamRequest = 'end';
    this.startCloseTimeout();
    this.forgetReceived();
  }

  /** Drops octets of messages that will not be completed. */
  protected forgetReceived(): void {
    this.splitter.clear();
    this.hasUnfinished = false;
  }
}

/**
 * The event for an error that the splitter or the reassembly has thrown.
 *
 * @throws any other error: it is a bug of this library
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
