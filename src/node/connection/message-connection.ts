/**
 * A connection that reads and writes whole messages: the base of the connections of COTP and of bare TPKT.
 * Knows neither protocol.
 */
import type { Duplex } from 'node:stream';
import type { DisconnectHow, Disconnection } from '../../core/disconnection.js';
import type { Engine, EngineEvent, MessageReceiver } from '../../core/engine.js';
import type { CotpError, Ending, TimeoutError } from '../../core/errors.js';
import { expeditedData, instance, optional, resolveOptions } from '../options/rows.js';
import { Resource } from '../resource.js';
import type { Driver, DriverUser } from '../stream/driver.js';
import { WaitingCalls } from '../waiting.js';
import {
  closedByUs,
  endedByPeer,
  isRead,
  isRelayed,
  lostOnClosing,
  notOctets,
  resetByUs,
  tooMuchWaits,
  wrongLength,
} from './connection-errors.js';
import { MessageDuplex } from './duplex.js';
import type { ExpeditedQueue } from './expedited-queue.js';
import { OwedAnswers } from './owed-answers.js';
import { ReadLimits } from './read-limits.js';
import { MessageIterator, type ReadEnd, ReadQueue, type Step } from './read-queue.js';
import type { ReceiveBudget } from './receive-budget.js';

/** The octets of a message. A `Buffer` is a `Uint8Array`. */
export type Data = Uint8Array;

/** The options of a message connection; sizes in octets, times in milliseconds. */
export interface MessageConnectionOptions {
  /** The number of the connection, unique in this thread. */
  readonly id: number;
  readonly readHighWaterMark: number;
  readonly writeHighWaterMark: number;
  readonly maxWriteBuffer: number;
  readonly closeTimeout: number;
  readonly allowHalfOpen: boolean;
  /** Fewest and most octets of one message. */
  readonly minMessage: number;
  readonly maxMessage: number;
  /** Shared by all connections of a server; a client has none. */
  readonly receiveBudget: ReceiveBudget | undefined;
  /** Called with the error when the connection failed: neither side closed it gracefully. */
  readonly onFailure: (error: Error) => void;
}

/** Above so many octets `write` returns `false`, which it must before `maxWriteBuffer` makes it throw. */
export function writeMark({
  writeHighWaterMark,
  maxWriteBuffer,
}: Pick<MessageConnectionOptions, 'writeHighWaterMark' | 'maxWriteBuffer'>): number {
  return Math.min(writeHighWaterMark, maxWriteBuffer - 1);
}

/** Takes all that a connection receives, in place of its user, and learns how the connection ends. */
export interface RelayListener extends MessageReceiver {
  /** All messages of a chunk were passed on. */
  onChunkEnd(): void;
  /** The stream has taken octets, so fewer wait than before. */
  onWritten(): void;
  /** The peer has sent FIN; class 0 only. Messages can still be written. */
  onPeerFin(): void;
  /** Closing begins. */
  onClosing(error: CotpError, isOrderly: boolean): void;
  onClosed(): void;
}

/** The parts of a connection that a relay uses. */
export interface RelayedParts {
  readonly driver: Driver;
  readonly engine: Engine;
  readonly limits: ReadLimits;
  readonly writeHighWaterMark: number;
  readonly maxWriteBuffer: number;
}

