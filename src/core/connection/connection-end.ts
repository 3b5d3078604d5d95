/**
 * The end of one connection: its close clock, and the record of how it came about. Knows no states.
 */
import type { DisconnectDetails, Disconnection } from '../disconnection.js';
import type { CotpError, Ending } from '../errors.js';

/** How a connection ends. */
export class ConnectionEnd {
  /** The FIN of the peer has come. */
  hasPeerEnded = false;
  /** What is lost has been counted. */
  isUnsentFinal = false;
  #closeBy: number | undefined;
  #disconnection: Disconnection | undefined;

  /** What is known so far; `undefined` while the connection goes on. */
  get disconnection(): Disconnection | undefined {
    return this.#disconnection;
  }

  /**
   * When the close clock runs out. It starts with the first call: one clock bounds everything from the wish to close
   * to the end of TCP, and no change of state restarts it.
   */
  closeBy(now: number, closeTimeout: number): number {
    this.#closeBy ??= now + closeTimeout;
    return this.#closeBy;
  }

  /** The local user has ended it; what came before stays. */
  byUser(): void {
    this.#disconnection ??= ended('local');
  }

  /** It has ended by an error, which counts more than that the user was closing it. */
  byError(error: CotpError, lost: number, details: Partial<DisconnectDetails>): Disconnection {
    const ending = error.ending ?? 'garbage';
    const unsent = (this.isUnsentFinal ? 0 : lost) + (this.#disconnection?.unsent ?? 0);
    this.#disconnection = { ...ended(ending), unsent, ...reasonOf(error), ...details };
    return this.#disconnection;
  }

  /** The stream is closed: by what, where nothing else has ended it, and how many octets it has not taken. */
  byStream(ending: Ending, unsent: number): void {
    this.#disconnection ??= ended(ending);
    this.addUnsent(unsent);
  }

  /** Octets that were dropped, or not taken. */
  addUnsent(octets: number): void {
    const so = this.#disconnection ?? ended('local');
    if (octets > 0 && !this.isUnsentFinal) {
      this.#disconnection = { ...so, unsent: so.unsent + octets };
    }
  }

  /** The peer has confirmed it. */
  confirmed(): void {
    const so = this.#disconnection;
    const isBare = so === undefined || (so.unsent === 0 && so.reason === undefined);
    this.#disconnection = isBare
      ? { ending: so?.ending ?? 'local', confirmed: true, unsent: 0 }
      : { ...so, confirmed: true };
  }
}

function ended(ending: Ending): Disconnection {
  return { ending, confirmed: false, unsent: 0 };
}

function reasonOf(error: CotpError): Pick<Disconnection, 'reason'> {
  const { reason } = error as { reason?: number | undefined };
  return error.ending === 'dr' && reason !== undefined ? { reason } : {};
}
