/**
 * A connection that reads and writes whole messages, whatever the protocol beneath: what the
 * connections of COTP and of TPKT have in common. It knows neither of the two.
 */
import type { Duplex } from 'node:stream';
import type { Engine, EngineEvent, Message } from '../core/engine.js';
import { ConnectionClosedError, CotpError, type TimeoutError } from '../core/errors.js';
import { Fifo } from '../core/fifo.js';
import { whenAborted } from './abort.js';
import { Alarm, now } from './alarm.js';
import type { Driver, DriverUser } from './driver.js';
import { MessageDuplex } from './duplex.js';
import { instance } from './options/checks.js';
import { optional, resolveOptions } from './options/table.js';
import { type Ending, ReadQueue, type Step } from './read-queue.js';
import type { ReceiveBudget, ReceiveShare } from './receive-budget.js';
import { Resource } from './resource.js';

/** Octets of a message, in any form that JavaScript has for them; a `Buffer` is one. */
export type Data = Uint8Array;

/** What a message connection needs of its options; sizes in octets, times in milliseconds. */
export interface MessageConnectionOptions {
  readonly readHighWaterMark: number;
  readonly writeHighWaterMark: number;
  readonly maxWriteBuffer: number;
  readonly closeTimeout: number;
  readonly allowHalfOpen: boolean;
  /** Fewest and most octets of one message. */
  readonly minMessage: number;
  readonly maxMessage: number;
  /** Of the server, whose connections share it; a client has none. */
  readonly receiveBudget: ReceiveBudget | undefined;
  /** Called with the reason when the connection ended other than cleanly or by this side's wish. */
  readonly onFailure: (error: Error) => void;
}

/** Options of calls that wait. */
export interface WaitOptions {
  /**
   * Gives the call up when it aborts: it rejects with the reason of the signal. Default: it waits as long as
   * the connection is open.
   */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS = { signal: optional(instance(AbortSignal, 'an AbortSignal')) };

/**
 * After the FIN of the peer, a connection whose user owes an answer stays open for it as long as
 * something happens every so many milliseconds.
 */
const ANSWER_GRACE = 500;

/** What is taken is subtracted from the share of a connection once it comes to so many octets. */
const SHARE_STEP = 32_768;

/** Reads and writes whole messages, in order, over one byte stream; `Info` is what is known of it. */
export abstract class MessageConnection<Info> extends Resource {
  /** What both sides are and have agreed on. Frozen. */
  readonly info: Info;
  readonly #driver: Driver;
  readonly #engine: Engine;
  readonly #options: MessageConnectionOptions;
  readonly #queue: ReadQueue;
  readonly #share: ReceiveShare | undefined;
  /** What the engine had copied when the last chunk ended. */
  #copied = 0;
  readonly #drains = new Fifo<{ resolve: () => void; reject: (error: Error) => void }>();
  /** How it closed; reads reject with the reason. The first one counts. */
  #ending: Ending | undefined;
  /** The peer has sent FIN. */
  #peerEnded = false;
  #sentEnd = false;
  /** Our half ends when the user says so, not when the peer has ended. */
  #staysHalfOpen: boolean;
  #answerAlarm: Alarm | undefined;
  /** Messages taken by the user less messages written: above 0 an answer may still be due. */
  #owed = 0;

