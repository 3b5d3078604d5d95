/**
 * Limits the memory that received octets use in all connections of one server together. Knows neither protocol
 * nor sockets.
 *
 * Two kinds of octets are counted: those of unread messages, and those of incomplete messages. The application
 * releases the first kind by reading, so reading from the peer pauses. Only the peer can complete a message, so
 * for the second kind the connection that uses most is closed. A connection that uses little of a kind is never
 * affected by it: the first octets of each connection are not counted.
 */
import process from 'node:process';
import { TsduTooLargeError } from '../../core/errors.js';

/** Octets of each connection that are not counted. */
export const RECEIVE_FLOOR = 65_536;

/**
 * Near the limit, an incomplete message is copied if it uses more memory than the first figure and at most the
 * second. The copy uses only its own octets. Copying a longer message with each chunk would cost more than it
 * gains. A message of {@link RECEIVE_FLOOR} octets uses at most twice as much, plus 128 KiB.
 */
const COMPACT_FROM = 16_384;
const COMPACT_TO = 4 * RECEIVE_FLOOR;

/** Above this part of the limit, connections with more than {@link RECEIVE_FLOOR} unread octets pause. */
const NEAR = 0.75;

/** What the budget calls on a connection. */
export interface ReceiveHolder {
  /** {@link ReceiveShare.mustPause} has changed. */
  onPauseChange(): void;
  /** Copies the incomplete message, so that it uses only its own octets. Returns how many it uses then. */
  compact(): number;
  /** The connection must end: the sum is above the limit, and it uses most. */
  onLimit(error: TsduTooLargeError): void;
}

/** The octets of all connections of a server. */
export class ReceiveBudget {
  readonly #limit: number;
  readonly #near: number;
  /**
   * The shares that are or were beyond the floor, until they are closed. A message may take a share beyond the floor and
   * back: V8 would replace the table of the set again and again, and each old table keeps the next one.
   */
  readonly #beyondFloor = new Set<ReceiveShare>();
  readonly #paused = new Set<ReceiveShare>();
  #held = 0;

  /** @param limit most octets of all connections together, without those that are not counted */
  constructor(limit: number) {
    this.#limit = limit;
    this.#near = Math.floor(NEAR * limit);
  }

  /** Counted octets now. */
  get held(): number {
    return this.#held;
  }

  /** Whether the limit is near when `more` octets are added. */
  isTight(more = 0): boolean {
    return this.#held + more >= this.#near;
  }

  /** Makes the share of one connection. */
  share(holder: ReceiveHolder): ReceiveShare {
    return new ReceiveShare(this, holder);
  }

  /** @internal The counted octets of a share have changed by `change`. */
  charge(share: ReceiveShare, change: number): void {
    const { beyondFloor } = share;
    this.#held += change;
    if (beyondFloor > 0 && beyondFloor === change) {
      this.#beyondFloor.add(share);
    }
    if (share.mustPause && share.unread <= RECEIVE_FLOOR && share.unfinished <= RECEIVE_FLOOR) {
      this.#continue(share);
    }
    if (change < 0) {
      this.#onLess(share);
    } else if (beyondFloor > 0) {
      this.#onMore(share);
    }
  }

  /** @internal The connection of a share is closed. */
  remove(share: ReceiveShare): void {
    this.#beyondFloor.delete(share);
  }

