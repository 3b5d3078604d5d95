/**
 * The deadlines of one connection: those of the stream, which are kept here (silence, octets that do not leave, a
 * lost TCP connection), and that of the engine. One timer serves them all. Knows no protocol.
 */
import type { Engine } from '../../core/engine.js';
import { TimeoutError, type TimerName } from '../../core/errors.js';
import { DeadlineTimer, now, type TimerUser } from '../deadline-timer.js';
import type { ReadFlow } from './read-flow.js';
import type { Sender } from './sender.js';

/** Times in milliseconds; `undefined` for none. */
export interface StreamTimes {
  /** Nothing sent and nothing received. */
  readonly idleTimeout: number | undefined;
  /** Nothing received, once the connection is open. */
  readonly receiveTimeout: number | undefined;
  /** Octets wait, and the stream takes none of them. */
  readonly writeTimeout: number | undefined;
}

/** Who is notified. */
export interface DeadlineUser {
  /** A time of the stream ran out. */
  onTimeout(error: TimeoutError): void;
  /** The deadline of the engine has passed. */
  onEngineDeadline(time: number): void;
  /** The same for the EA of an ED alone, while the other deadlines of the engine are suspended. */
  onAckDeadline(time: number): void;
  /** Whether the user, or a relay, waits until the peer takes octets. */
  readonly awaitsPeer: boolean;
  /** The stream does not see whether its TCP connection is lost: looks, and says whether the stream ends by it. */
  endsWhenGone(time: number): boolean;
}

/** Interval at which a socket that is not read is checked for a lost TCP connection, in milliseconds. */
const GONE_CHECK = 1_000;

const NEVER = Number.POSITIVE_INFINITY;

/** Watches the deadlines of one connection. */
export class StreamDeadlines implements TimerUser {
  /** When octets were last received. */
  lastReceived: number;
  /** The peer has sent FIN: it has to send nothing more. */
  hasPeerEnded = false;
  readonly #engine: Engine;
  readonly #sender: Sender;
  readonly #flow: ReadFlow;
  readonly #times: StreamTimes;
  readonly #user: DeadlineUser;
  readonly #timer: DeadlineTimer;
  /** When the stream last took octets; the clock is read for it only with `idleTimeout`. */
  #lastTaken: number;
  /** The deadline of the engine when the timer was last set. */
  #watchedDeadline: number | undefined;
  /** When the connection opened: `receiveTimeout` counts from then on. */
  #openedAt: number | undefined;
  /** Since when the deadlines for taking octets are suspended; `undefined` if they are not. */
  #suspendedSince: number | undefined;
  /** Milliseconds of all suspensions that have ended. */
  #suspended = 0;
  /** When the octets that wait were passed to the stream, and the milliseconds of suspension until then. */
  #writtenAt = Number.NEGATIVE_INFINITY;
  #suspendedBefore = 0;
  /** When a stream that is not read is to be checked; `undefined` while it is read. */
  #goneCheckAt: number | undefined;
  #isStopped = false;

  constructor(
    parts: { readonly engine: Engine; readonly sender: Sender; readonly flow: ReadFlow },
    times: StreamTimes,
    user: DeadlineUser,
  ) {
    this.#engine = parts.engine;
    this.#sender = parts.sender;
    this.#flow = parts.flow;
    this.#times = times;
    this.#user = user;
    this.#timer = new DeadlineTimer(this);
    this.lastReceived = now();
    this.#lastTaken = this.lastReceived;
  }

  /** The connection is open. */
  opened(): void {
    this.#openedAt = now();
  }

  /** The stream has taken octets. */
  taken(): void {
    if (this.#times.idleTimeout !== undefined) {
      this.#lastTaken = now();
      // The time runs only while nothing waits.
      this.watch();
    }
  }

  /** Whether the timer keeps the process alive. */
  set isRef(isRef: boolean) {
    this.#timer.isRef = isRef;
  }

  /** The stream is closed. */
  stop(): void {
    this.#isStopped = true;
    this.#timer.clear();
  }

  /** Octets were received, and had no effect beside messages: only the deadline of the engine may have changed. */
  received(): void {
    if (this.#engine.deadline !== this.#watchedDeadline) {
      this.watch();
    }
  }

