/**
 * Opens the byte stream of a client: TCP, TLS over it, or a stream of the caller's own. Knows no
 * protocol above.
 */
import { connect as connectTcp, isIP, Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { FullAddress } from './address.js';
import { takeOver } from './streams.js';
import { clientTlsOptions } from './tls.js';

/** First keep-alive probe after so many milliseconds of silence. */
export const KEEP_ALIVE_DELAY = 10_000;

/**
 * What a socket of Node sets in its copy of the options, whatever was there; here each is what a stream
 * takes by default. Where nothing was, the copy gets a shape of its own, and the stream beneath has to
 * search it for each option.
 */
type SetByNode = { emitClose: boolean; autoDestroy: boolean; decodeStrings: boolean };

/** What of the options concerns the stream. */
export interface ClientStreamOptions {
  readonly keepAlive: boolean;
  readonly noDelay: boolean;
  readonly localAddress: string | undefined;
  readonly tls: ConnectionOptions | undefined;
  readonly socket: Duplex | undefined;
}

/** A stream, and the event with which it is connected; `undefined` when it is already. */
export interface ClientStream {
  readonly stream: Duplex;
  readonly ready: 'connect' | 'secureConnect' | undefined;
}

/**
 * Begins to open a stream. Failures come as its `error` and `close` events.
 *
 * @throws ConnectionClosedError for a stream of the caller's own that has ended already
 */
export function openClientStream(addr: FullAddress, options: ClientStreamOptions): ClientStream {
  const { keepAlive, noDelay, localAddress, tls, socket } = options;
  if (socket !== undefined) {
    takeOver(socket);
  }
  if (tls !== undefined) {
    const tlsOptions: ConnectionOptions & { allowHalfOpen: boolean } = {
      ...(socket === undefined ? { host: addr.host, port: addr.port } : { socket }),
      ...(localAddress === undefined ? {} : { localAddress }),
      // Server name indication takes names only (RFC 6066 §3).
      ...(isIP(addr.host) === 0 ? { servername: addr.host } : {}),
      ...clientTlsOptions(tls),
      allowHalfOpen: true,
    };
    const stream = connectTls(tlsOptions);
    if (socket === undefined) {
      stream.setNoDelay(noDelay);
      stream.setKeepAlive(keepAlive, KEEP_ALIVE_DELAY);
    }
    return { stream, ready: 'secureConnect' };
  }
  if (socket !== undefined) {
    const connecting = socket instanceof Socket && socket.connecting;
    return { stream: socket, ready: connecting ? 'connect' : undefined };
  }
  const tcpOptions: TcpNetConnectOpts & SetByNode = {
    host: addr.host,
    port: addr.port,
    noDelay,
    keepAlive,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY,
    // The peer's FIN must not end our half: answers may be due.
    allowHalfOpen: true,
    localAddress,
    emitClose: true,
    autoDestroy: true,
    decodeStrings: true,
  };
  return { stream: connectTcp(tcpOptions), ready: 'connect' };
}