  #onMore(share: ReceiveShare): void {
    if (this.isTight() && share.unread > RECEIVE_FLOOR) {
      this.#pause(share);
    }
    if (this.#held > this.#limit) {
      this.#makeRoom(share);
    }
  }

  /**
   * There is more room. A connection that pauses because of an incomplete message resumes as soon as the sum is
   * within the limit. If it waited until the sum is well below, and no connection had unread messages, it would
   * wait for ever.
   */
  #onLess(share: ReceiveShare): void {
    if (this.#paused.size === 0 && this.#held <= this.#limit) {
      return;
    }
    if (!this.isTight()) {
      this.#continueAll(() => true);
    } else if (this.#held <= this.#limit) {
      this.#continueAll(({ unread }) => unread <= RECEIVE_FLOOR);
    } else if (share.unread === 0) {
      // Nothing of this connection is left to read, so no read of it will make more room.
      this.#makeRoom(undefined);
    }
  }

  /**
   * The sum is above the limit. The connection that uses most ends, if most of that is an incomplete message.
   * Otherwise its application has to read, and `needing` pauses until then.
   *
   * @param needing the share that has grown, if any
   */
  #makeRoom(needing: ReceiveShare | undefined): void {
    let largest = needing;
    for (const each of this.#beyondFloor) {
      if (each.beyondFloor === 0) {
        this.#beyondFloor.delete(each);
      } else if (largest === undefined || each.beyondFloor > largest.beyondFloor) {
        largest = each;
      }
    }
    if (
      largest !== undefined &&
      largest.unfinished > RECEIVE_FLOOR &&
      largest.unfinished >= largest.unread
    ) {
      largest.end(
        new TsduTooLargeError(
          `at most ${this.#limit} octets of unread and incomplete TSDUs were expected on all connections together; ` +
            `there are more, and this connection has most of them: ${largest.unfinished} octets of an incomplete TSDU`,
          { phase: 'open', hint: 'maxReceiveBuffer sets the limit' },
        ),
      );
    } else if (needing !== undefined && needing.unfinished > RECEIVE_FLOOR) {
      this.#pause(needing);
    }
  }

  #pause(share: ReceiveShare): void {
    if (!this.#paused.has(share)) {
      this.#paused.add(share);
      share.setMustPause(true);
    }
  }

  #continue(share: ReceiveShare): void {
    if (this.#paused.delete(share)) {
      share.setMustPause(false);
    }
  }

  #continueAll(which: (share: ReceiveShare) => boolean): void {
    for (const share of [...this.#paused].filter(which)) {
      this.#continue(share);
    }
  }
}

/** The part of one connection in a {@link ReceiveBudget}. */
export class ReceiveShare {
  readonly #budget: ReceiveBudget;
  readonly #holder: ReceiveHolder;
  #unread = 0;
  #unfinished = 0;
  #mustPause = false;
  #hasEnded = false;

  /** @internal Shares come from {@link ReceiveBudget.share}. */
  constructor(budget: ReceiveBudget, holder: ReceiveHolder) {
    this.#budget = budget;
    this.#holder = holder;
  }

  /** Octets of unread messages. */
  get unread(): number {
    return this.#unread;
  }

  /** Octets of incomplete messages. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Whether any octets are counted. */
  get isCharged(): boolean {
    return this.#unread + this.#unfinished > RECEIVE_FLOOR;
  }

  /** Counted octets. */
  get beyondFloor(): number {
    return Math.max(0, this.#unread + this.#unfinished - RECEIVE_FLOOR);
  }

  /** Whether reading from the peer must pause. */
  get mustPause(): boolean {
    return this.#mustPause;
  }

  /** Sets what the connection uses now, in octets of memory. */
  hold(unread: number, unfinished: number): void {
    if (this.#hasEnded) {
      return;
    }
    const before = this.beyondFloor;
    this.#unread = unread;
    this.#unfinished = unfinished;
    if (before === 0 && !this.isCharged) {
      return;
    }
    // A chunk that is kept in memory for a few of its octets must not take the room of others.
    const isSmall = unfinished > COMPACT_FROM && unfinished <= COMPACT_TO;
    if (isSmall && this.#budget.isTight(this.beyondFloor - before)) {
      this.#unfinished = this.#holder.compact();
    }
    this.#budget.charge(this, this.beyondFloor - before);
  }

  /** The connection is closed and uses nothing any more. */
  close(): void {
    this.hold(0, 0);
    this.#hasEnded = true;
    this.#budget.remove(this);
  }

  /** @internal For the budget. */
  setMustPause(mustPause: boolean): void {
    this.#mustPause = mustPause;
    this.#holder.onPauseChange();
  }

  /** @internal For the budget. Some connection is in the middle of a chunk, so the holder is called later. */
  end(error: TsduTooLargeError): void {
    this.close();
    process.nextTick(() => this.#holder.onLimit(error));
  }
}
