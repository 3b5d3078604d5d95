/**
 * Expedited data of one connection (X.224 6.11, RFC 2126 4.2.2): the number of the next ED, and when its EA is due.
 */
import { CotpError, TimeoutError } from '../errors.js';
import { MAX_USER_DATA } from '../tpdu/codes.js';
import { encode } from '../tpdu/encode.js';

/** ED-TPDU-NR counts modulo 128. It has no meaning in class 2; it makes traces readable. */
const MODULUS = 128;

/** A deadline in the past, from the moment an ED has left until the time of that moment is known. */
const TIME_UNKNOWN = 0;

/** The state of expedited data. */
//= X.224 6.11.1.4 para 1
export class Expedited {
  readonly isAgreed: boolean;
  /** Each ED is answered by an EA. */
  readonly isAcknowledged: boolean;
  /** When the EA must have come; `undefined` if none is due. */
  ackDeadline: number | undefined;
  readonly #timeout: number;
  #next = 0;

  /** @param timeout milliseconds within which an EA must come; 0 for no limit */
  constructor(isAgreed: boolean, isAcknowledged: boolean, timeout = 0) {
    this.isAgreed = isAgreed;
    this.isAcknowledged = isAcknowledged;
    this.#timeout = timeout;
  }

  /** @throws RangeError for another length than 1 to 16 octets */
  //= X.224 6.11.1.4 para 4
  //= X.224 13.8.5
  static check({ length }: Uint8Array): void {
    const most = MAX_USER_DATA.expedited;
    if (length < 1 || length > most) {
      throw new RangeError(`expedited data: 1 to ${most} octets expected, got ${length}`);
    }
  }

  /** The number of the next ED. */
  takeNumber(): number {
    const number = this.#next;
    this.#next = (number + 1) % MODULUS;
    return number;
  }

  /** An ED has left. The core has no clock: its time begins with the next call of {@link start}. */
  sent(): void {
    if (this.isAcknowledged && this.#timeout > 0) {
      this.ackDeadline = TIME_UNKNOWN;
    }
  }

  /** Starts the time of an ED that has left, unless it runs already. */
  start(now: number): void {
    if (this.ackDeadline === TIME_UNKNOWN) {
      this.ackDeadline = now + this.#timeout;
    }
  }

  /** Whether the EA is overdue at this time. */
  isOverdue(now: number): boolean {
    this.start(now);
    return now >= (this.ackDeadline ?? Number.POSITIVE_INFINITY);
  }

  /** Moves the deadline: the peer was not read from one time to another. What came before the ED does not count. */
  postpone(from: number, to: number): void {
    if (this.ackDeadline !== undefined && this.ackDeadline !== TIME_UNKNOWN) {
      const hasLeft = this.ackDeadline - this.#timeout;
      this.ackDeadline += Math.max(0, to - Math.max(from, hasLeft));
    }
  }

  /** The error for an EA that has not come in time. It has no phase yet: the user may have begun to close. */
  overdue(): CotpError {
    return new TimeoutError(
      `no EA for expedited data within ${this.#timeout} ms`,
      'writeTimeout',
      this.#timeout,
    );
  }
}

/** Encodes the EA for the ED with this number. */
//= X.224 6.11.1.4 para 2
export function acknowledgementOf(number: number, remoteRef: number): Uint8Array {
  return encode({ type: 'EA', dstRef: remoteRef, yrEdtuNr: number });
}

/** The error of a call that needs expedited data on a connection that has not agreed on it. */
export function noExpedited(tpClass: 0 | 2): CotpError {
  return new CotpError(
    'ERR_COTP_NO_EXPEDITED',
    `expedited data was not agreed on when this connection of class ${tpClass} was opened`,
    { phase: 'open', hint: 'both sides need the expedited option, and the CC must grant it' },
  );
}
