/**
 * Who is let in: counts the TCP connections of a server, in all and by address. Knows no TLS and no
 * protocol.
 */
import type { Socket } from 'node:net';
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

/** Counts connections in; each is counted out once, when its socket is closed. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #perAddress = new Map<string, number>();
  #admitted = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Counts the socket in, or gives the limit that it would pass.
   *
   * @param onClosed called when a socket that was counted in is closed, once it is counted out
   */
  admit(socket: Socket, onClosed: () => void): ReachedLimit | undefined {
    const { maxConnections, maxConnectionsPerAddress = maxConnections } = this.#limits;
    // A peer that has reset already has no address any more.
    const address = socket.remoteAddress ?? '';
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (this.#admitted >= maxConnections) {
      return { option: 'maxConnections', value: maxConnections };
    }
    if (ofAddress >= maxConnectionsPerAddress) {
      return { option: 'maxConnectionsPerAddress', value: maxConnectionsPerAddress };
    }
    this.#admitted += 1;
    this.#perAddress.set(address, ofAddress + 1);
    whenClosed(socket, () => {
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