/** Options of calls that wait. */
export interface WaitOptions {
  /**
   * Cancels the call when it aborts: the call rejects with the reason of the signal. Default: the call waits
   * as long as the connection is open.
   *
   * @defaultValue `undefined`
   */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS = { signal: optional(instance(AbortSignal, 'an AbortSignal')) };

/** Checks the options of a call that waits. Throws TypeError for a bad one. */
export function resolveWait(options: unknown): WaitOptions {
  return resolveOptions(WAIT_OPTIONS, options);
}

/** @internal The arguments of the constructor. */
export type ConnectionParts<Info> = ConstructorParameters<typeof MessageConnection<Info>>;

/** How reading, or the connection, ended. */
interface Ended extends ReadEnd {
  reason(): CotpError;
  /** What ended the connection, if the engine does not know it. */
  endedBy: Ending | undefined;
}

/** Reads and writes whole messages, in order, over one byte stream. `Info` is the type of `info`. */
export abstract class MessageConnection<Info> extends Resource {
  /** Number of the connection, unique in this thread, counted from 1. In traces and events it is `connection`. */
  readonly id: number;
  /** The addresses of the two sides, and what they have agreed on. Frozen. */
  readonly info: Info;
  readonly #driver: Driver;
  readonly #engine: Engine;
  readonly #options: MessageConnectionOptions;
  readonly #queue: ReadQueue;
  readonly #limits: ReadLimits;
  /** Created for the first call that waits. */
  #drains: WaitingCalls | undefined;
  /** How reading ended; reads reject with its reason. Set once: by the FIN of the peer, or together with {@link #ending}. */
  #readEnd: Ended | undefined;
  /** How the connection ended; writes and drains fail with its reason. Set once, when closing begins. */
  #ending: Ended | undefined;
  /** This side sends FIN when the user ends it, not after the FIN of the peer. */
  #staysHalfOpen: boolean;
  /** What the user owes to a peer that has sent FIN, until this side closes; `undefined` before the FIN. */
  #answers: OwedAnswers | undefined;
  /** Takes what the queue would take, once the connection is relayed. */
  #relay: RelayListener | undefined;

  /** @internal Connections come from `connect` and `listen`. */
  constructor(
    driver: Driver,
    engine: Engine,
    options: MessageConnectionOptions,
    info: Info,
    expedited?: ExpeditedQueue,
  ) {
    super();
    this.id = options.id;
    this.info = info;
    this.#driver = driver;
    this.#engine = engine;
    this.#options = options;
    this.#staysHalfOpen = options.allowHalfOpen;
    this.#queue = new ReadQueue(expedited);
    const { readHighWaterMark, receiveBudget } = options;
    this.#limits = new ReadLimits(driver, engine, this.#queue, readHighWaterMark, receiveBudget);
    this.#queue.user = this.#limits;
    if (expedited !== undefined) {
      expedited.user = this.#limits;
    }
    driver.opened(new MessageConnection.#Listener(this), this.#queue);
  }

  /** What the driver calls, kept off the public type. */
  static readonly #Listener = class implements DriverUser {
    readonly #connection: MessageConnection<unknown>;

    constructor(connection: MessageConnection<unknown>) {
      this.#connection = connection;
    }

    onChunkEnd(length: number): void {
      this.#connection.#limits.chunkEnded(length);
      this.#connection.#relay?.onChunkEnd();
    }

    onEvent(event: EngineEvent): void {
      this.#connection.#onEvent(event);
    }

    onWritten(): void {
      const connection = this.#connection;
      if (connection.#answers !== undefined) {
        connection.#awaitAnswer();
      }
      if (connection.#drains !== undefined && connection.#hasRoom) {
        connection.#drains.resolveAll(undefined);
      }
      connection.#relay?.onWritten();
    }

    get awaitsPeer(): boolean {
      const connection = this.#connection;
      return connection.#relay !== undefined || connection.#drains?.isEmpty === false;
    }

    onTimeout(error: TimeoutError): void {
      this.#connection.#onTimeout(error);
    }

    onStreamClosed(): void {
      this.#connection.#onStreamClosed();
    }
  };

  /**
   * The byte stream that carries the connection: a `net.Socket`, a `tls.TLSSocket` (whose `getPeerCertificate()`
   * identifies the peer) or the caller's own. Use it to query the stream, not to read or write. After the first use of
   * this property, TSDUs that come in several DTs are copied, because other code may see the same octets.
   */
  get socket(): Duplex {
    return this.#driver.handOut();
  }

  /**
   * Returns the next whole message. Messages that arrived before the connection ended can still be read.
   *
   * Several calls may wait at once; they are served in order.
   *
   * @param options `signal` cancels the call. A cancelled read takes no message: the next one goes to the
   * next read. A message that has arrived already is returned whether or not the signal aborts later
   * @returns a Buffer that the caller owns. It may be a view of a larger piece of memory, which it keeps
   * alive: code that uses its `buffer` must use `byteOffset` and `length` too
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`), ProtocolError (`ERR_COTP_PROTOCOL`),
   * TsduTooLargeError (`ERR_COTP_TSDU_TOO_LARGE`) or TimeoutError (`ERR_COTP_TIMEOUT`): whatever
   * ended the connection, once all messages that arrived have been read
   * @throws CotpError (`ERR_COTP_BUSY`) when the connection is relayed
   * @throws the reason of `signal` when that aborts
   * @throws TypeError for a bad option
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('request'));
   * const response = await conn.read({ signal: AbortSignal.timeout(5_000) });
   * console.log(response.length); // 7
   * ```
   */
  read(options?: WaitOptions): Promise<Buffer> {
    if (options !== undefined) {
      return this.#readUntil(options);
    }
    return this.#answers === undefined
      ? this.#queue.read()
      : this.#readAfterFin(() => this.#queue.read());
  }

