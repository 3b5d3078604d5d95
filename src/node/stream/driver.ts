/**
 * Connects a byte stream and a protocol engine: passes octets in both directions and keeps deadlines. It is the only
 * file that passes octets between them. Knows no protocol.
 */
// Buffer and process are imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { Engine, EngineEvent, MessageReceiver } from '../../core/engine.js';
import type { TimeoutError } from '../../core/errors.js';
import { asBuffer } from '../buffers.js';
import { toError } from '../callbacks.js';
import { now } from '../deadline-timer.js';
import { ReadFlow } from './read-flow.js';
import { Sender, type SenderUser } from './sender.js';
import { type DeadlineUser, StreamDeadlines, type StreamTimes } from './stream-deadlines.js';
import {
  goneError,
  isGone,
  isPlainSocket,
  limitReadAhead,
  resetStream,
  setStreamRef,
  whenClosed,
} from './streams.js';

/** What the driver calls. No method is called twice for the same event. */
export interface DriverUser {
  /** An event of the engine. */
  onEvent(event: EngineEvent): void;
  /** All messages of a chunk of so many octets were passed on; they may be views of it. */
  onChunkEnd(length: number): void;
  /** The stream has taken octets, so fewer wait than before. */
  onWritten(): void;
  /** A deadline of the stream has passed, not one of the protocol. */
  onTimeout(error: TimeoutError): void;
  /** The stream is closed and everything is released. */
  onStreamClosed(): void;
  /** Whether the user, or a relay, waits until the peer takes octets. */
  readonly awaitsPeer: boolean;
}

/** Is notified when a stream is closed, after the user of the driver. */
export interface CloseObserver {
  onStreamClosed(driver: Driver): void;
}

/** How a stream ended, and which side was the first to end it. */
export interface StreamEnding {
  readonly how: 'fin' | 'reset';
  readonly by: 'local' | 'remote';
}

const FIN_BY_US: StreamEnding = { how: 'fin', by: 'local' };
const FIN_BY_PEER: StreamEnding = { how: 'fin', by: 'remote' };
const RESET_BY_US: StreamEnding = { how: 'reset', by: 'local' };
const RESET_BY_PEER: StreamEnding = { how: 'reset', by: 'remote' };

/** The options of one stream. */
export interface DriverOptions extends StreamTimes {
  /** The user's own stream; `undefined` if the stream was created for this connection. */
  readonly socket?: Duplex | undefined;
}

/** Once this many octets wait, they are written before the end of the turn, so that a long burst needs less memory. */
const FLUSH_AT = 65_536;

/** TSDUs are not joined within smaller chunks: copying so few octets takes hardly any time. */
const JOINED_FROM = 4_096;

/** Octets of memory that an ED uses beside its own while it waits to be sent, measured as 440. */
const EXPEDITED_OVERHEAD = 448;

/** Drives one engine over one stream. */
export class Driver implements DeadlineUser, SenderUser {
  readonly stream: Duplex;
  readonly #engine: Engine;
  /** The stream allocates new memory for each chunk, and no other code has the stream. */
  #isPrivate: boolean;
  #user: DriverUser;
  readonly #sender: Sender;
  readonly #flow: ReadFlow;
  readonly #deadlines: StreamDeadlines;
  readonly #observer: CloseObserver | undefined;
  #flushScheduled = false;
  /** This side has dropped the stream by a reset. Other classes only read it. */
  hasReset = false;
  #closed = false;
  #streamError: Error | undefined;
  #ending: StreamEnding | undefined;

