/**
 * The pump between a byte stream and a protocol engine: the only file that touches both. It knows
 * no protocol: octets go in, octets come out, deadlines are kept.
 */
// Buffer and process are imported, not global: each use of the global goes through a getter of Node.
import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { Engine, EngineEvent, MessageReceiver } from '../core/engine.js';
import { TimeoutError } from '../core/errors.js';
import { Alarm, now } from './alarm.js';
import { asBuffer } from './buffers.js';
import { Sender } from './sender.js';
import { isPlainSocket, resetStream } from './stream-kinds.js';

/** Where the driver reports. Nothing here is called twice for the same thing. */
export interface DriverUser extends MessageReceiver {
  /** An event of the engine; messages and events come in order. */
  onEvent(event: EngineEvent): void;
  /** All messages of a chunk of so many octets have been told of; they may be views of it. */
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

/** In smaller chunks, which most are, nothing is joined: to copy so little takes no time to speak of. */
const JOINED_FROM = 4_096;

/** Drives one engine over one stream. */
export class Driver {
  readonly stream: Duplex;
  readonly #engine: Engine;
  readonly #idleTimeout: number | undefined;
  readonly #writeTimeout: number | undefined;
  /** The stream makes memory for each chunk, and nobody else has the stream. */
  #isPrivate: boolean;
  readonly #alarm = new Alarm(() => this.#onAlarm());
  #user: DriverUser;
  readonly #sender: Sender;
  #flushScheduled = false;
  /** When octets last came or were taken; the clock is read for the latter only if it is asked for. */
  #lastActivity: number;
  /** Since when the reader rests; `undefined` while it takes what comes. */
  #restingSince: number | undefined;
  /** A deadline of the engine, and what it was put off to because the reader rested meanwhile. */
  #putOffDeadline = 0;
  #putOffUntil = 0;
  #closed = false;
  #streamError: Error | undefined;
  #ending: StreamEnding | undefined;

  constructor(stream: Duplex, engine: Engine, user: DriverUser, options: DriverOptions) {
    this.stream = stream;
    this.#isPrivate = options.socket === undefined && isPlainSocket(stream);
    this.#engine = engine;
    this.#user = user;
    this.#idleTimeout = options.idleTimeout;
    this.#writeTimeout = options.writeTimeout;
    this.#sender = new Sender(stream, engine.outbox, () => this.#onTaken());
    this.#lastActivity = now();
    stream.on('data', this.#onData);
    stream.on('end', () => this.#onEnd());
    stream.on('error', (error) => this.#onError(error));
    stream.on('close', () => this.#onClose());
    // One that somebody has paused does not begin to flow by being listened to.
    if (stream.isPaused()) {
      stream.resume();
    }
    this.#watch();
  }

  /** Another one is told from now on. */
  set user(user: DriverUser) {
    this.#user = user;
    this.#engine.deliverTo(user);
  }

  /** The stream, for somebody else: who has it may listen to it, so its chunks stay as they are now. */
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
    return this.#engine.outbox.length + this.#sender.inFlight;
  }

  /** Queues a message. It leaves in this turn of the event loop, with all others written in it. */
  write(message: Uint8Array): void {
    this.#engine.send(message);
    if (this.#sender.inFlight > 0) {
      return;
    }
    if (this.#engine.outbox.length >= FLUSH_AT) {
      this.#sender.flush();
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#onTurnEnd);
    }
  }

  /**
   * The reader takes no more for now: octets stay in TCP. That the peer's octets are not seen is then
   * no fault of the peer, so its times stand still.
   *
   * To be called only by who is told of a message or of the end of a chunk. The stream is paused once the engine is done with the
   * chunk: to pause calls who listens to the stream, in the middle of which it must not be found.
   */
  rest(): void {
    this.#restingSince ??= now();
  }

  /** The reader takes octets again. */
  goOn(): void {
    if (this.#restingSince !== undefined) {
      const time = now();
      this.#putOffUntil = this.#engineDeadline + time - this.#restingSince;
      this.#putOffDeadline = this.#engine.deadline ?? 0;
      this.#restingSince = undefined;
      this.#lastActivity = time;
      this.#watch();
    }
    this.stream.resume();
  }

  /** Does something to the engine, then what the engine wants. */
  command(act: () => void): void {
    this.#after(act);
  }

  /** Drops the stream at once, by a TCP reset where it has one. */
  reset(): void {
    this.#ending ??= RESET_BY_US;
    this.#engine.outbox.clear();
    resetStream(this.stream);
  }

  /** Hands over what was written in this turn. Made once: the hot path makes no functions. */
  readonly #onTurnEnd = (): void => {
    this.#flushScheduled = false;
    this.#sender.flush();
    if (this.#sender.inFlight > 0) {
      this.#watch();
    }
  };

  readonly #onData = (chunk: Buffer | Uint8Array | string): void => {
    const time = now();
    this.#lastActivity = time;
    // A socket gives Buffers, which makes every message a Buffer; a stream of the user's may not.
    const octets = chunk instanceof Buffer ? chunk : asBuffer(chunk);
    this.#engine.receive(octets, time, this.#isOwn(octets));
    this.#settle(time, octets.length);
  };

  /** Whether nobody else sees a chunk. Who watches all sockets of a process may listen to this one too. */
  #isOwn({ length }: Buffer): boolean {
    return this.#isPrivate && length >= JOINED_FROM && this.stream.listenerCount('data') === 1;
  }

