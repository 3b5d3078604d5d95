/**
 * The pump between a byte stream and a protocol engine: the only file that touches both. It knows
 * no protocol: octets go in, octets come out, deadlines are kept.
 */
// Buffer and process are imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { Engine, EngineEvent, Message } from '../core/engine.js';
import { TimeoutError, type TimerName } from '../core/errors.js';
import { DeadlineTimer, now } from './deadline-timer.js';
import { asBuffer } from './buffers.js';
import { Sender } from './sender.js';
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
  /** A message of the peer. */
  onMessage(message: Message): void;
  /** An event of the engine; messages and events come in order. */
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

/** Times in milliseconds; `undefined` for none. */
export interface DriverOptions {
  /** Nothing sent and nothing received. */
  readonly idleTimeout: number | undefined;
  /** Nothing received, once the connection is open. */
  readonly receiveTimeout: number | undefined;
  /** Octets wait, and the stream takes none of them. */
  readonly writeTimeout: number | undefined;
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

/**
 * Work for one connection before the other connections are served, in octets: those
 * received, and as many for each TPDU as could be copied while it is processed.
 */
const TURN = 4_194_304;
const OCTETS_PER_TPDU = 256;

/** Interval at which a socket that is not read is checked for a lost TCP connection, in milliseconds. */
const GONE_CHECK = 1_000;

/** Drives one engine over one stream. */
export class Driver {
  readonly stream: Duplex;
  readonly #engine: Engine;
  readonly #options: DriverOptions;
  /** Most connections have no time for silence. */
  readonly #hasSilenceTimes: boolean;
  /** The stream allocates memory for each chunk, and no other code has the stream. */
  #isPrivate: boolean;
  readonly #timer = new DeadlineTimer(() => this.#onTimer());
  #user: DriverUser;
  readonly #sender: Sender;
  #flushScheduled = false;
  /** When octets were last received or taken; for the latter the clock is read only with `idleTimeout`. */
  #lastActivity: number;
  #lastReceived: number;
  #isOpen = false;
  /** When the user paused reading; `undefined` while messages are taken. */
  #pausedSince: number | undefined;
  /** The connection has used its turn of the event loop: other connections are served first. */
  #isWaitingForTurn = false;
  /** Work of this turn so far, and the work of the engine that is counted in it. */
  #turn = 0;
  #countedWork = 0;
  #isStreamPaused = false;
  #hasPeerEnded = false;
  /** TCP is gone, but the stream has not seen it yet. */
  #isGone = false;
  #lastGoneCheck = 0;
  #closed = false;
  #streamError: Error | undefined;
  #ending: StreamEnding | undefined;

