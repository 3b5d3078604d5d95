/**
 * A stream that the user hands to a server: the options of `server.accept`, and what is done to the stream before its
 * handshake.
 */
import { Duplex } from 'node:stream';
import { type Address, type FullAddress, resolveAddress, UNKNOWN_ADDRESS } from '../address.js';
import { type Check, flag, instance, optional, resolveOptions } from '../options/rows.js';
import { type Incoming, incomingStream } from '../stream/incoming.js';
import { isSystemSocket, takeOver } from '../stream/streams.js';
import { applyTo, type ListeningOptions } from './listening-socket.js';

/** Options of `server.accept`. */
export interface AcceptStreamOptions {
  /**
   * Address of the client: for `remoteAddr`, `maxConnectionsPerAddress`, traces and errors. The default port is 0.
   * Default: that of the socket, if the stream is one.
   *
   * @defaultValue `undefined`
   */
  readonly remoteAddr?: Address | undefined;
  /**
   * `false` if the stream carries TPKTs without TLS, for instance because a proxy has decrypted it. Default: `true` if
   * `listen` has `tls`, otherwise `false`.
   *
   * @defaultValue `undefined`
   */
  readonly tls?: boolean | undefined;
}

const clientAddress: Check<FullAddress> = (name, value) => resolveAddress(value, 0, name, 0);

const ACCEPT_STREAM_OPTIONS = {
  remoteAddr: optional(clientAddress),
  tls: optional(flag),
};

const duplex = instance(Duplex, 'a Duplex stream');

/** What of the options of a server concerns such a stream. */
interface OwnOptions extends Pick<ListeningOptions, 'noDelay' | 'keepAlive'> {
  readonly tls: object | undefined;
}

/** Every stream that a server was given. */
const ACCEPTED = new WeakSet<Duplex>();

/**
 * Checks the arguments of `server.accept` and adapts the stream.
 *
 * @returns the stream, and whether TLS comes first
 * @throws TypeError or RangeError, ConnectionClosedError for a stream that has ended
 */
export function acceptedStream(
  stream: Duplex,
  given: AcceptStreamOptions,
  own: OwnOptions,
): { readonly incoming: Incoming; readonly tls: boolean } {
  duplex('stream', stream);
  const hasTls = own.tls !== undefined;
  const { remoteAddr, tls = hasTls } = resolveOptions(ACCEPT_STREAM_OPTIONS, given);
  if (tls && !hasTls) {
    throw new TypeError('options.tls must be false: listen() has no options.tls');
  }
  if (ACCEPTED.has(stream)) {
    throw new TypeError('stream must be one that no server has accepted before');
  }
  takeOver(stream, 'stream');
  ACCEPTED.add(stream);
  // A FIN during a TLS handshake ends the stream.
  stream.allowHalfOpen = !tls;
  if (isSystemSocket(stream)) {
    applyTo(stream, own);
  }
  const incoming = incomingStream(stream, UNKNOWN_ADDRESS);
  return { incoming: remoteAddr === undefined ? incoming : { ...incoming, remoteAddr }, tls };
}
