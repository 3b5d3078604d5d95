/**
 * The pump between a byte stream and a protocol engine: the only file that touches both. It knows
 * no protocol: octets go in, octets come out, deadlines are kept.
 */
// Buffer and process are imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { Engine, EngineEvent, MessageReceiver } from '../core/engine.js';
import type { TimeoutError } from '../core/errors.js';
import { asBuffer } from './buffers.js';
import { now } from './deadline-timer.js';
import { ReadFlow } from './read-flow.js';
import { Sender } from './sender.js';
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

/** Where the driver reports. Nothing here is called twice for the same thing. */
export interface DriverUser {
  /** An event of the engine. */
  onEvent(event: EngineEvent): void;
  /** All messages of a chunk of so many octets were passed on; they may be views of it. */
  onChunkEnd(length: number): void;
  /** Something was written, so there is more room than before. */
  onWritten(): void;
  /** A time of the stream ran out, not one of the protocol. */
  onTimeout(error: TimeoutError): void;
  /** The stream is gone and everything is released. */
  onStreamClosed(): void;
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
  /** The user's own stream, where it is not one that was made for this connection. */
  readonly socket?: Duplex | undefined;
}

/**
 * Once this many octets wait they are handed to the stream without waiting for the end of the turn,
 * so that a long burst of writes does not pile up.
 */
const FLUSH_AT = 65_536;

/** TSDUs are not joined in smaller chunks: copying so little takes no time worth mentioning. */
const JOINED_FROM = 4_096;

/** Drives one engine over one stream. */
export class Driver implements DeadlineUser {
  readonly stream: Duplex;
  readonly #engine: Engine;
  /** The stream allocates memory for each chunk, and no other code has the stream. */
  #isPrivate: boolean;
  #user: DriverUser;
  readonly #sender: Sender;
  readonly #flow: ReadFlow;
  readonly #deadlines: StreamDeadlines;
  #flushScheduled = false;
  #closed = false;
  #streamError: Error | undefined;
  #ending: StreamEnding | undefined;

