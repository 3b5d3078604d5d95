/**
 * `connect` of bare TPKT.
 */
import type { Duplex } from 'node:stream';
import { ConnectionClosedError, TimeoutError, unreachableHint } from '../../core/errors.js';
import {
  type Address,
  type FullAddress,
  formatAddress,
  type PathAddress,
  resolveAddress,
  socketEnds,
} from '../address.js';
import { toError } from '../callbacks.js';
import { startTimeout } from '../deadline-timer.js';
import { resolveOptions } from '../options/rows.js';
import { CONNECT_OPTIONS, type ConnectOptions } from '../options/tpkt.js';
import { checkClientStream, openClientStream } from '../stream/client-stream.js';
import type { Incoming } from '../stream/incoming.js';
import { whenClosed } from '../stream/streams.js';
import { clientTlsError, isTcpConnected, tlsTimeout } from '../stream/tls.js';
import { whenAborted } from '../waiting.js';
import { type Connection, openConnection } from './connection.js';

/**
 * Opens a connection that carries TPKTs: TCP, and TLS if `tls` is set. Nothing is sent to the peer.
 *
 * @param addr address of the peer; the default port is 102. Or `{ path }`: a Unix socket or named pipe
 * @throws TypeError or RangeError for a bad address or option, before anything is opened
 * @throws the error of the system (`ECONNREFUSED`, `ENOTFOUND`, TLS errors …) when TCP or TLS cannot be
 * connected
 * @throws ConnectionClosedError (`ERR_COTP_CLOSED`) when the `socket` that you pass is closed before it is connected
 * @throws TimeoutError (`ERR_COTP_TIMEOUT`) when `timeout` has passed
 * @throws the reason of `signal` when that aborts
 *
 * @example
 * ```ts
 * import { connect, listen } from 'cotp/tpkt';
 *
 * const server = await listen((conn) => void conn.write(Buffer.from('welcome')), {
 *   host: '127.0.0.1',
 *   port: 0,
 * });
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
 * console.log(String(await conn.read())); // welcome
 * await conn.asyncClose();
 * await server.asyncClose();
 * ```
 */
export async function connect(
  addr: Address | PathAddress,
  options: ConnectOptions = {},
): Promise<Connection> {
  const address = resolveAddress(addr, 1);
  const resolved = resolveOptions(CONNECT_OPTIONS, options);
  checkClientStream(address, resolved);
  const { signal, timeout, tls } = resolved;
  signal?.throwIfAborted();
  const { stream, ready } = openClientStream(address, resolved);
  if (ready === undefined) {
    return openConnection(connectedStream(stream, address), resolved);
  }
  return whenConnected(
    stream,
    ready,
    { address, timeout, signal, isTls: tls !== undefined },
    // At once: the next event may be an error or an end, which the connection must see.
    () => openConnection(connectedStream(stream, address), resolved),
  );
}

/** What ends an attempt to connect a stream. */
interface Attempt {
  readonly address: FullAddress;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly isTls: boolean;
}

/** Calls `open` once the stream is connected. A stream that fails before, or is too late, is destroyed. */
function whenConnected<T>(
  stream: Duplex,
  ready: 'connect' | 'secureConnect',
  { address, timeout, signal, isTls }: Attempt,
  open: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
      stopTimeout();
      stopWaiting?.();
      stream.off('error', onError);
    };
    const fail = (error: unknown) => {
      settle();
      stream.on('error', () => {});
      stream.destroy();
      reject(error);
    };
    const stopTimeout = startTimeout(timeout, () => fail(timedOut(stream, address, timeout)));
    const stopWaiting = signal && whenAborted(signal, fail);
    // A stream of the user may be destroyed by anything.
    const onError = (thrown: unknown) => {
      const error = toError(thrown);
      fail(isTls ? clientTlsError(error) : error);
    };
    stream.once(ready, () => {
      const opened = open();
      settle();
      resolve(opened);
    });
    stream.once('error', onError);
    whenClosed(stream, () => {
      if (!isSettled) {
        fail(closedBefore(address));
      }
    });
    // The user's `lookup` may have aborted it while the stream was opened.
    if (signal?.aborted) {
      fail(signal.reason);
    }
  });
}

function timedOut(stream: Duplex, address: FullAddress, timeout: number): TimeoutError {
  if (isTcpConnected(stream)) {
    return tlsTimeout(timeout);
  }
  const hint = unreachableHint(formatAddress(address));
  const message = `no TCP connection within ${timeout} ms`;
  return new TimeoutError(message, 'timeout', timeout, { phase: 'tcp', hint });
}

/** A stream to a server, with the addresses of its ends. */
function connectedStream(stream: Duplex, address: FullAddress): Incoming {
  return { stream, ...socketEnds(stream, address), proxy: undefined };
}

/** A stream of the caller's own may be destroyed without an error. */
function closedBefore(address: FullAddress): ConnectionClosedError {
  const message = `the stream to ${formatAddress(address)} was closed before it was connected`;
  return new ConnectionClosedError(message, { phase: 'tcp' });
}
