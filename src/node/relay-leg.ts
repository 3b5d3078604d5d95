/**
 * One side of a relay: writes what its connection receives to the other connection, pauses reading while that is full,
 * and ends the other one as this one ends. Knows no codec and no queue.
 */
import type { RunReceiver } from '../core/data-transfer/packet-run.js';
import type { DisconnectHow } from '../core/disconnection.js';
import { ConnectionClosedError, type CotpError } from '../core/errors.js';
import { NO_OCTETS } from '../core/octets/octets.js';
import { DR_REASONS, isDisconnectReason } from '../core/tpdu/codes.js';
import { type Connection, disconnectLike } from './connection/connection.js';
import type { RelayedParts, RelayListener } from './connection/message-connection.js';
import { now } from './deadline-timer.js';

/** What the legs report to the relay that owns them. */
export interface RelayOwner {
  /** The peer has sent FIN, or closing begins. `error` is `undefined` for an orderly end. */
  onEnding(leg: RelayLeg, isLocal: boolean, error: CotpError | undefined): void;
  /** Expedited data came that the other connection cannot send. The engine may be in the middle of a chunk. */
  onNoExpedited(leg: RelayLeg): void;
  onClosed(leg: RelayLeg): void;
}

/** Holds up a relay for other reasons than a full connection. */
export interface RelayGate {
  /** False while {@link ready} would wait. */
  readonly hasRoom: boolean;
  ready(): Promise<void>;
}

/** How a connection is ended because the other one has ended. */
type Consequence = 'close' | 'end' | 'reset' | 'reset behind data' | 'disconnect alike';

/**
 * Milliseconds from the last data of a side that has failed to the reset of the other. A reset drops what the system has
 * not sent yet, and Node does not report when everything was sent.
 */
const FLUSH_TIME = 500;

/** Longest additional information that is passed on: a DR of class 2 must fit in 128 octets. */
const MAX_ADDITIONAL_INFO = 32;

/** What came on one connection. */
export class RelayCounts {
  /** TSDUs, their octets, and expedited data that were written to the other connection. */
  tsdus = 0;
  octets = 0;
  expedited = 0;
  /** Octets, normal and expedited, that could not be written: the other connection was closing. */
  lost = 0;
}

/** The side of one connection. */
export class RelayLeg implements RelayListener, RunReceiver {
  readonly counts = new RelayCounts();
  readonly connection: Connection;
  readonly #parts: RelayedParts;
  readonly #owner: RelayOwner;
  readonly #gate: RelayGate | undefined;
  #other: RelayLeg = this;
  /** Closing has begun, or the relay has failed: nothing is written any more. */
  #isEnding = false;
  /** The connection is closed: a reader that is held up no longer matters. */
  #isClosed = false;
  #isHeld = false;
  #isAtGate = false;
  /** When the stream of this connection last took octets. */
  #lastTaken = Number.NEGATIVE_INFINITY;
  /** Runs while this connection is to be reset, and its peer still takes what came before. */
  #resetTimer: NodeJS.Timeout | undefined;

  constructor(connection: Connection, owner: RelayOwner, gate: RelayGate | undefined) {
    this.connection = connection;
    this.#parts = connection.relayedParts;
    this.#owner = owner;
    this.#gate = gate;
  }

  /** Makes two legs the sides of one relay. */
  static join(a: RelayLeg, b: RelayLeg): void {
    a.#other = b;
    b.#other = a;
  }

  /** Passes on what waits, and then all that comes. */
  start(): void {
    if (this.#other.connection.info.tpClass === 0) {
      this.#parts.engine.deliverRunsTo(this);
    }
    this.connection.startRelay(this);
    this.#update();
  }

  /** Stops writing to this connection. Its end is not reported. */
  stop(): void {
    this.#isEnding = true;
  }

  onMessage(message: Uint8Array): void {
    const other = this.#other;
    if (!other.#takesData) {
      this.counts.lost += message.length;
      return;
    }
    this.counts.tsdus += 1;
    this.counts.octets += message.length;
    other.#parts.driver.write(message);
  }

  /** A run is sent as it came, so it has no TPDU that the other connection may not send. */
  get maxTpduSize(): number {
    return this.#other.connection.info.maxTpduSize;
  }

  onRun(packets: Uint8Array, tsdus: number, octets: number): void {
    const other = this.#other;
    if (!other.#takesData) {
      this.counts.lost += octets;
      return;
    }
    this.counts.tsdus += tsdus;
    this.counts.octets += octets;
    other.#parts.driver.write(packets, tsdus);
  }

  /** At once, not at the end of the chunk: expedited data must not arrive behind data that came after it. */
  //= X.224 6.11.1.4 para 1
  onExpedited(data: Uint8Array): void {
    const other = this.#other;
    if (!other.#takesData) {
      this.counts.lost += data.length;
    } else if (other.connection.info.expedited) {
      this.counts.expedited += 1;
      const { driver, engine } = other.#parts;
      driver.command(() => engine.sendExpedited(data));
      // An EA may be due now, so the other connection is read on.
      other.#update();
    } else {
      this.counts.lost += data.length;
      this.#owner.onNoExpedited(this);
    }
  }