  constructor(stream: Duplex, engine: Engine, user: DriverUser, options: DriverOptions) {
    this.stream = stream;
    this.#isPrivate = options.socket === undefined && isPlainSocket(stream);
    this.#engine = engine;
    this.#user = user;
    this.#sender = new Sender(stream, engine.sendBuffer, () => this.#onTaken());
    this.#flow = new ReadFlow(stream, engine);
    const parts = { engine, sender: this.#sender, flow: this.#flow };
    this.#deadlines = new StreamDeadlines(parts, options, this);
    limitReadAhead(stream);
    stream.on('data', this.#onData);
    stream.on('end', () => this.#onEnd());
    stream.on('error', (error) => this.#onError(error));
    whenClosed(stream, () => this.#onClose());
    // One that somebody has paused does not begin to flow by being listened to.
    if (stream.isPaused()) {
      stream.resume();
    }
    this.#deadlines.watch();
  }

  /** The connection is open: `user` replaces the one before, and the receiver gets each message. */
  opened(user: DriverUser, receiver: MessageReceiver): void {
    this.#user = user;
    this.#engine.deliverTo(receiver);
    this.#deadlines.opened();
  }

  /** Gives out the stream. Other code may listen to it from now on, so TSDUs are no longer joined in its chunks. */
  handOut(): Duplex {
    this.#isPrivate = false;
    return this.stream;
  }

  /** How the stream ended; by a FIN of this side while nothing else is known. */
  get ending(): StreamEnding {
    return this.#ending ?? FIN_BY_US;
  }

  /** Octets written and not yet taken by the stream. */
  get buffered(): number {
    return this.#engine.sendBuffer.length + this.#sender.pending;
  }

  /**
   * Queues a message. It leaves in this turn of the event loop, with all others written in it.
   *
   * @returns what is {@link buffered} then
   */
  write(message: Uint8Array): number {
    const engine = this.#engine;
    engine.send(message);
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
      process.nextTick(this.#onTurnEnd);
    }
    return length;
  }

  /** The user takes no more messages for now. */
  get isReadingPaused(): boolean {
    return this.#flow.isPausedByUser;
  }

  /**
   * The user takes no more messages for now: octets stay in TCP. The peer is not to blame that they are not
   * read, so its deadlines are suspended.
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

  /** Does something to the engine, then what the engine requests. */
  command(act: () => void): void {
    act();
    this.#settle(now());
  }

  /** Drops the stream at once, by a TCP reset where it has one. */
  reset(): void {
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
    this.command(() => this.#engine.handleDeadline(time));
  }

  /**
   * A stream that has seen the FIN of the peer reads nothing any more, so it ends here. Any other reads what TCP
   * still has, and then sees the end.
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

  /** Sends what was written in this turn. Created once: the hot path creates no functions. */
  readonly #onTurnEnd = (): void => {
    this.#flushScheduled = false;
    this.#sender.flush();
    if (this.#sender.pending > 0) {
      this.#deadlines.watch();
    }
  };

  readonly #onData = (chunk: Buffer | Uint8Array | string): void => {
    const time = now();
    const engine = this.#engine;
    this.#deadlines.lastReceived = time;
    // A socket gives Buffers, which makes every message a Buffer; a stream of the user's may not.
    const octets = chunk instanceof Buffer ? chunk : asBuffer(chunk);
    const { length } = octets;
    engine.receive(octets, time, this.#isOwn(length));
    if (engine.hasNews) {
      this.#settle(time, length);
    } else {
      this.#user.onChunkEnd(length);
      this.#deadlines.received();
    }
    this.#flow.count(length, time);
  };

  /** Whether nobody else sees a chunk. Who watches all sockets of a process may listen to this one too. */
  #isOwn(length: number): boolean {
    return this.#isPrivate && length >= JOINED_FROM && this.stream.listenerCount('data') === 1;
  }

  /** What the engine has put out: its events, its octets, its request to the stream, its deadline. */
  #settle(time: number, chunkLength = 0): void {
    const hasResumed = this.#takeEvents(time);
    if (chunkLength > 0 || hasResumed) {
      this.#user.onChunkEnd(chunkLength);
    }
    this.#sender.flush();
    switch (this.#engine.streamRequest) {
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

  /** Events, until octets that waited for an answer put out none any more; `true` if any waited. */
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

  /** The stream has taken a batch: the next one follows, and pending drains may resolve. */
  #onTaken(): void {
    this.#deadlines.taken();
    if (this.#engine.sendBuffer.length > 0) {
      this.#sender.flush();
      this.#deadlines.watch();
    }
    if (this.#flow.isPaused) {
      // Replies that waited may have left, so the peer is read again.
      this.#flow.update(now());
    }
    this.#user.onWritten();
    if (this.#engine.streamRequest === 'end') {
      this.#endWhenFlushed();
    }
  }

  /**
   * Lost octets must not look like a graceful end to the peer, so the stream is reset. Where a TPDU ends the
   * connection the end of the stream alone is none, and a reset could destroy what the peer has not read.
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
    if (!this.#sender.ended && this.buffered === 0 && !this.stream.destroyed) {
      this.#ending ??= FIN_BY_US;
      this.#sender.end();
    }
  }

  #onEnd(): void {
    // Linux gives an end and no error to who reads on after a reset, as a stream does that was paused. Once both
    // sides have sent FIN, TCP is gone without one.
    if (this.#flow.hasPaused && !this.#sender.ended && isGone(this.stream)) {
      this.#onError(goneError());
      return;
    }
    this.#ending ??= FIN_BY_PEER;
    this.#deadlines.hasPeerEnded = true;
    this.command(() => this.#engine.receiveEnd(now()));
  }

  /** Not every stream is destroyed by an error: a TLS socket stays open after a broken record. */
  #onError(error: Error): void {
    this.#ending ??= RESET_BY_PEER;
    this.#streamError ??= error;
    this.stream.destroy();
  }

  #onClose(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#takeLeftovers();
    this.command(() => this.#engine.streamClosed(this.#streamError, now()));
    this.#deadlines.stop();
    this.#engine.sendBuffer.clear();
    this.#user.onStreamClosed();
  }

  /** Octets that arrived while reading was paused are still the user's when the stream fails. */
  #takeLeftovers(): void {
    if (this.stream.readableLength === 0) {
      return;
    }
    // A user's stream may emit what is read here as `data` once more.
    this.stream.off('data', this.#onData);
    for (let chunk = this.stream.read(); chunk !== null; chunk = this.stream.read()) {
      this.#onData(chunk);
    }
  }
}
