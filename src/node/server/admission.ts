/**
 * Who is let in: counts the TCP connections of a server, in all and by address. Knows no TLS and no
 * protocol.
 */
import type { Duplex } from 'node:stream';
import { isTcpAddress } from '../address.js';
import { ipv4In } from '../options/proxy-sources.js';
import type { Incoming } from '../stream/incoming.js';
import { whenClosed } from '../stream/streams.js';

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

/**
 * Counts connections in; each is counted out once, when its stream is closed. The address of a peer may become known
 * later than its stream.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #perAddress = new Map<string, number>();
  /** The streams that are counted in, each with the address that it counts for. */
  readonly #admitted = new Map<Duplex, string | undefined>();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a stream in, or gives the limit that it would pass.
   *
   * @param onClosed called when a stream that was counted in is closed, once it is counted out
   */
  admit(stream: Duplex, onClosed: () => void): ReachedLimit | undefined {
    const { maxConnections } = this.#limits;
    if (this.#admitted.size >= maxConnections) {
      return { option: 'maxConnections', value: maxConnections };
    }
    this.#admitted.set(stream, undefined);
    whenClosed(stream, () => {
      this.#release(stream);
      onClosed();
    });
    return undefined;
  }

  /** Counts the address of a stream that was counted in. A stream that would pass the limit is counted out. */
  admitPeer({ stream, remoteAddr, proxy }: Incoming): ReachedLimit | undefined {
    const { maxConnectionsPerAddress } = this.#limits;
    // Without this limit one address may have as many as all together.
    if (maxConnectionsPerAddress === undefined) {
      return undefined;
    }
    // The address may be that of a proxy. All clients of a Unix socket have one address, and a stream of the user may have
    // none.
    if ((proxy !== undefined && proxy.source === undefined) || !isTcpAddress(remoteAddr)) {
      return undefined;
    }
    const address = ipv4In(remoteAddr.host);
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= maxConnectionsPerAddress) {
      this.#release(stream);
      return { option: 'maxConnectionsPerAddress', value: maxConnectionsPerAddress };
    }
    this.#admitted.set(stream, address);
    this.#perAddress.set(address, ofAddress + 1);
    return undefined;
  }

  #release(stream: Duplex): void {
    const address = this.#admitted.get(stream);
    this.#admitted.delete(stream);
    if (address === undefined) {
      return;
    }
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) {
      this.#perAddress.delete(address);
    } else {
      this.#perAddress.set(address, left);
    }
  }
}
