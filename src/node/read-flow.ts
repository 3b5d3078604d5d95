/**
 * Whether the stream of a connection is read now. Three things pause it: the user who takes no more messages, the
 * turn of the event loop that the connection has used up, and an engine that has no room. Knows no protocol.
 */
import type { Duplex } from 'node:stream';
import type { Engine } from '../core/engine.js';

/**
 * Work for one connection before the other connections are served, in octets: those
 * received, and as many for each TPDU as could be copied while it is processed.
 */
const TURN = 4_194_304;
const OCTETS_PER_TPDU = 256;

/** Pauses and resumes one stream. */
export class ReadFlow {
  /** The stream is paused, for whatever reason. */
  isPaused = false;
  /** It was paused before. */
  hasPaused = false;
  /** The user's last pause ended then, in milliseconds; the peer is not to blame for what it did not do before. */
  resumedAt = Number.NEGATIVE_INFINITY;
  readonly #stream: Duplex;
  readonly #engine: Engine;
  /** When the user paused reading; `undefined` while messages are taken. */
  #pausedSince: number | undefined;
  /** The connection has used its turn of the event loop: other connections are served first. */
  #isWaitingForTurn = false;
  /** Work of this turn so far, and the work of the engine that is counted in it. */
  #turn = 0;
  #countedWork = 0;
  #isGone = false;

  constructor(stream: Duplex, engine: Engine) {
    this.#stream = stream;
    this.#engine = engine;
  }

  /** The user takes no more messages for now. */
  get isPausedByUser(): boolean {
    return this.#pausedSince !== undefined;
  }

  /** The user has paused reading, and this has an effect on the peer. */
  get isPeerHeldUp(): boolean {
    return this.#pausedSince !== undefined && this.#mayBePaused;
  }

  /** A connection whose end is all that is awaited is read whatever waits: its user takes no messages any more. */
  get #mayBePaused(): boolean {
    return this.#engine.isReceiving && !this.#engine.isReleasing;
  }

  /** The user takes no more messages: octets stay in TCP. */
  pause(time: number): void {
    if (this.#mayBePaused) {
      this.#pausedSince = time;
      this.update(time);
    }
  }

  /** The user takes messages again. The deadlines of the peer were suspended meanwhile. */
  resume(time: number): void {
    if (this.#pausedSince !== undefined) {
      this.#engine.postponeDeadline(time - this.#pausedSince);
      this.#pausedSince = undefined;
      this.resumedAt = time;
      this.update(time);
    }
  }

  /** Counts what was received: one connection that receives much must not keep the others waiting. */
  count(octets: number, time: number): void {
    const { work } = this.#engine;
    this.#turn += octets + OCTETS_PER_TPDU * (work - this.#countedWork);
    this.#countedWork = work;
    if (this.#turn >= TURN) {
      this.#turn = 0;
      this.#isWaitingForTurn = true;
      setImmediate(ReadFlow.#onTurn, this);
      this.update(time);
    }
  }

  static #onTurn(flow: ReadFlow): void {
    flow.#isWaitingForTurn = false;
    flow.update(flow.resumedAt);
  }

  /**
   * TCP is gone. What it still holds is read, however much waits already: it is no more than the system has
   * buffered, and at its end the stream is told how TCP ended.
   */
  readToEnd(time: number): void {
    this.#isGone = true;
    this.update(time);
  }

  /**
   * Pauses or resumes the stream. An engine that processes no more octets must not be paused, whatever the
   * reason: what comes is dropped then, and only so the end of the stream is seen.
   */
  update(time: number): void {
    if (this.#pausedSince !== undefined && !this.#mayBePaused) {
      // Nothing more is to be read: the pause is over, and must not count as idle.
      this.#engine.postponeDeadline(time - this.#pausedSince);
      this.#pausedSince = undefined;
      this.resumedAt = time;
    }
    const isPaused =
      (this.#pausedSince !== undefined || this.#isWaitingForTurn || !this.#engine.hasRoom) &&
      this.#engine.isReceiving &&
      !this.#isGone;
    // A stream that was destroyed drops what it is asked to hand on; what it has is read when it closes.
    if (isPaused !== this.isPaused && !this.#stream.destroyed) {
      this.isPaused = isPaused;
      if (isPaused) {
        this.hasPaused = true;
        //= X.224 8.1
        this.#stream.pause();
      } else {
        this.#stream.resume();
      }
    }
  }
}