  constructor(stream: Duplex, engine: Engine, user: DriverUser, options: DriverOptions) {
    this.stream = stream;
    this.#isPrivate = options.socket === undefined && isPlainSocket(stream);
    this.#engine = engine;
    this.#user = user;
    this.#options = options;
    const { idleTimeout, receiveTimeout } = options;
    this.#hasSilenceTimes = idleTimeout !== undefined || receiveTimeout !== undefined;
    this.#sender = new Sender(stream, engine.sendBuffer, () => this.#onTaken());
    this.#lastActivity = now();
    this.#lastReceived = this.#lastActivity;
    limitReadAhead(stream);
    stream.on('data', this.#onData);
    stream.on('end', () => this.#onEnd());
    stream.on('error', (error) => this.#onError(error));
    whenClosed(stream, () => this.#onClose());
    // One that somebody has paused does not begin to flow by being listened to.
    if (stream.isPaused()) {
      stream.resume();
    }
    this.#watch();
  }

  /** Replaces the user: the connection is open. */
  set user(user: DriverUser) {
    this.#user = user;
    this.#isOpen = true;
    this.#lastReceived = now();
    this.#engine.deliverTo(user);
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

  /** Queues a message. It leaves in this turn of the event loop, with all others written in it. */
  write(message: Uint8Array): void {
    this.#engine.send(message);
    if (this.#sender.pending > 0) {
      return;
    }
    if (this.#engine.sendBuffer.length >= FLUSH_AT) {
      this.#sender.flush();
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#onTurnEnd);
    }
  }

  /** The user takes no more messages for now. */
  get isReadingPaused(): boolean {
    return this.#pausedSince !== undefined;
  }

  /**
   * The user takes no more messages for now: octets stay in TCP. The peer is not to blame that they are not
   * read, so its deadlines are suspended.
   */
  pauseReading(): void {
    if (this.#pausedSince === undefined) {
      this.#pausedSince = now();
      this.#lastGoneCheck = this.#pausedSince;
      this.#updateFlow();
    }
  }

  /** The user takes messages again. */
  resumeReading(): void {
    if (this.#pausedSince !== undefined) {
      const time = now();
      this.#engine.postponeDeadline(time - this.#pausedSince);
      this.#pausedSince = undefined;
      this.#lastActivity = time;
      this.#lastReceived = time;
      this.#updateFlow();
      this.#watch();
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
    this.#engine.sendBuffer.clear();
    resetStream(this.stream);
  }

  /** Whether stream and timer keep the process alive. */
  setRef(isRef: boolean): void {
    this.#timer.isRef = isRef;
    setStreamRef(this.stream, isRef);
  }

  /** Sends what was written in this turn. Created once: the hot path creates no functions. */
  readonly #onTurnEnd = (): void => {
    this.#flushScheduled = false;
    this.#sender.flush();
    if (this.#sender.pending > 0) {
      this.#watch();
    }
  };

  readonly #onData = (chunk: Buffer | Uint8Array | string): void => {
    const time = now();
    this.#lastActivity = time;
    this.#lastReceived = time;
    // A socket gives Buffers, which makes every message a Buffer; a stream of the user's may not.
    const octets = chunk instanceof Buffer ? chunk : asBuffer(chunk);
    const { length } = octets;
    this.#engine.receive(octets, time, this.#isOwn(octets));
    this.#settle(time, length);
    this.#countWork(length);
  };

  /** Whether nobody else sees a chunk. Who watches all sockets of a process may listen to this one too. */
  #isOwn({ length }: Buffer): boolean {
    return this.#isPrivate && length >= JOINED_FROM && this.stream.listenerCount('data') === 1;
  }

  /** One connection that receives much must not keep the others waiting. */
  #countWork(octets: number): void {
    const { work } = this.#engine;
    this.#turn += octets + OCTETS_PER_TPDU * (work - this.#countedWork);
    this.#countedWork = work;
    if (this.#turn >= TURN) {
      this.#turn = 0;
      this.#isWaitingForTurn = true;
      setImmediate(this.#onTurn);
      this.#updateFlow();
    }
  }

  readonly #onTurn = (): void => {
    this.#isWaitingForTurn = false;
    this.#updateFlow();
  };

  /**
   * Pauses or resumes the stream. An engine that processes no more octets must not be paused, whatever the
   * reason: what comes is dropped then, and only so the end of the stream is seen.
   */
  #updateFlow(): void {
    const isPaused =
      (this.#pausedSince !== undefined || this.#isWaitingForTurn || !this.#engine.hasRoom) &&
      this.#engine.isReceiving &&
      !this.#isGone;
    if (this.#pausedSince !== undefined && !this.#engine.isReceiving) {
      // Nothing more is to be read: the pause is over, and must not count as idle.
      this.#pausedSince = undefined;
      this.#lastActivity = now();
    }
    // A stream that was destroyed drops what it is asked to hand on; what it has is read when it closes.
    if (isPaused !== this.#isStreamPaused && !this.stream.destroyed) {
      this.#isStreamPaused = isPaused;
      if (isPaused) {
        //= X.224 8.1
        this.stream.pause();
      } else {
        this.stream.resume();
      }
    }
  }

  /** After every call of the engine: its events, its output, its request to the stream, its deadline. */
  #settle(time: number, chunkLength = 0): void {
    let hasResumed = false;
    for (;;) {
      for (let output = this.#engine.next(); output; output = this.#engine.next()) {
        if (output instanceof Uint8Array) {
          this.#user.onMessage(output);
        } else {
          this.#user.onEvent(output);
        }
      }
      if (!this.#engine.resume(time)) {
        break;
      }
      hasResumed = true;
    }
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
    this.#updateFlow();
    this.#watch();
  }

  /** The stream has taken a batch: the next one follows, and pending drains may resolve. */
  #onTaken(): void {
    if (this.#options.idleTimeout !== undefined) {
      this.#lastActivity = now();
    }
    if (this.#engine.sendBuffer.length > 0) {
      this.#sender.flush();
      this.#watch();
    }
    this.#user.onWritten();
    if (this.#engine.streamRequest === 'end') {
      this.#endWhenFlushed();
    }
  }

  /** Lost octets must not look like a graceful end to the peer, so the stream is reset. */
  #drop(): void {
    if (this.buffered > 0) {
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
    // Linux gives an end and no error to who reads on after a reset. Once both sides have sent FIN, TCP is gone
    // without one.
    if (!this.#sender.ended && isGone(this.stream)) {
      this.#onError(goneError());
      return;
    }
    this.#ending ??= FIN_BY_PEER;
    this.#hasPeerEnded = true;
    this.#lastGoneCheck = now();
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
    this.#timer.clear();
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

  /** The user has paused reading, and this has an effect on the peer. */
  get #isPeerHeldUp(): boolean {
    return this.#pausedSince !== undefined && this.#engine.isReceiving;
  }