  async #readUntil(options: WaitOptions): Promise<Buffer> {
    const { signal } = resolveWait(options);
    signal?.throwIfAborted();
    return this.#readAfterFin(() => this.#queue.read(signal));
  }

  /**
   * Queues one message; it is sent in this turn of the event loop. Do not change the octets until they
   * have been sent, that is, until {@link writeBuffered} is 0.
   *
   * @param data one message: in COTP at least 1 octet, in `cotp/tpkt` 3 to 65531 octets
   * @returns `false` when more than `writeHighWaterMark` octets wait: call {@link drain} before writing more
   * @throws TypeError when `data` is not a Uint8Array; RangeError when its length is not allowed
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`), or what else ended the connection, when closing has begun or
   * {@link end} was called
   * @throws CotpError (`ERR_COTP_WRITE_OVERFLOW`) when `maxWriteBuffer` octets wait already
   *
   * @example
   * ```ts
   * for (const text of ['one', 'two']) {
   *   if (!conn.write(Buffer.from(text))) {
   *     await conn.drain();
   *   }
   * }
   * console.log(String(await conn.read())); // one
   * console.log(String(await conn.read())); // two
   * ```
   */
  write(data: Data): boolean {
    if (!(data instanceof Uint8Array)) {
      throw notOctets(data);
    }
    const { minMessage, maxMessage, maxWriteBuffer, writeHighWaterMark } = this.#options;
    if (data.length < minMessage || data.length > maxMessage) {
      throw wrongLength(data.length, minMessage, maxMessage);
    }
    if (!this.isOpen || !this.#engine.facts.isSending) {
      throw this.#closedError();
    }
    const { buffered } = this.#driver;
    if (buffered >= maxWriteBuffer) {
      throw tooMuchWaits(buffered, maxWriteBuffer);
    }
    const waiting = this.#driver.write(data);
    if (this.#answers !== undefined) {
      this.#awaitAnswer();
    }
    return waiting <= writeHighWaterMark;
  }

  /** @internal Queues expedited data. It leaves at once, unless an EA is due. Returns the same as {@link write}. */
  protected sendExpedited(data: Data): boolean {
    expeditedData('data', data);
    const { maxWriteBuffer } = this.#options;
    const { held } = this.#driver;
    if (this.isOpen && held >= maxWriteBuffer) {
      throw tooMuchWaits(held, maxWriteBuffer);
    }
    if (!this.isOpen) {
      throw this.#closedError();
    }
    this.#driver.command(() => this.#engine.sendExpedited(data));
    if (this.#drains?.isEmpty === false) {
      this.#limits.taken();
    }
    return this.#hasRoom;
  }

  /**
   * Resolves when at most `writeHighWaterMark` octets wait to be sent; at once if that is the case already.
   *
   * @param options `signal` cancels the call; what was written is still sent
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`), or what else ended the connection, before the octets were sent
   * @throws the reason of `signal` when that aborts
   * @throws TypeError for a bad option
   *
   * @example
   * ```ts
   * conn.write(Buffer.alloc(100_000));
   * await conn.drain({ signal: AbortSignal.timeout(5_000) });
   * console.log(conn.isOpen); // true
   * ```
   */
  drain(options?: WaitOptions): Promise<void> {
    return options === undefined ? this.#drainUntil(undefined) : this.#drainWith(options);
  }

