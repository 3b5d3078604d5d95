/**
 * What a server accepts: a stream, and the addresses of its two ends. They are kept, because a destroyed socket has
 * none, and because the stream may come from a proxy that names the real ones.
 */
import type { Duplex } from 'node:stream';
import { type Ends, formatAddress, socketEnds, UNKNOWN_ADDRESS } from './address.js';

/** A stream that a server has accepted, and the addresses of its two ends. */
export interface Incoming extends Ends {
  readonly stream: Duplex;
}

/** A socket that the listening socket has accepted. */
export function incomingSocket(socket: Duplex): Incoming {
  const { localAddr, remoteAddr } = socketEnds(socket, UNKNOWN_ADDRESS);
  return { stream: socket, localAddr, remoteAddr };
}

/** The address of the peer, for error messages. */
export function peerOf({ remoteAddr }: Incoming): string {
  return formatAddress(remoteAddr);
}