  /**
   * A stream that is not read does not see that its TCP connection is gone. Once both sides have ended, the
   * closeTimeout is running.
   */
  get #isBlind(): boolean {
    return this.#isStreamPaused || (this.#hasPeerEnded && this.#engine.streamRequest === 'none');
  }

  /** When the first of all times runs out. */
  #watch(): void {
    if (this.#closed) {
      return;
    }
    let at = this.#sender.pending === 0 ? Number.POSITIVE_INFINITY : this.#writeDeadline;
    if (!this.#isPeerHeldUp) {
      at = Math.min(at, this.#engineDeadline);
      if (this.#hasSilenceTimes) {
        at = Math.min(at, this.#receiveDeadline, this.#idleDeadline);
      }
    }
    if (this.#isBlind) {
      at = Math.min(at, this.#goneCheck);
    }
    this.#timer.set(at);
  }

  get #goneCheck(): number {
    return this.#timer.due(this.#lastGoneCheck + GONE_CHECK);
  }

  get #engineDeadline(): number {
    const { deadline } = this.#engine;
    return deadline === undefined ? Number.POSITIVE_INFINITY : this.#timer.due(deadline);
  }

  /** The peer has to send nothing after its FIN. */
  get #receiveDeadline(): number {
    const { receiveTimeout } = this.#options;
    return receiveTimeout === undefined || !this.#isOpen || this.#hasPeerEnded
      ? Number.POSITIVE_INFINITY
      : this.#timer.due(this.#lastReceived + receiveTimeout);
  }

  /** A connection that closes has its closeTimeout. */
  get #idleDeadline(): number {
    const { idleTimeout } = this.#options;
    const isClosing = this.#engine.streamRequest !== 'none' && !this.#engine.isReceiving;
    return idleTimeout === undefined || isClosing
      ? Number.POSITIVE_INFINITY
      : this.#timer.due(this.#lastActivity + idleTimeout);
  }

  get #writeDeadline(): number {
    const { writeTimeout } = this.#options;
    return writeTimeout === undefined || this.#sender.pending === 0
      ? Number.POSITIVE_INFINITY
      : this.#timer.due(this.#sender.since + writeTimeout);
  }

  #onTimer(): void {
    const time = now();
    if (this.#isBlind && time >= this.#goneCheck) {
      this.#lastGoneCheck = time;
      if (isGone(this.stream) && this.#onGone()) {
        return;
      }
    }
    this.#checkTimes(time);
    this.command(() => {
      if (!this.#isPeerHeldUp && time >= this.#engineDeadline) {
        this.#engine.handleDeadline(time);
      }
    });
  }

  /**
   * TCP is gone. What it still holds for a stream that is paused is read, however much waits already: it is no
   * more than the system has buffered, and at its end the stream sees how TCP ended. A stream that has seen
   * the FIN of the peer reads nothing any more; `true` if it has to end here.
   */
  #onGone(): boolean {
    if (this.#hasPeerEnded) {
      this.#onError(goneError());
      return true;
    }
    this.#isGone = true;
    this.#updateFlow();
    return false;
  }

  /** The deadlines of the stream; those of the protocol belong to the engine. */
  #checkTimes(time: number): void {
    const { idleTimeout, receiveTimeout, writeTimeout } = this.#options;
    if (writeTimeout !== undefined && time >= this.#writeDeadline) {
      const octets = this.buffered;
      this.#timeOut(
        'writeTimeout',
        writeTimeout,
        `the peer took none of ${octets} octets that wait`,
      );
    } else if (this.#isPeerHeldUp) {
      // The peer is not to blame: nothing is read.
    } else if (receiveTimeout !== undefined && time >= this.#receiveDeadline) {
      this.#lastReceived = time;
      this.#timeOut('receiveTimeout', receiveTimeout, 'nothing was received from the peer');
    } else if (idleTimeout !== undefined && time >= this.#idleDeadline) {
      this.#lastActivity = time;
      this.#timeOut('idleTimeout', idleTimeout, 'nothing was sent or received');
    }
  }

  #timeOut(timer: TimerName, milliseconds: number, what: string): void {
    this.#user.onTimeout(
      new TimeoutError(`${what} within ${milliseconds} ms`, timer, milliseconds, { phase: 'open' }),
    );
  }
}
