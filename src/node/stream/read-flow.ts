/**
 * Decides whether the stream of a connection is read now. Reading pauses if the user takes no more messages, if the
 * connection has used up its turn of the event loop, or if the engine has no room. Knows no protocol.
 */
import type { Duplex } from 'node:stream';
import type { Engine } from '../../core/engine.js';
import { now } from '../deadline-timer.js';
import { isSystemSocket } from './streams.js';

/**
 * Work for one connection between two pauses in which the others are served, in octets: those received, and for each TPDU
 * as many as could be copied in the time that it takes. Of a socket only the work of TPDUs beyond their octets counts,
 * because Node takes at most 2 MiB from one socket (32 reads of 64 KiB) before it serves the next one, and a pause costs
 * time (docs/performance-notes.md).
 */
const TURN = 4_194_304;
const OCTETS_PER_TPDU = 256;

/** Pauses and resumes one stream. */
export class ReadFlow {
  /** The stream is paused, for any of the reasons. */
  isPaused = false;
  /** Octets received so far. */
  received = 0;
  /** When the user last resumed reading, in milliseconds. Deadlines of the peer do not count the time before. */
  resumedAt = Number.NEGATIVE_INFINITY;
  readonly #stream: Duplex;
  readonly #engine: Engine;
  readonly #isSystemSocket: boolean;
  /** When the user paused reading; `undefined` while the user takes messages. */
  #pausedSince: number | undefined;
  /** The connection has used its turn of the event loop: other connections are served first. */
  #isWaitingForTurn = false;
  /** Work since the last pause for others, and the part of `work` of the engine that is counted already. */
  #turn = 0;
  #countedWork = 0;
  #isGone = false;

  constructor(stream: Duplex, engine: Engine) {
    this.#stream = stream;
    this.#engine = engine;
    this.#isSystemSocket = isSystemSocket(stream);
  }

  /** The user takes no more messages for now. */
  get isPausedByUser(): boolean {
    return this.#pausedSince !== undefined;
  }

  /** The user has paused reading, and this has an effect on the peer. */
  get isPeerHeldUp(): boolean {
    return this.#pausedSince !== undefined && this.#mayBePaused;
  }

  /** Reading never pauses while a connection is released: its user takes no messages, but its end must arrive. */
  get #mayBePaused(): boolean {
    return this.#engine.facts.isReceiving && !this.#engine.facts.isReleasing;
  }

  /** Pauses because the user takes no more messages: octets stay in TCP. */
  pause(time: number): void {
    if (this.#mayBePaused) {
      this.#pausedSince = time;
      this.update(time);
    }
  }

  /** Resumes because the user takes messages again. The deadlines of the peer move by the time of the pause. */
  resume(time: number): void {
    if (this.#pausedSince !== undefined) {
      this.#engine.postponeDeadline(time - this.#pausedSince);
      this.#pausedSince = undefined;
      this.resumedAt = time;
      this.update(time);
    }
  }

  /** Counts received octets. A connection that receives many must not make the others wait. */
  count(octets: number, time: number): void {
    const { work } = this.#engine;
    const processing = OCTETS_PER_TPDU * (work - this.#countedWork);
    this.#countedWork = work;
    this.#turn += this.#isSystemSocket ? Math.max(0, processing - octets) : processing + octets;
    if (this.#turn >= TURN) {
      this.#turn = 0;
      this.#isWaitingForTurn = true;
      setImmediate(ReadFlow.#onTurn, this);
      this.update(time);
    }
  }

  static #onTurn(flow: ReadFlow): void {
    flow.#isWaitingForTurn = false;
    flow.update(now());
  }

  /**
   * TCP has ended. Reads what the system has still buffered, even if many messages wait: behind it the stream reports
   * how TCP ended.
   */
  readToEnd(time: number): void {
    this.#isGone = true;
    this.update(time);
  }

  /**
   * Pauses or resumes the stream. It is never paused while the engine processes no octets: they are dropped, and the
   * stream must be read to its end to notice that.
   */
  update(time: number): void {
    if (this.#pausedSince !== undefined && !this.#mayBePaused) {
      // The user reads nothing more: the pause ends, and its time must not count as idle time.
      this.#engine.postponeDeadline(time - this.#pausedSince);
      this.#pausedSince = undefined;
      this.resumedAt = time;
    }
    const isPaused =
      (this.#pausedSince !== undefined || this.#isWaitingForTurn || !this.#engine.hasRoom) &&
      this.#engine.facts.isReceiving &&
      !this.#isGone;
    // `resume` would make a destroyed stream drop its octets. The driver reads them when the stream closes.
    if (isPaused !== this.isPaused && !this.#stream.destroyed) {
      this.isPaused = isPaused;
      if (isPaused) {
        //= X.224 8.1
        this.#stream.pause();
      } else {
        this.#stream.resume();
      }
    }
  }
}