  async #drainWith(options: WaitOptions): Promise<void> {
    const { signal } = resolveWait(options);
    signal?.throwIfAborted();
    return this.#drainUntil(signal);
  }

  #drainUntil(signal: AbortSignal | undefined): Promise<void> {
    if (this.isClosed) {
      return Promise.reject(this.#closedError());
    }
    if (this.#hasRoom) {
      return Promise.resolve();
    }
    this.#drains ??= new WaitingCalls();
    const drained = this.#drains.wait(signal);
    // An EA that is waited for may come behind unread data.
    this.#limits.taken();
    this.#driver.beginWait();
    return drained;
  }

  get #hasRoom(): boolean {
    return this.#driver.held <= this.#options.writeHighWaterMark;
  }

  /**
   * Lets the process exit while this connection is open, if nothing else keeps it alive, like `unref` of a
   * `net.Socket`.
   *
   * @example
   * ```ts
   * conn.unref();
   * console.log(conn.isOpen); // true
   * conn.ref();
   * ```
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

  /** Octets of messages that have arrived and wait to be read. Expedited data is not included. */
  get readBuffered(): number {
    return this.#queue.length;
  }

  /**
   * Octets received from the byte stream so far, counted as `net.Socket` counts them: all headers, and CR and CC, are
   * included; with TLS they are counted after decryption.
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('abc'));
   * await conn.read();
   * // A CC of 14 octets, then headers of 7 octets and the 3 of the message.
   * console.log(conn.bytesRead, conn.messagesRead); // 24 1
   * ```
   */
  get bytesRead(): number {
    return this.#driver.bytesRead;
  }

  /**
   * Octets written to the byte stream so far, counted as {@link bytesRead} is. What was written in this turn of the
   * event loop is not included yet; see {@link writeBuffered}.
   */
  get bytesWritten(): number {
    return this.#driver.bytesWritten;
  }

  /** Whole messages that have arrived so far, whether or not they were read. Expedited data is not included. */
  get messagesRead(): number {
    return this.#driver.messagesRead;
  }

  /** Messages written so far, whether or not they have left. Expedited data is not included. */
  get messagesWritten(): number {
    return this.#driver.messagesWritten;
  }

  /**
   * Ends writing: FIN follows what was written. Messages of the peer can still be read, and the
   * connection closes when the peer closes too.
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('last'));
   * conn.end();
   * console.log(String(await conn.read())); // last
   * await conn.waitClosed();
   * ```
   */
  end(): void {
    if (this.isOpen && this.#engine.facts.isSending) {
      this.#driver.command((time) => this.#engine.endOfData(time));
      if (this.#answers !== undefined) {
        this.#closeWith(endedByPeer, true);
      }
    }
  }

  /**
   * Begins to close gracefully: sends what was written, then FIN, for class 0 has no TPDU that ends a connection (X.224
   * 6.7.1.4); in class 2 a non-disruptive DR (RFC 2126 4.2.3). Pending reads reject; messages that have arrived can
   * still be read. If the peer does not close within `closeTimeout`, TCP is reset, in class 2 closed.
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('sent before the connection closes'));
   * conn.close();
   * await conn.waitClosed();
   * console.log(conn.isClosed); // true
   * ```
   */
  override close(): void {
    if (this.isOpen) {
      this.#closeWith(closedByUs, true);
      this.#driver.command((time) => this.#engine.disconnect(time));
    }
  }

  /** @internal Closes as {@link close} does, in this way. It has an effect even if the connection is closing already. */
  protected closeBy(how: DisconnectHow): void {
    if (this.isClosed) {
      return;
    }
    this.#closeWith(closedByUs, true);
    this.#driver.command((time) => this.#engine.disconnect(time, how));
    if (how.disruptive) {
      this.#rejectDrains();
    }
  }

  /** @internal How the connection has ended. Valid once it is closed. */
  protected get ended(): Disconnection {
    const { disconnection } = this.#engine;
    const ending = this.#ending?.endedBy ?? disconnection?.ending ?? 'local';
    return {
      ...disconnection,
      ending,
      confirmed: disconnection?.confirmed === true,
      unsent: disconnection?.unsent ?? 0,
    };
  }

  /**
   * Ends the connection at once by a TCP reset; what waits to be sent or read is lost.
   *
   * @param error the `cause` of the `ConnectionClosedError` that pending and later calls reject with
   *
   * @example
   * ```ts
   * const reading = conn.read().catch((error) => console.log(error.cause.message)); // overheated
   * conn.destroy(new Error('overheated'));
   * await reading;
   * ```
   */
  destroy(error?: Error): void {
    if (this.isClosed) {
      return;
    }
    this.#queue.close();
    this.#closeWith(() => resetByUs(error), false);
    this.#endedBy('local', this.#engine.disconnection?.ending);
    this.#rejectDrains();
    this.#driver.reset();
  }

  /**
   * Reads until the connection ends: the loop finishes after a graceful close by either side and throws
   * after any other end. Leaving the loop early leaves the connection open.
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('one'));
   * conn.write(Buffer.from('two'));
   * conn.end();
   * for await (const tsdu of conn) {
   *   console.log(tsdu.length); // 3
   * }
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> & AsyncIterableIterator<Buffer> {
    // Before TypeScript 5.6 AsyncIterableIterator has one parameter; AsyncIterator adds what `next` ends with.
    return new MessageIterator(() => this.#next());
  }

  /**
   * Returns the connection as a Node stream: each chunk read or written is one message. The stream reads
   * from now on, so do not call `read()` as well. Ending the stream calls {@link end}, or {@link close} in class 2,
   * which has no half-close; destroying it closes the connection, and with an error resets it.
   *
   * @throws CotpError (`ERR_COTP_BUSY`) when the connection is relayed
   *
   * @example
   * ```ts
   * const stream = conn.toDuplex();
   * stream.write('through a stream');
   * for await (const tsdu of stream) {
   *   console.log(String(tsdu)); // through a stream
   *   stream.end();
   * }
   * ```
   */
  toDuplex(): Duplex {
    if (this.#relay !== undefined) {
      throw isRelayed();
    }
    this.#staysHalfOpen = true;
    const end = this.#engine.endsByTpdu ? () => this.close() : () => this.end();
    return new MessageDuplex(this, end, () => this.#readEnd?.isQuiet === true);
  }

  /** @internal Why the connection cannot be relayed; `undefined` if it can. */
  get relayRefusal(): Error | undefined {
    if (this.#relay !== undefined) {
      return isRelayed();
    }
    // What the peer has ended can still be passed on: the TSDUs that wait, then the end.
    const ended = this.isOpen ? undefined : this.#closedError();
    if (ended?.ending === 'local') {
      return ended;
    }
    return this.#queue.isAwaited ? isRead() : undefined;
  }

  /** @internal For a relay. */
  get relayedParts(): RelayedParts {
    const { writeHighWaterMark, maxWriteBuffer } = this.#options;
    return {
      driver: this.#driver,
      engine: this.#engine,
      limits: this.#limits,
      writeHighWaterMark,
      maxWriteBuffer,
    };
  }

  /**
   * @internal Passes all that this connection receives to a relay, first what waits. A connection that has ended already
   * reports that behind it.
   */
  startRelay(relay: RelayListener): void {
    this.#relay = relay;
    this.#staysHalfOpen = true;
    this.#answers?.stop();
    this.#engine.deliverTo(relay);
    this.#queue.passTo(relay, { reason: isRelayed, isQuiet: false });
    this.#limits.taken();
    if (!this.isOpen) {
      relay.onClosing(this.#closedError(), this.#ending?.isQuiet === true);
    } else if (this.#readEnd !== undefined) {
      relay.onPeerFin();
    }
    if (this.isClosed) {
      relay.onClosed();
    }
  }

  #next(): Promise<Step> {
    return this.#answers === undefined
      ? this.#queue.next()
      : this.#readAfterFin(() => this.#queue.next());
  }

  #onEvent(event: EngineEvent): void {
    switch (event.type) {
      case 'end':
        this.#endReading({ reason: once(endedByPeer), isQuiet: true, endedBy: 'fin' });
        this.#onPeerFin();
        this.#relay?.onPeerFin();
        break;
      case 'disconnect':
        this.#fail(event.error, event.orderly, true);
        break;
      default:
    }
  }

  #onTimeout(error: TimeoutError): void {
    const isLost = this.#engine.facts.isReleasing && this.#engine.sendBuffer.dataLength > 0;
    this.#fail(error, false, isLost);
    this.#endedBy('timeout', isLost ? undefined : this.#engine.disconnection?.ending);
    if (error.timer === 'idleTimeout') {
      this.#driver.command((time) => this.#engine.disconnect(time));
    } else {
      this.#driver.reset();
    }
  }

  #onStreamClosed(): void {
    this.#limits.close();
    this.#closeWith(closedByUs, false);
    this.#rejectDrains();
    this.markClosed();
    this.#relay?.onClosed();
  }

  /** @internal Whether this error is one that calls throw because reading, or the connection, has ended. */
  hasEndedBy(error: unknown): boolean {
    return [this.#readEnd, this.#ending].some((end) => end !== undefined && end.reason() === error);
  }

  protected override get closeReason(): unknown {
    return this.#ending === undefined ? undefined : this.#closedError();
  }

  /** @param isLoss data of the user is lost: a failure even if the user has closed the connection */
  #fail(error: CotpError, orderly: boolean, isLoss: boolean): void {
    const isFailure = !orderly && (this.isOpen || (isLoss && this.#isClosingCleanly));
    this.#closeWith(() => error, orderly);
    if (!orderly) {
      this.#rejectDrains();
    }
    if (isFailure) {
      this.#options.onFailure(error);
    }
  }

  /** This side has closed the connection and not reset it: lost data is then a failure. */
  get #isClosingCleanly(): boolean {
    return this.#ending?.isQuiet === true && !this.#driver.hasReset;
  }

  /** Notes what has ended the connection; an earlier end, `before`, counts instead. */
  #endedBy(ending: Ending, before: Ending | undefined): void {
    if (this.#ending !== undefined) {
      this.#ending.endedBy ??= before ?? ending;
    }
  }

  #closeWith(reason: () => CotpError, orderly: boolean): void {
    // An orderly end behind the FIN of the peer is the end by that FIN. The error is created lazily: most closes never
    // surface it. Every call that does gets the same one.
    const byFin = orderly ? this.#readEnd : undefined;
    this.#ending ??= byFin ?? { reason: once(reason), isQuiet: orderly, endedBy: undefined };
    this.#endReading(this.#ending);
    this.#answers?.stop();
    if (this.markClosing() && this.#relay !== undefined) {
      this.#relay.onClosing(reason(), orderly);
    }
  }

  /** No more messages will arrive. */
  #endReading(end: Ended): void {
    this.#readEnd ??= end;
    this.#queue.end(this.#readEnd);
  }

  /** Pending drains fail, even after a clean close: their data was not sent. */
  #rejectDrains(): void {
    if (this.#drains === undefined || this.#drains.isEmpty) {
      return;
    }
    const reason = this.#closedError();
    const isClosedByUs = this.#ending?.isQuiet === true && reason.ending === 'local';
    this.#drains.rejectAll(isClosedByUs ? lostOnClosing() : reason);
  }

  #closedError(): CotpError {
    return (this.#ending?.reason ?? closedByUs)();
  }

  /** The peer has sent FIN, but the user may still answer. */
  #onPeerFin(): void {
    const { closeTimeout } = this.#options;
    this.#answers = new OwedAnswers(this.#queue, closeTimeout, () => this.#onAnswerTimer());
    if (this.#engine.facts.isSending && this.#answers.areDue(this.#driver.messagesWritten)) {
      this.#awaitAnswer();
    } else {
      this.#finishAfterPeer();
    }
  }

  /** A read after the FIN of the peer: a user that reads on and owes no answer has nothing more to write. */
  #readAfterFin<T>(read: () => T): T {
    if (this.#answers?.areDue(this.#driver.messagesWritten) === false) {
      this.#finishAfterPeer();
    }
    const result = read();
    this.#awaitAnswer();
    return result;
  }

  /** Closes after the FIN of the peer: flushes what was written, then sends FIN. */
  #finishAfterPeer(): void {
    if (this.isOpen && (!this.#engine.facts.isSending || !this.#staysHalfOpen)) {
      this.#closeWith(endedByPeer, true);
      this.#driver.command((time) => this.#engine.disconnect(time));
    }
  }

  /** The time for an answer has passed. A user that still writes may be waiting for `drain`. */
  #onAnswerTimer(): void {
    if (this.#driver.buffered > 0) {
      this.#awaitAnswer();
    } else {
      this.#finishAfterPeer();
    }
  }

  /** Gives the user time for an answer, again after each read and write. */
  #awaitAnswer(): void {
    if (this.isOpen && !this.#staysHalfOpen) {
      this.#answers?.wait();
    }
  }
}

/** A function that creates a value on the first call and returns the same one later. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