  /** @internal Connections come from `connect` and `listen`. */
  constructor(driver: Driver, engine: Engine, options: MessageConnectionOptions, info: Info) {
    super();
    this.info = info;
    this.#driver = driver;
    this.#engine = engine;
    this.#options = options;
    this.#staysHalfOpen = options.allowHalfOpen;
    this.#queue = new ReadQueue(options.readHighWaterMark, () => this.#onTaken());
    this.#share = options.receiveBudget?.share({
      onPauseChange: () => this.#judgeReading(),
      compact: () => {
        engine.compact();
        return engine.pinned;
      },
      onLimit: (error) => driver.command(() => engine.exceedLimit(error, now())),
    });
    driver.user = new MessageConnection.#Listener(this);
  }

  /** Hears of the driver. A class of its own, so that what it hears is no part of the interface. */
  static readonly #Listener = class implements DriverUser {
    readonly #connection: MessageConnection<unknown>;

    constructor(connection: MessageConnection<unknown>) {
      this.#connection = connection;
    }

    onMessage(message: Message): void {
      this.#connection.#onMessage(message);
    }

    onChunkEnd(length: number): void {
      this.#connection.#onChunkEnd(length);
    }

    onEvent(event: EngineEvent): void {
      this.#connection.#onEvent(event);
    }

    onWritten(): void {
      this.#connection.#onWritten();
    }

    onTimeout(error: TimeoutError): void {
      this.#connection.#onTimeout(error);
    }

    onStreamClosed(): void {
      this.#connection.#onStreamClosed();
    }
  };

  /**
   * The byte stream beneath: a `net.Socket`, a `tls.TLSSocket` (whose `getPeerCertificate()` tells
   * who the peer is) or the caller's own. It is there to be asked, not to be read or written. Once it was
   * asked for, TSDUs that come in several DTs are copied, for others may see what comes.
   */
  get socket(): Duplex {
    return this.#driver.handOut();
  }

  /**
   * The next whole message. What arrived before the peer went away is still read.
   *
   * Several calls may wait at once; they are served in order.
   *
   * @param options `signal` gives the call up. A read that was given up takes no message: the next one
   * that comes goes to the next read. A message that has arrived already is read at once
   * @returns a Buffer that is the caller's own. It may be a view: of the octets that the socket gave,
   * which a small one keeps alive, or of memory that begins before it; so who uses its `buffer` uses
   * `byteOffset` and `length` too
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`), ProtocolError (`ERR_COTP_PROTOCOL`),
   * TsduTooLargeError (`ERR_COTP_TSDU_TOO_LARGE`) or TimeoutError (`ERR_COTP_TIMEOUT`): whatever
   * ended the connection, once everything that arrived has been read
   * @throws the reason of `signal` when that aborts
   * @throws TypeError for a bad option
   */
  read(options?: WaitOptions): Promise<Buffer> {
    if (options !== undefined) {
      return this.#readUntil(options);
    }
    this.#beforeRead();
    const message = this.#queue.read();
    this.#afterRead();
    return message;
  }

  async #readUntil(options: WaitOptions): Promise<Buffer> {
    const { signal } = resolveOptions(WAIT_OPTIONS, options);
    signal?.throwIfAborted();
    this.#beforeRead();
    const message = this.#queue.read(signal);
    this.#afterRead();
    return message;
  }

  /**
   * Queues one message at once; it leaves in this turn of the event loop. The octets must not be
   * changed until they have left: {@link writeBuffered} is 0 then.
   *
   * @returns `false` when more octets wait than `writeHighWaterMark`: better wait for
   * {@link drain} before writing more
   * @throws TypeError when `data` is not a Uint8Array; RangeError when its length is not allowed
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`) when closing has begun
   * @throws CotpError (`ERR_COTP_WRITE_OVERFLOW`) when `maxWriteBuffer` octets wait already
   */
  write(data: Data): boolean {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(`data must be a Uint8Array, not ${data === null ? 'null' : typeof data}`);
    }
    const { minMessage, maxMessage, maxWriteBuffer } = this.#options;
    if (data.length < minMessage || data.length > maxMessage) {
      const most = maxMessage === Number.POSITIVE_INFINITY ? 'or more' : `to ${maxMessage}`;
      throw new RangeError(`data must be ${minMessage} ${most} octets, not ${data.length}`);
    }
    if (!this.isOpen || this.#sentEnd) {
      throw this.#closedError();
    }
    if (this.#driver.buffered >= maxWriteBuffer) {
      throw new CotpError(
        'ERR_COTP_WRITE_OVERFLOW',
        `at most ${maxWriteBuffer} octets may wait to be sent, ${this.#driver.buffered} do`,
        { ending: 'limit', hint: 'wait for drain() when write() returns false' },
      );
    }
    this.#owed -= 1;
    this.#driver.write(data);
    if (this.#peerEnded) {
      this.#awaitAnswer();
    }
    return this.#hasRoom;
  }

  /**
   * Resolves when no more octets wait than `writeHighWaterMark`, at once if that is so.
   *
   * @param options `signal` gives the call up; what was written is still sent
   * @throws ConnectionClosedError or what else ended the connection while it waited
   * @throws the reason of `signal` when that aborts
   * @throws TypeError for a bad option
   */
  drain(options?: WaitOptions): Promise<void> {
    if (options !== undefined) {
      return this.#drainUntil(options);
    }
    if (this.isClosed) {
      return Promise.reject(this.#closedError());
    }
    if (this.#hasRoom) {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#drains.push({ resolve, reject });
    });
  }

  async #drainUntil(options: WaitOptions): Promise<void> {
    const { signal } = resolveOptions(WAIT_OPTIONS, options);
    signal?.throwIfAborted();
    if (signal === undefined || this.isClosed || this.#hasRoom) {
      return this.drain();
    }
    const { promise, resolve, reject } = deferred<void>();
    const waiting = { resolve, reject };
    const stop = whenAborted(signal, (reason) => {
      this.#drains.remove(waiting);
      reject(reason);
    });
    this.#drains.push(waiting);
    return promise.finally(stop);
  }

  get #hasRoom(): boolean {
    return this.#driver.buffered <= this.#options.writeHighWaterMark;
  }

  /**
   * Lets the process end while this connection is open, if nothing else keeps it alive; as `unref` of a
   * `net.Socket`.
   */
  unref(): this {
    this.#driver.setRef(false);
    return this;
  }

  /** Undoes {@link unref}: the open connection keeps the process alive, as it does by default. */
  ref(): this {
    this.#driver.setRef(true);
    return this;
  }

  /** Octets written that have not yet been handed to the operating system. */
  get writeBuffered(): number {
    return this.#driver.buffered;
  }

  /**
   * Says that this side will write nothing more: FIN follows what was written. The messages of the
   * peer still come, and the connection closes when the peer closes too.
   */
  end(): void {
    if (this.isOpen && !this.#sentEnd) {
      this.#sentEnd = true;
      this.#driver.command(() => this.#engine.endOfData(now()));
      if (this.#peerEnded) {
        this.#closeWith(endedByPeer, true);
      }
    }
  }

  /**
   * Begins to close in good order: what was written is flushed, then FIN (class 0 has no disconnect
   * TPDU of its own, X.224 6.7.1.4). Reads that wait reject; what has arrived may still be read. A
   * peer that does not close too is reset after `closeTimeout`.
   */
  override close(): void {
    if (this.isOpen) {
      this.#closeWith(closedByUs, true);
      this.#driver.command(() => this.#engine.disconnect(now()));
    }
  }

  /**
   * Drops the connection at once, by a TCP reset; what waits to be sent or read is lost.
   *
   * @param error what waiting and later calls reject with as the cause of a `ConnectionClosedError`
   */
  destroy(error?: Error): void {
    if (this.isClosed) {
      return;
    }
    this.#queue.close();
    this.#closeWith(() => resetByUs(error), false);
    this.#rejectDrains();
    this.#driver.reset();
  }

  /**
   * Reads until the end: ends quietly after an orderly close by either side and throws after any
   * other. Leaving the loop early leaves the connection open.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer, undefined> {
    return new MessageIterator(() => this.#next());
  }

  /**
   * The connection as a Node stream: each chunk read or written is one message. It reads from now
   * on, so `read()` is not to be used beside it. Ending it is {@link end}; destroying
   * it closes, and with an error it resets.
   */
  toDuplex(): Duplex {
    this.#staysHalfOpen = true;
    return new MessageDuplex(this, () => this.#ending?.isQuiet === true);
  }

  #next(): Promise<Step> {
    this.#beforeRead();
    const step = this.#queue.next();
    this.#afterRead();
    return step;
  }

  #onMessage(message: Message): void {
    if (this.#queue.hasReader) {
      this.#owed += 1;
    }
    // The driver gives the engine Buffers, and the engine allocates them.
    this.#queue.push(message as Buffer);
  }

  #onChunkEnd(length: number): void {
    const { copied, pinned } = this.#engine;
    const queue = this.#queue;
    queue.endChunk(length, copied - this.#copied);
    this.#copied = copied;
    this.#share?.hold(queue.held, pinned);
    // A reader that keeps up leaves nothing to judge.
    if (queue.held > 0 || this.#driver.isReadingPaused) {
      this.#judgeReading();
    }
  }

  #onTaken(): void {
    this.#share?.hold(this.#queue.held, this.#engine.pinned);
    this.#judgeReading();
  }

  /** Octets stay in TCP while too much waits to be read, here or in all connections of the server. */
  #judgeReading(): void {
    const queue = this.#queue;
    if (queue.isFull || this.#share?.mustPause) {
      this.#driver.pauseReading();
    } else {
      this.#driver.resumeReading();
    }
    // Not after each message: most of them change nothing.
    const least = this.#share?.isCharged ? Math.max(1, queue.held - SHARE_STEP) : 0;
    queue.watchBelow = queue.isFull ? Math.max(least, queue.highWaterMark) : least;
  }

  #onEvent(event: EngineEvent): void {
    switch (event.type) {
      case 'end':
        this.#peerEnded = true;
        this.#endReading(endedByPeer, true);
        if (this.#sentEnd || (this.#queue.isEmpty && this.#owed <= 0)) {
          this.#finishAfterPeer();
        } else {
          this.#awaitAnswer();
        }
        break;
      case 'disconnect':
        this.#fail(event.error, event.orderly);
        break;
      default:
    }
  }

  #onWritten(): void {
    if (this.#peerEnded) {
      this.#awaitAnswer();
    }
    if (this.#hasRoom) {
      for (let waiting = this.#drains.shift(); waiting; waiting = this.#drains.shift()) {
        waiting.resolve();
      }
    }
  }

  #onTimeout(error: TimeoutError): void {
    this.#fail(error, false);
    if (error.timer === 'idleTimeout') {
      this.#driver.command(() => this.#engine.disconnect(now()));
    } else {
      this.#driver.reset();
    }
  }

  #onStreamClosed(): void {
    this.#share?.close();
    this.#closeWith(closedByUs, false);
    this.#rejectDrains();
    this.markClosed();
  }

  /** @internal Whether this error says how the connection ended, and no more than that. */
  hasEndedBy(error: unknown): boolean {
    return this.#ending !== undefined && this.#closedError() === error;
  }

  protected override get closeReason(): unknown {
    return this.#ending === undefined ? undefined : this.#closedError();
  }

  #fail(error: CotpError, orderly: boolean): void {
    const isNews = this.isOpen && !orderly;
    this.#closeWith(() => error, orderly);
    if (!orderly) {
      this.#rejectDrains();
    }
    if (isNews) {
      this.#options.onFailure(error);
    }
  }

  #closeWith(reason: () => CotpError, orderly: boolean): void {
    this.#endReading(reason, orderly);
    this.#answerAlarm?.clear();
    this.markClosing();
  }

  /** Nothing more will come. */
  #endReading(reason: () => CotpError, orderly: boolean): void {
    // Most closings are good ones, whose error nobody hears; who does hear it, hears the same one.
    this.#ending ??= { reason: once(reason), isQuiet: orderly };
    this.#queue.end(this.#ending);
  }

  /** Whoever waits still has octets that are lost now: that this side had closed says nothing of that. */
  #rejectDrains(): void {
    if (this.#drains.length === 0) {
      return;
    }
    const reason = this.#closedError();
    const isOurWish = this.#ending?.isQuiet === true && (reason as CotpError).ending === 'local';
    for (let waiting = this.#drains.shift(); waiting; waiting = this.#drains.shift()) {
      waiting.reject(isOurWish ? lostOnClosing() : reason);
    }
  }

  #closedError(): Error {
    return (this.#ending?.reason ?? closedByUs)();
  }

  #beforeRead(): void {
    if (this.#peerEnded && this.#queue.isEmpty && this.#owed <= 0) {
      this.#finishAfterPeer();
    }
    if (!this.#queue.isEmpty) {
      this.#owed += 1;
    }
  }

  #afterRead(): void {
    if (this.#peerEnded) {
      this.#awaitAnswer();
    }
  }

  /** The peer has ended and no answer is due: whatever is written goes out, then FIN. */
  #finishAfterPeer(): void {
    if (this.isOpen && (this.#sentEnd || !this.#staysHalfOpen)) {
      this.#closeWith(endedByPeer, true);
      this.#driver.command(() => this.#engine.disconnect(now()));
    }
  }

  /** Who has more to write may wait until what was written is sent. */
  #onAnswerAlarm(): void {
    if (this.#driver.buffered > 0) {
      this.#awaitAnswer();
    } else {
      this.#finishAfterPeer();
    }
  }

  /** The peer has ended, but the user may still answer what came last. */
  #awaitAnswer(): void {
    if (this.isOpen && this.#queue.isEmpty && !this.#staysHalfOpen) {
      this.#answerAlarm ??= new Alarm(() => this.#onAnswerAlarm());
      this.#answerAlarm.clear();
      this.#answerAlarm.set(now() + Math.min(ANSWER_GRACE, this.#options.closeTimeout));
    }
  }
}

/** Steps through messages. An async generator would make promises of its own for every one. */
class MessageIterator implements AsyncIterableIterator<Buffer, undefined> {
  readonly next: () => Promise<Step>;

  constructor(next: () => Promise<Step>) {
    this.next = next;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A promise with the two functions that settle it; later versions of Node have it as `Promise.withResolvers`. */
function deferred<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** What makes something, so that it is made once and only if it is wanted. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function closedByUs(): CotpError {
  return new ConnectionClosedError('the connection was closed by this side', {
    phase: 'open',
    ending: 'local',
  });
}

function resetByUs(cause: Error | undefined): CotpError {
  return new ConnectionClosedError('the connection was reset by this side', {
    phase: 'open',
    ending: 'local',
    cause,
  });
}

function lostOnClosing(): CotpError {
  return new ConnectionClosedError('the connection was lost before what was written had left', {
    phase: 'closing',
    ending: 'reset',
  });
}

function endedByPeer(): CotpError {
  return new ConnectionClosedError('the peer closed the connection', {
    phase: 'open',
    ending: 'fin',
  });
}
