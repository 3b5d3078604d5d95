/**
 * Reads the PROXY header, version 1 or 2, that a proxy sends before the data of its client: HAProxy, nginx and the
 * load balancers of most clouds. The specification is proxy-protocol.txt of HAProxy. Knows no socket and no addresses of
 * proxies: who may send a header is decided elsewhere.
 */
import { ProtocolError } from '../errors.js';
import type { ProxyHeader } from './types.js';
import { readVersion1 } from './version1.js';
import { MAX_VERSION_2, readVersion2 } from './version2.js';

/** `PROXY ` in ASCII. */
const SIGNATURE_1 = Uint8Array.of(0x50, 0x52, 0x4f, 0x58, 0x59, 0x20);

/** The signature of version 2: CR LF CR LF NUL CR LF `QUIT` LF. */
const SIGNATURE_2 = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);

/** The signature that these octets may begin with, by the first of them. */
function signatureOf(octets: Uint8Array): Uint8Array {
  return octets[0] === SIGNATURE_1[0] ? SIGNATURE_1 : SIGNATURE_2;
}

/** The offset of the first octet that is not the one of the signature; -1 if there is none so far. */
function mismatch(octets: Uint8Array, signature: Uint8Array): number {
  return octets.subarray(0, signature.length).findIndex((octet, i) => octet !== signature[i]);
}

/** True if these octets begin with a PROXY header, false if they do not, `undefined` if more are needed to tell. */
export function beginsWithProxyHeader(octets: Uint8Array): boolean | undefined {
  const signature = signatureOf(octets);
  if (mismatch(octets, signature) !== -1) {
    return false;
  }
  return octets.length >= signature.length ? true : undefined;
}

/**
 * Reads the header at the start of these octets. What is wrong is found with the first octet that shows it, except in the
 * line of version 1, of at most 107 octets, which is judged when it is complete.
 *
 * @returns `undefined` while the header is not complete
 * @throws ProtocolError `proxy-missing`, `proxy-invalid`, `proxy-too-long` or `proxy-checksum`
 */
export function readProxyHeader(octets: Uint8Array): ProxyHeader | undefined {
  const signature = signatureOf(octets);
  const wrong = mismatch(octets, signature);
  if (wrong !== -1) {
    throw new ProtocolError('proxy-missing', octets, wrong + 1);
  }
  return signature === SIGNATURE_1 ? readVersion1(octets) : readVersion2(octets);
}

/** A header, and the octets of the last chunk that come after it. */
export interface ReadProxyHeader {
  readonly header: ProxyHeader;
  /** A view of the chunk; empty if nothing came after the header. */
  readonly rest: Uint8Array;
}

/** Collects a header that arrives in pieces. It keeps at most 16384 octets. */
export class ProxyHeaderReader {
  /** What has come, while it is not a whole header. Larger than {@link length}, so that it grows seldom. */
  #octets: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** Octets that have come, while they are not a whole header. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes the next octets.
   *
   * @returns `undefined` while the header is not complete
   * @throws ProtocolError as {@link readProxyHeader}
   */
  push(chunk: Uint8Array): ReadProxyHeader | undefined {
    const before = this.#length;
    const header = readProxyHeader(before === 0 ? chunk : this.#append(chunk));
    if (header !== undefined) {
      return { header, rest: chunk.subarray(header.length - before) };
    }
    if (before === 0) {
      this.#append(chunk);
    }
    return undefined;
  }

  /** What has come, with as much of the chunk as a header can have. */
  #append(chunk: Uint8Array): Uint8Array {
    const piece = chunk.subarray(0, MAX_VERSION_2 - this.#length);
    const length = this.#length + piece.length;
    if (length > this.#octets.length) {
      const larger = new Uint8Array(Math.min(MAX_VERSION_2, Math.max(128, 2 * length)));
      larger.set(this.#octets.subarray(0, this.#length));
      this.#octets = larger;
    }
    this.#octets.set(piece, this.#length);
    this.#length = length;
    return this.#octets.subarray(0, length);
  }
}
