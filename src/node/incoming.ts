/**
 * What a server accepts: a stream, and the addresses of its two ends. They are kept, because a destroyed socket has
 * none, and because the stream may come from a proxy that names the real ones.
 */
import type { Duplex } from 'node:stream';
import { type Ends, type FullAddress, formatAddress, socketEnds } from './address.js';

/** A stream that a server has accepted, and the addresses of its two ends. */
export interface Incoming extends Ends {
  readonly stream: Duplex;
}

/**
 * A stream that a server has accepted.
 *
 * @param otherwise stands for both ends of a stream that has no addresses
 */
export function incomingStream(stream: Duplex, otherwise: FullAddress): Incoming {
  const { localAddr, remoteAddr } = socketEnds(stream, otherwise);
  return { stream, localAddr, remoteAddr };
}

/** The address of the peer, for error messages. */
export function peerOf({ remoteAddr }: Incoming): string {
  return formatAddress(remoteAddr);
}
