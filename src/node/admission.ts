/**
 * Who is let in: counts the TCP connections of a server, in all and by address. Knows no TLS and no
 * protocol.
 */
import { isTcpAddress } from './address.js';
import type { Incoming } from './incoming.js';
import { whenClosed } from './streams.js';

/** The two limits. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  /** Default: as many as `maxConnections`. */
  readonly maxConnectionsPerAddress: number | undefined;
}

/** The option that a client was one too many for, and its value. */
export interface ReachedLimit {
  readonly option: keyof AdmissionLimits;
  readonly value: number;
}

/** Counts connections in; each is counted out once, when its stream is closed. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #perAddress = new Map<string, number>();
  #admitted = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a stream in, or gives the limit that it would pass.
   *
   * @param onClosed called when a stream that was counted in is closed, once it is counted out
   */
  admit({ stream, remoteAddr }: Incoming, onClosed: () => void): ReachedLimit | undefined {
    const { maxConnections, maxConnectionsPerAddress = maxConnections } = this.#limits;
    const address = remoteAddr.host;
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (this.#admitted >= maxConnections) {
      return { option: 'maxConnections', value: maxConnections };
    }
    // All clients of a Unix socket have one address, and a stream of the user may have none.
    if (ofAddress >= maxConnectionsPerAddress && isTcpAddress(remoteAddr)) {
      return { option: 'maxConnectionsPerAddress', value: maxConnectionsPerAddress };
    }
    this.#admitted += 1;
    this.#perAddress.set(address, ofAddress + 1);
    whenClosed(stream, () => {
      this.#release(address);
      onClosed();
    });
    return undefined;
  }

  #release(address: string): void {
    this.#admitted -= 1;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) {
      this.#perAddress.delete(address);
    } else {
      this.#perAddress.set(address, left);
    }
  }
}