  /**
   * Sets the timer to the first of all deadlines. To be called when one of them may be earlier than before; one
   * that is later is noticed when the timer fires.
   */
  watch(): void {
    if (this.#isStopped) {
      return;
    }
    this.#noteSuspension();
    if (this.#engine.ackDeadline !== undefined) {
      this.#engine.startAckTime(now());
    }
    this.#watchedDeadline = this.#engine.deadline;
    let at = Math.min(this.#writeDeadline, this.#goneCheck());
    if (this.#flow.isPeerHeldUp) {
      at = Math.min(at, this.#ackDeadline);
    } else {
      at = Math.min(at, this.#engineDeadline, this.#receiveDeadline, this.#idleDeadline);
    }
    this.#timer.set(at);
  }

  /**
   * In class 2 an EA or the DR of the peer may wait in the stream while that is not read, so the peer is not to blame if it
   * takes nothing. But who waits for the peer to take octets reads nothing before it has: that must end.
   */
  #noteSuspension(): void {
    const isSuspended = this.#flow.isPeerHeldUp && !this.#user.awaitsPeer;
    if (isSuspended) {
      this.#suspendedSince ??= now();
    } else if (this.#suspendedSince !== undefined) {
      const time = now();
      this.#engine.postponeAck(this.#suspendedSince, time);
      this.#suspended += time - this.#suspendedSince;
      this.#suspendedSince = undefined;
    }
  }

  get #engineDeadline(): number {
    const { deadline } = this.#engine;
    return deadline === undefined ? NEVER : this.#timer.due(deadline);
  }

  get #writeDeadline(): number {
    const { writeTimeout } = this.#times;
    if (writeTimeout === undefined || this.#sender.pending === 0) {
      return NEVER;
    }
    if (!this.#engine.endsByTpdu) {
      return this.#timer.due(this.#sender.since + writeTimeout);
    }
    const { since } = this.#sender;
    if (since !== this.#writtenAt) {
      this.#writtenAt = since;
      this.#suspendedBefore =
        this.#suspended + Math.max(0, since - (this.#suspendedSince ?? since));
    }
    return this.#suspendedSince === undefined
      ? this.#timer.due(since + writeTimeout + this.#suspended - this.#suspendedBefore)
      : NEVER;
  }

  /** When the EA is overdue although reading is paused. */
  get #ackDeadline(): number {
    const { ackDeadline } = this.#engine;
    return ackDeadline === undefined || this.#suspendedSince !== undefined
      ? NEVER
      : this.#timer.due(ackDeadline);
  }

  get #receiveDeadline(): number {
    const { receiveTimeout } = this.#times;
    if (receiveTimeout === undefined || this.#openedAt === undefined || this.hasPeerEnded) {
      return NEVER;
    }
    if (this.#isClosing) {
      return NEVER;
    }
    const since = Math.max(this.lastReceived, this.#openedAt, this.#flow.resumedAt);
    return this.#timer.due(since + receiveTimeout);
  }

  /** Before the connection is open, the times of the handshake apply; while octets wait, writeTimeout does. */
  get #idleDeadline(): number {
    const { idleTimeout } = this.#times;
    if (idleTimeout === undefined || this.#openedAt === undefined || this.#isClosing) {
      return NEVER;
    }
    if (this.#sender.pending + this.#engine.sendBuffer.length > 0) {
      return NEVER;
    }
    const { resumedAt } = this.#flow;
    const since = Math.max(this.lastReceived, this.#lastTaken, this.#openedAt, resumedAt);
    return this.#timer.due(since + idleTimeout);
  }

  /** A connection that closes has its closeTimeout. */
  get #isClosing(): boolean {
    const { streamRequest, facts } = this.#engine;
    return facts.isReleasing || (streamRequest !== 'none' && !facts.isReceiving);
  }

  /**
   * A stream that is not read does not see that its TCP connection is gone. Once both sides have ended, the
   * closeTimeout is running.
   */
  #goneCheck(): number {
    if (!this.#flow.isPaused && (!this.hasPeerEnded || this.#engine.streamRequest !== 'none')) {
      this.#goneCheckAt = undefined;
      return NEVER;
    }
    this.#goneCheckAt ??= now() + GONE_CHECK;
    return this.#timer.due(this.#goneCheckAt);
  }

  onDeadline(): void {
    const time = now();
    this.#noteSuspension();
    if (time >= this.#goneCheck()) {
      this.#goneCheckAt = undefined;
      if (this.#user.endsWhenGone(time)) {
        return;
      }
    }
    this.#checkTimes(time);
    if (this.#flow.isPeerHeldUp) {
      if (time >= this.#ackDeadline) {
        this.#user.onAckDeadline(time);
      }
    } else if (time >= this.#engineDeadline) {
      this.#user.onEngineDeadline(time);
    }
    this.watch();
  }

  #checkTimes(time: number): void {
    const { idleTimeout, receiveTimeout, writeTimeout } = this.#times;
    if (writeTimeout !== undefined && time >= this.#writeDeadline) {
      const octets = this.#engine.sendBuffer.length + this.#sender.pending;
      this.#timeOut(
        'writeTimeout',
        writeTimeout,
        `the peer took none of ${octets} octets that wait`,
      );
    } else if (this.#flow.isPeerHeldUp) {
      // The peer is not to blame: nothing is read.
    } else if (receiveTimeout !== undefined && time >= this.#receiveDeadline) {
      this.lastReceived = time;
      this.#timeOut('receiveTimeout', receiveTimeout, 'nothing was received from the peer');
    } else if (idleTimeout !== undefined && time >= this.#idleDeadline) {
      this.#lastTaken = time;
      this.#timeOut('idleTimeout', idleTimeout, 'nothing was sent or received');
    }
  }

  #timeOut(timer: TimerName, milliseconds: number, what: string): void {
    const { phase } = this.#engine.facts;
    this.#user.onTimeout(
      new TimeoutError(`${what} within ${milliseconds} ms`, timer, milliseconds, { phase }),
    );
  }
}
