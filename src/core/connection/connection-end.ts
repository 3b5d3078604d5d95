/**
 * The end of one connection: its closeTimeout, and the record of how it ended. Knows no states.
 */
import type { DisconnectDetails, Disconnection } from '../disconnection.js';
import type { CotpError, Ending } from '../errors.js';

/** How a connection ends. */
export class ConnectionEnd {
  /** The FIN of the peer has come. */
  hasPeerEnded = false;
  /** This side has dropped the stream: the lost octets are counted, and its FIN may not have left. */
  isDropped = false;
  #closeBy: number | undefined;
  #disconnection: Disconnection | undefined;

  /** What is known so far; `undefined` while the connection is neither closing nor closed. */
  get disconnection(): Disconnection | undefined {
    return this.#disconnection;
  }

  /**
   * When closeTimeout ends. The first call starts it, and nothing restarts it: it bounds the whole time from the
   * request to close to the end of TCP.
   */
  closeBy(now: number, closeTimeout: number): number {
    this.#closeBy ??= now + closeTimeout;
    return this.#closeBy;
  }

  /** The local user has ended the connection. An earlier end stays. */
  byUser(): void {
    this.#disconnection ??= ended('local');
  }

  /** An error has ended the connection. It replaces an earlier end by the user. */
  byError(error: CotpError, lost: number, details: Partial<DisconnectDetails>): Disconnection {
    const ending = error.ending ?? 'garbage';
    const unsent = (this.isDropped ? 0 : lost) + (this.#disconnection?.unsent ?? 0);
    this.#disconnection = { ...ended(ending), unsent, ...reasonOf(error), ...details };
    return this.#disconnection;
  }

  /**
   * The stream is closed. An earlier end stays.
   *
   * @param unsent octets that the stream has not taken
   */
  byStream(ending: Ending, unsent: number): void {
    this.#disconnection ??= ended(ending);
    this.addUnsent(unsent);
  }

  /** Counts octets of user data that were dropped, or that the stream has not taken. */
  addUnsent(octets: number): void {
    if (octets > 0 && !this.isDropped) {
      const known = this.#known;
      this.#disconnection = { ...known, unsent: known.unsent + octets };
    }
  }

  /** The peer has confirmed the end. */
  confirmed(): void {
    const known = this.#known;
    const { ending, unsent, reason } = known;
    // Without a reason there is no other detail of a DR, and no object to copy.
    this.#disconnection =
      reason === undefined ? { ending, confirmed: true, unsent } : { ...known, confirmed: true };
  }

  get #known(): Disconnection {
    return this.#disconnection ?? ended('local');
  }
}

function ended(ending: Ending): Disconnection {
  return { ending, confirmed: false, unsent: 0 };
}

function reasonOf(error: CotpError): Pick<Disconnection, 'reason'> {
  const { reason } = error as { reason?: number | undefined };
  return error.ending === 'dr' ? { reason } : {};
}
