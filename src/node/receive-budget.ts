/**
 * The memory that received octets keep in all connections of one server together. Knows neither protocol
 * nor sockets.
 *
 * Two kinds of octets are counted: those of messages that nobody has read yet, and those of messages that
 * are not complete. The first kind goes away when the application reads, so reading from the peer pauses.
 * The second kind goes away only when the peer completes its message, so the connection that holds most
 * ends. A connection that holds little of a kind is never affected by it: a floor of each is not counted.
 */
import process from 'node:process';
import { TsduTooLargeError } from '../core/errors.js';

/** Octets of each connection that the sum does not count. */
export const RECEIVE_FLOOR = 65_536;

/**
 * Near the limit, what keeps more memory than this is copied, to keep only what it needs. Of a message that
 * keeps more than the second figure little would be gained, and to copy it with each chunk would cost more the
 * longer it is. One of {@link RECEIVE_FLOOR} octets keeps at most twice those and 128 KiB.
 */
const COMPACT_FROM = 16_384;
const COMPACT_TO = 4 * RECEIVE_FLOOR;

/** From this part of the limit on, connections with unread messages beyond their floor pause. */
const NEAR = 0.75;

/** What the budget asks of a connection. */
export interface ReceiveHolder {
  /** {@link ReceiveShare.mustPause} has changed. */
  onPauseChange(): void;
  /** Copies what is unfinished, so that it keeps no more memory than it needs; gives how much that is. */
  compact(): number;
  /** The connection ends: of all it holds most, and the sum is above the limit. */
  onLimit(error: TsduTooLargeError): void;
}

/** The octets of all connections of a server. */
export class ReceiveBudget {
  readonly #limit: number;
  readonly #near: number;
  readonly #beyondFloor = new Set<ReceiveShare>();
  readonly #paused = new Set<ReceiveShare>();
  #held = 0;

  /** @param limit octets that all connections may hold together beyond their floors */
  constructor(limit: number) {
    this.#limit = limit;
    this.#near = Math.floor(NEAR * limit);
  }

  /** Octets held now, less the floor of each connection. */
  get held(): number {
    return this.#held;
  }

  /** Whether the limit is near once so many octets more are held. */
  isTight(more = 0): boolean {
    return this.#held + more >= this.#near;
  }

  /** Makes the share of one connection. */
  share(holder: ReceiveHolder): ReceiveShare {
    return new ReceiveShare(this, holder);
  }

  /** @internal The octets of a share beyond its floor have changed by so many. */
  charge(share: ReceiveShare, change: number): void {
    const { beyondFloor } = share;
    this.#held += change;
    if (beyondFloor === 0) {
      this.#beyondFloor.delete(share);
    } else if (beyondFloor === change) {
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

  #onMore(share: ReceiveShare): void {
    if (this.isTight() && share.unread > RECEIVE_FLOOR) {
      this.#pause(share);
    }
    if (this.#held > this.#limit) {
      this.#makeRoom(share);
    }
  }

  /**
   * There is more room. A connection that waits to complete a message may resume as soon as the sum is within
   * the limit: if all of them waited until it is well below, and nobody had anything to read, none ever would.
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
      // An application that is reading makes more room with its next read. Here there is none to wait for.
      this.#makeRoom(undefined);
    }
  }

  /**
   * Above the limit: the connection ends that holds most of an unfinished message. But where others hold more
   * that waits to be read, their applications have to read, and who needs more waits for that.
   *
   * @param needing the share that has grown, if one has
   */
  #makeRoom(needing: ReceiveShare | undefined): void {
    let largest = needing;
    for (const each of this.#beyondFloor) {
      if (largest === undefined || each.beyondFloor > largest.beyondFloor) {
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
          `unfinished and unread TSDUs of at most ${this.#limit} octets were expected from all peers together; ` +
            `more came, and of them this peer holds most, ${largest.unfinished} octets of an unfinished one`,
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

/** What one connection holds of a {@link ReceiveBudget}. */
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

  /** Octets of messages that wait to be read. */
  get unread(): number {
    return this.#unread;
  }

  /** Octets of messages that are not complete. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Whether it holds anything, as {@link hold} was told last. */
  get holdsAny(): boolean {
    return this.#unread + this.#unfinished > 0;
  }

  /** Whether any of it counts. */
  get isCharged(): boolean {
    return this.#unread + this.#unfinished > RECEIVE_FLOOR;
  }

  /** Octets that count: those beyond the floor. */
  get beyondFloor(): number {
    return Math.max(0, this.#unread + this.#unfinished - RECEIVE_FLOOR);
  }

  /** Reading from the peer is to pause until there is room for all. */
  get mustPause(): boolean {
    return this.#mustPause;
  }

  /** Says what the connection holds now, in octets of memory. */
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
    // A chunk that is kept for a few octets of it must not count as much as what others need.
    const isSmall = unfinished > COMPACT_FROM && unfinished <= COMPACT_TO;
    if (isSmall && this.#budget.isTight(this.beyondFloor - before)) {
      this.#unfinished = this.#holder.compact();
    }
    this.#budget.charge(this, this.beyondFloor - before);
  }

  /** The connection is gone: it holds nothing any more. */
  close(): void {
    this.hold(0, 0);
    this.#hasEnded = true;
  }

  /** @internal For the budget. */
  setMustPause(mustPause: boolean): void {
    this.#mustPause = mustPause;
    this.#holder.onPauseChange();
  }

  /** @internal For the budget. The holder is in the middle of a chunk, its own or that of another one. */
  end(error: TsduTooLargeError): void {
    this.close();
    process.nextTick(() => this.#holder.onLimit(error));
  }
}