  #after(act: () => void): void {
    act();
    this.#settle(now());
  }

  /** After every call of the engine: its events, its output, its wish for the stream, its deadline. */
  #settle(time: number, chunkLength = 0): void {
    do {
      for (let output = this.#engine.next(); output; output = this.#engine.next()) {
        if (output instanceof Uint8Array) {
          this.#user.onMessage(output);
        } else {
          this.#user.onEvent(output);
        }
      }
    } while (this.#engine.resume(time));
    if (chunkLength > 0) {
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
    this.#watch();
    if (this.#restingSince !== undefined) {
      this.stream.pause();
    }
  }

  /** What was handed over is taken: the next may follow, and who waited for room has it. */
  #onTaken(): void {
    if (this.#idleTimeout !== undefined) {
      this.#lastActivity = now();
    }
    if (this.#engine.outbox.length > 0) {
      this.#sender.flush();
      this.#watch();
    }
    this.#user.onWritten();
    if (this.#engine.streamRequest === 'end') {
      this.#endWhenFlushed();
    }
  }

  /** What is lost must not look like an end in good order: only a reset tells the peer. */
  #drop(): void {
    if (this.buffered > 0) {
      this.reset();
    } else {
      this.stream.destroy();
    }
  }

  #endWhenFlushed(): void {
    // Octets in flight come first: a stream that has yet to write before its FIN takes no reset.
    if (!this.#sender.ended && this.buffered === 0 && !this.stream.destroyed) {
      this.#ending ??= FIN_BY_US;
      this.#sender.end();
      // After our FIN whatever still comes must be taken, or the FIN of the peer is never seen.
      this.goOn();
    }
  }

  #onEnd(): void {
    this.#ending ??= FIN_BY_PEER;
    this.#after(() => this.#engine.receiveEnd(now()));
  }

  /** Not each stream ends by itself after an error: a TLS socket goes on after a record that is broken. */
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
    this.#after(() => this.#engine.streamClosed(this.#streamError, now()));
    this.#alarm.clear();
    this.#engine.outbox.clear();
    this.#user.onStreamClosed();
  }

  /** Octets that arrived while reading rested are still the user's when the stream fails. */
  #takeLeftovers(): void {
    if (this.stream.readableLength === 0) {
      return;
    }
    // A stream whose close was told by hand still hands on what is read of it, as if it came anew.
    this.stream.off('data', this.#onData);
    for (let chunk = this.stream.read(); chunk !== null; chunk = this.stream.read()) {
      this.#onData(chunk);
    }
  }

  /** The engine's deadline; later when the reader rested since it was set. */
  get #engineDeadline(): number {
    const { deadline = Number.POSITIVE_INFINITY } = this.#engine;
    return deadline === this.#putOffDeadline ? this.#putOffUntil : deadline;
  }

  /** The earliest of the engine's deadline and those of the stream. */
  #watch(): void {
    if (this.#closed) {
      return;
    }
    let at = Number.POSITIVE_INFINITY;
    if (this.#restingSince === undefined) {
      at = Math.min(this.#engineDeadline, this.#lastActivity + (this.#idleTimeout ?? at));
    }
    if (this.#writeTimeout !== undefined && this.#sender.inFlight > 0) {
      at = Math.min(at, this.#sender.since + this.#writeTimeout);
    }
    this.#alarm.set(at);
  }

  #onAlarm(): void {
    const time = now();
    const idleTimeout = this.#idleTimeout;
    const writeTimeout = this.#writeTimeout;
    if (
      writeTimeout !== undefined &&
      this.#sender.inFlight > 0 &&
      time >= this.#sender.since + writeTimeout
    ) {
      this.#user.onTimeout(
        new TimeoutError(
          `the peer took none of ${this.buffered} octets that wait within ${writeTimeout} ms`,
          'writeTimeout',
          writeTimeout,
          { phase: 'open' },
        ),
      );
    } else if (
      idleTimeout !== undefined &&
      this.#restingSince === undefined &&
      time >= this.#lastActivity + idleTimeout
    ) {
      this.#lastActivity = time;
      this.#user.onTimeout(
        new TimeoutError(
          `nothing was sent or received within ${idleTimeout} ms`,
          'idleTimeout',
          idleTimeout,
          { phase: 'open' },
        ),
      );
    }
    this.#after(() => {
      if (this.#restingSince === undefined && time >= this.#engineDeadline) {
        this.#engine.handleDeadline(time);
      }
    });
  }
}