  onChunkEnd(): void {
    this.#update();
  }

  onWritten(): void {
    this.#lastTaken = now();
    if (this.#other.#isHeld) {
      this.#other.#update();
    }
    if (this.#isHeld) {
      // An ED that has waited may have left.
      this.#update();
    }
  }

  onPeerFin(): void {
    this.#owner.onEnding(this, false, undefined);
    this.#other.#endBy('end');
  }

  onClosing(error: CotpError, isOrderly: boolean): void {
    if (this.#isEnding) {
      return;
    }
    this.#isEnding = true;
    const isLocal = error.ending === 'local';
    this.#owner.onEnding(this, isLocal, isOrderly ? undefined : error);
    const other = this.#other;
    const consequence = consequenceOf(error, isOrderly, other.connection.info.tpClass);
    other.#endBy(consequence, error);
    // The other connection takes no more data, so reading for it need not pause.
    this.#update();
  }

  onClosed(): void {
    clearTimeout(this.#resetTimer);
    this.#isEnding = true;
    this.#isClosed = true;
    this.#owner.onClosed(this);
  }

  /** Whether this connection still sends. After `destroy` the engine does not know yet. */
  get #takesData(): boolean {
    return !this.#isEnding && this.#parts.engine.facts.isSending;
  }

  /**
   * Pauses reading while more than `writeHighWaterMark` octets wait on the other side, or the gate is closed. While an EA
   * is due on this connection, it is read on up to `maxWriteBuffer`: no data leaves before the EA, which comes behind the
   * data of the peer, and two relays or two sides could wait for each other for ever.
   */
  #update(): void {
    if (this.#isClosed) {
      return;
    }
    const { driver, writeHighWaterMark, maxWriteBuffer } = this.#other.#parts;
    const most = this.#parts.engine.sendBuffer.isAckDue ? maxWriteBuffer : writeHighWaterMark;
    const isFull = this.#other.#takesData && driver.held > most;
    const isHeld = isFull || this.#waitsAtGate();
    if (isHeld !== this.#isHeld) {
      this.#isHeld = isHeld;
      if (isHeld) {
        this.#parts.limits.hold();
      } else {
        this.#parts.limits.release();
      }
    }
  }

  #waitsAtGate(): boolean {
    const gate = this.#gate;
    if (gate !== undefined && !gate.hasRoom && !this.#isAtGate) {
      this.#isAtGate = true;
      void gate.ready().then(() => {
        this.#isAtGate = false;
        this.#update();
      });
    }
    return this.#isAtGate;
  }

  #endBy(consequence: Consequence, error?: CotpError): void {
    if (this.#isEnding) {
      return;
    }
    const { connection } = this;
    switch (consequence) {
      case 'end':
        // Class 2 has no half-close.
        if (connection.info.tpClass === 2) {
          connection.close();
        } else {
          connection.end();
        }
        break;
      case 'close':
        connection.close();
        break;
      case 'disconnect alike':
        disconnectLike(connection, partsOfDr(error));
        break;
      case 'reset':
        connection.destroy();
        break;
      case 'reset behind data':
        this.#resetBehindData();
        break;
    }
  }

  #resetBehindData(): void {
    const time = now();
    const last = this.#parts.driver.buffered > 0 ? time : this.#lastTaken;
    const wait = last + FLUSH_TIME - time;
    if (wait > 0) {
      this.#resetTimer = setTimeout(() => this.connection.destroy(), wait);
    } else {
      this.connection.destroy();
    }
  }
}

/** How the other connection, of that class, ends when one has ended by this error. */
function consequenceOf(error: CotpError, isOrderly: boolean, tpClass: 0 | 2): Consequence {
  const { ending } = error;
  if (ending === 'dr' && tpClass === 2 && (isOrderly || !seemsClean(error))) {
    return 'disconnect alike';
  }
  if (!isOrderly) {
    return ending === 'local' ? 'reset' : 'reset behind data';
  }
  return ending === 'fin' ? 'end' : 'close';
}

/** Whether a DR, passed on unchanged, would mean to the other peer that no data was lost. */
function seemsClean(error: CotpError): boolean {
  return (
    error instanceof ConnectionClosedError &&
    error.reason === DR_REASONS.normal &&
    error.nonDisruptive !== false
  );
}

/** The parts of a received DR that a DR of ours may have. */
function partsOfDr(error: CotpError | undefined): DisconnectHow {
  if (!(error instanceof ConnectionClosedError)) {
    return {};
  }
  const { reason = DR_REASONS.normal, userData, additionalInfo = NO_OCTETS, nonDisruptive } = error;
  // The relay cannot vouch that all data came before a DR that reports a failure.
  const isFalse = nonDisruptive === true && reason !== DR_REASONS.normal;
  const isPassed = additionalInfo.length <= MAX_ADDITIONAL_INFO && !isFalse;
  return {
    // A tolerant reading takes every reason; none but those of X.224 may be sent.
    reason: isDisconnectReason(reason) ? reason : DR_REASONS.notSpecified,
    userData,
    // None is not the same as `undefined`, for which 0xE0 = 0x80 would say that no data is lost.
    additionalInfo: isPassed ? additionalInfo : NO_OCTETS,
  };
}
