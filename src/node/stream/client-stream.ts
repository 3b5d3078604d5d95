/**
 * Opens the byte stream of a client: TCP, TLS over it, or a stream of the caller's own. Knows no
 * protocol above.
 */
import {
  connect as connectTcp,
  isIP,
  type LookupFunction,
  type NetConnectOpts,
  Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { FullAddress } from '../address.js';
import { wrongType } from '../options/rows.js';
import { takeOver } from './streams.js';
import { clientTlsOptions, withCallback } from './tls.js';

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
  readonly localPort: number | undefined;
  readonly family: 0 | 4 | 6 | undefined;
  readonly lookup: LookupFunction | undefined;
  readonly tls: ConnectionOptions | undefined;
  readonly socket: Duplex | undefined;
}

/** A stream, and the event with which it is connected; `undefined` when it is already. */
export interface ClientStream {
  readonly stream: Duplex;
  readonly ready: 'connect' | 'secureConnect' | undefined;
}

/** The options of a new TCP connection; each is given to Node as it is. */
const TCP_OPTIONS = ['localAddress', 'localPort', 'family', 'lookup'] as const;

/** @throws TypeError for an option of TCP where the stream is of another kind, or for a bad `tls.servername` */
export function checkClientStream(addr: FullAddress, options: ClientStreamOptions): void {
  const { socket, tls } = options;
  const servername: unknown = tls?.servername;
  // Node checks it when TCP is being opened already, and then nobody has the socket.
  if (servername !== undefined && typeof servername !== 'string') {
    throw wrongType('options.tls.servername', 'a string', servername);
  }
  if (socket === undefined && addr.path === undefined) {
    return;
  }
  const other = socket === undefined ? 'addr.path' : 'options.socket';
  const given = TCP_OPTIONS.find((name) => options[name] !== undefined);
  if (given !== undefined) {
    throw new TypeError(`options.${given} cannot be combined with ${other}`);
  }
}

/**
 * Begins to open a stream. Failures come as its `error` and `close` events.
 *
 * @throws ConnectionClosedError for a stream of the caller's own that has ended already
 */
export function openClientStream(addr: FullAddress, options: ClientStreamOptions): ClientStream {
  const { tls, socket } = options;
  if (socket !== undefined) {
    takeOver(socket, 'options.socket');
  }
  if (tls !== undefined) {
    return openTls(addr, options, tls);
  }
  if (socket !== undefined) {
    const connecting = socket instanceof Socket && socket.connecting;
    return { stream: socket, ready: connecting ? 'connect' : undefined };
  }
  return { stream: connectTcp(socketOptions(addr, options)), ready: 'connect' };
}

function openTls(
  addr: FullAddress,
  options: ClientStreamOptions,
  tls: ConnectionOptions,
): ClientStream {
  const { socket, noDelay, keepAlive } = options;
  const { host, port, path } = addr;
  const own = Object.fromEntries(
    TCP_OPTIONS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
  const to = path === undefined ? { host, port } : { path };
  // Server name indication takes names only (RFC 6066 §3).
  const isName = path === undefined && isIP(host) === 0;
  const tlsOptions: ConnectionOptions & { allowHalfOpen: boolean } = {
    ...(socket === undefined ? to : { socket }),
    ...(isName ? { servername: host } : {}),
    ...clientTlsOptions({ ...own, ...tls }),
    allowHalfOpen: true,
  };
  const stream = connectTls(tlsOptions);
  if (socket === undefined) {
    stream.setNoDelay(noDelay);
    stream.setKeepAlive(keepAlive, KEEP_ALIVE_DELAY);
  }
  return { stream, ready: 'secureConnect' };
}

function socketOptions(addr: FullAddress, options: ClientStreamOptions): NetConnectOpts {
  const { keepAlive, noDelay, localAddress, localPort, family, lookup } = options;
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
  // The usual connection has none of these, and its options one shape.
  if (addr.path !== undefined) {
    return { ...tcpOptions, path: addr.path };
  }
  return localPort === undefined && family === undefined && lookup === undefined
    ? tcpOptions
    : {
        ...tcpOptions,
        localPort,
        family,
        lookup: lookup && (withCallback(lookup) as LookupFunction),
      };
}