  constructor(
    stream: Duplex,
    engine: Engine,
    user: DriverUser,
    options: DriverOptions,
    observer?: CloseObserver,
  ) {
    this.stream = stream;
    this.#observer = observer;
    this.#isPrivate = options.socket === undefined && isPlainSocket(stream);
    this.#engine = engine;
    this.#user = user;
    this.#sender = new Sender(stream, engine.sendBuffer, this);
    this.#flow = new ReadFlow(stream, engine);
    const parts = { engine, sender: this.#sender, flow: this.#flow };
    this.#deadlines = new StreamDeadlines(parts, options, this);
    limitReadAhead(stream);
    stream.on('data', this.#onData);
    stream.on('end', () => this.#onEnd());
    stream.on('error', (error) => this.#onError(error));
    whenClosed(stream, () => this.#onClose());
    // A listener alone does not resume a stream that was paused.
    if (stream.isPaused()) {
      stream.resume();
    }
    this.#deadlines.watch();
  }

  /** The connection is open: `user` replaces the previous one, and the receiver gets each message. */
  opened(user: DriverUser, receiver: MessageReceiver): void {
    this.#user = user;
    this.#engine.deliverTo(receiver);
    this.#deadlines.opened();
  }

  /** Returns the stream. Other code may listen to it from now on, so TSDUs are no longer joined within its chunks. */
  handOut(): Duplex {
    this.#isPrivate = false;
    return this.stream;
  }

  /** How the stream ended; a FIN of this side if nothing else is known. */
  get ending(): StreamEnding {
    return this.#ending ?? FIN_BY_US;
  }

  /** Octets received from the stream so far. */
  get bytesRead(): number {
    return this.#flow.received;
  }

  /** Octets written to the stream so far; it may not have taken all of them. */
  get bytesWritten(): number {
    return this.#sender.written;
  }

  /** Whole messages received so far. */
  get messagesRead(): number {
    return this.#engine.messagesReceived;
  }

  /** Messages queued so far. */
  get messagesWritten(): number {
    return this.#engine.messagesSent;
  }

  /** Octets that the stream has not taken yet. */
  get buffered(): number {
    return this.#engine.sendBuffer.length + this.#sender.pending;
  }

  /** About how many octets of memory wait to be sent: EDs use more than their own. */
  get held(): number {
    return this.buffered + EXPEDITED_OVERHEAD * this.#engine.sendBuffer.expedited;
  }

  /**
   * Queues a message. It leaves in this turn of the event loop, with all others written in it.
   *
   * @param runOf the number of messages, if they come as packets for {@link Engine.sendRun}
   * @returns {@link buffered} after it
   */
  write(message: Uint8Array, runOf = 0): number {
    const engine = this.#engine;
    if (runOf === 0) {
      engine.send(message);
    } else {
      engine.sendRun(message, runOf);
    }
    const { length } = engine.sendBuffer;
    const { pending } = this.#sender;
    if (pending > 0) {
      return length + pending;
    }
    if (length >= FLUSH_AT) {
      this.#sender.flush();
      return this.buffered;
    }
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(Driver.#onTurnEnd, this);
    }
    return length;
  }

  /**
   * The user takes no more messages for now: octets stay in TCP. The deadlines of the peer are suspended, because its
   * octets are not read.
   */
  pauseReading(): void {
    if (!this.#flow.isPausedByUser) {
      this.#flow.pause(now());
      this.#deadlines.watch();
    }
  }

  /** The user takes messages again. */
  resumeReading(): void {
    if (this.#flow.isPausedByUser) {
      this.#flow.resume(now());
      this.#deadlines.watch();
    }
  }

  get awaitsPeer(): boolean {
    return this.#user.awaitsPeer;
  }

  /** The user has begun to wait until the peer takes octets. Its deadlines for that run, even while reading is paused. */
  beginWait(): void {
    this.#deadlines.watch();
  }

  /** Calls the engine by `act`, with the time, then does what the engine requests. */
  command(act: (time: number) => void): void {
    const time = now();
    act(time);
    this.#settle(time);
  }

  /** Drops the stream at once, by a TCP reset where it has one. */
  reset(): void {
    this.hasReset = true;
    this.#ending ??= RESET_BY_US;
    this.#engine.dropUnsent();
    this.#engine.sendBuffer.clear();
    resetStream(this.stream);
  }

  /** Whether stream and timer keep the process alive. */
  setRef(isRef: boolean): void {
    this.#deadlines.isRef = isRef;
    setStreamRef(this.stream, isRef);
  }

  onTimeout(error: TimeoutError): void {
    this.#user.onTimeout(error);
  }

  onEngineDeadline(time: number): void {
    this.#engine.handleDeadline(time);
    this.#settle(time);
  }

  onAckDeadline(time: number): void {
    this.#engine.handleAckDeadline(time);
    this.#settle(time);
  }

  /**
   * After the FIN of the peer a stream has nothing to read, so it ends here. Any other stream reads what TCP still has,
   * and notices the end behind it.
   */
  endsWhenGone(time: number): boolean {
    if (!isGone(this.stream)) {
      return false;
    }
    if (this.#deadlines.hasPeerEnded) {
      this.#onError(goneError());
      return true;
    }
    this.#flow.readToEnd(time);
    return false;
  }

  /** Sends what was written in this turn. One function for all connections: a closure for each would take memory. */
  static #onTurnEnd(driver: Driver): void {
    driver.#flushScheduled = false;
    driver.#sender.flush();
    if (driver.#sender.pending > 0) {
      driver.#deadlines.watch();
    }
  }

  readonly #onData = (chunk: unknown): void => {
    const time = now();
    const engine = this.#engine;
    this.#deadlines.lastReceived = time;
    // Messages are Buffers because chunks are. A stream of the user may give other Uint8Arrays, or strings.
    const octets = chunk instanceof Buffer ? chunk : this.#octetsOf(chunk);
    if (octets === undefined) {
      return;
    }
    const { length } = octets;
    this.#flow.received += length;
    // No other code sees the chunk: a tool that watches all sockets of a process may listen to this one too.
    const isOwn =
      this.#isPrivate && length >= JOINED_FROM && this.stream.listenerCount('data') === 1;
    engine.receive(octets, time, isOwn);
    if (engine.hasNews) {
      this.#settle(time, length);
    } else {
      this.#user.onChunkEnd(length);
      this.#deadlines.received();
    }
    this.#flow.count(length, time);
  };

  /** The octets of a chunk of the user's own stream; `undefined` if it has none, which is an error of the stream. */
  #octetsOf(chunk: unknown): Buffer | undefined {
    try {
      return asBuffer(chunk);
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }

  /** Does what the engine requests: its events, its octets, its request to the stream, its deadline. */
  #settle(time: number, chunkLength = 0): void {
    const hasResumed = this.#takeEvents(time);
    if (chunkLength > 0 || hasResumed) {
      this.#user.onChunkEnd(chunkLength);
    }
    const { streamRequest } = this.#engine;
    // What waits when TCP is dropped is lost, and the engine has counted it so.
    if (streamRequest !== 'destroy' && streamRequest !== 'reset') {
      this.#sender.flush();
    }
    switch (streamRequest) {
      case 'destroy':
        this.#drop();
        break;
      case 'reset':
        this.reset();
        break;
      case 'end':
        this.#endWhenFlushed();
        break;
      default:
    }
    this.#flow.update(time);
    this.#deadlines.watch();
  }

  /**
   * Passes on events. An event may let the engine process octets that waited for an answer, which cause more events.
   *
   * @returns `true` if octets had waited
   */
  #takeEvents(time: number): boolean {
    let hasResumed = false;
    for (;;) {
      this.#engine.hasNews = false;
      for (let event = this.#engine.next(); event; event = this.#engine.next()) {
        if (!(event instanceof Uint8Array)) {
          this.#user.onEvent(event);
        }
      }
      if (!this.#engine.resume(time)) {
        return hasResumed;
      }
      hasResumed = true;
    }
  }

  /** The stream has taken a batch: writes the next one, and reports that there is more room. */
  onTaken(): void {
    this.#deadlines.taken();
    if (this.#engine.sendBuffer.length > 0) {
      this.#sender.flush();
      this.#deadlines.watch();
    }
    if (this.#flow.isPaused) {
      // Replies that waited may have left, so reading may resume.
      this.#flow.update(now());
    }
    this.#user.onWritten();
    if (this.#engine.streamRequest === 'end') {
      this.#endWhenFlushed();
    }
  }

  /**
   * Resets the stream if octets are lost, so that the peer does not mistake it for a clean end. If a TPDU ends the
   * connection, no reset is necessary: the end of TCP alone is no clean end. A reset could destroy octets that the peer
   * has not read.
   */
  #drop(): void {
    if (this.buffered > 0 && !this.#engine.endsByTpdu) {
      this.reset();
    } else {
      this.stream.destroy();
    }
  }

  #endWhenFlushed(): void {
    // The current batch comes first: a stream that has yet to write before its FIN takes no reset.
    const isFlushed = this.buffered === 0 && !this.#sender.isBusy;
    if (!this.#sender.ended && isFlushed && !this.stream.destroyed) {
      this.#ending ??= FIN_BY_US;
      this.#sender.end();
    }
  }

  #onEnd(): void {
    // Node reports an end and no error if a reset has come with the last octets, or while the stream was paused. After the
    // FIN of both sides TCP has ended without a reset.
    if (!this.#sender.ended && isGone(this.stream)) {
      this.#onError(goneError());
      return;
    }
    this.#ending ??= FIN_BY_PEER;
    this.#deadlines.hasPeerEnded = true;
    const time = now();
    this.#engine.receiveEnd(time);
    this.#settle(time);
  }

  /** Not every stream is destroyed by an error: a TLS socket stays open after a broken record. */
  #onError(error: unknown): void {
    this.#ending ??= RESET_BY_PEER;
    this.#streamError ??= toError(error);
    this.stream.destroy();
  }

  #onClose(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#takeLeftovers();
    const time = now();
    this.#engine.streamClosed(this.#streamError, time);
    this.#settle(time);
    this.#deadlines.stop();
    this.#engine.sendBuffer.clear();
    this.#user.onStreamClosed();
    this.#observer?.onStreamClosed(this);
  }

  /** Processes octets that arrived while reading was paused: the user gets them even if the stream has failed. */
  #takeLeftovers(): void {
    if (this.stream.readableLength === 0) {
      return;
    }
    // A stream of the user may also emit `data` for what is read here.
    this.stream.off('data', this.#onData);
    for (let chunk = this.stream.read(); chunk !== null; chunk = this.stream.read()) {
      this.#onData(chunk);
    }
  }
}
