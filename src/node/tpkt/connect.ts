/**
 * `connect` of bare TPKT.
 */
import { ConnectionClosedError, TimeoutError } from '../../core/errors.js';
import {
  type Address,
  type FullAddress,
  formatAddress,
  resolveAddress,
  socketEnds,
} from '../address.js';
import { openClientStream } from '../client-stream.js';
import { startTimeout } from '../deadline-timer.js';
import { resolveOptions } from '../options/rows.js';
import { CONNECT_OPTIONS, type ConnectOptions } from '../options/tpkt.js';
import { whenClosed } from '../streams.js';
import { clientTlsError, isTcpConnected, tlsTimeout } from '../tls.js';
import { whenAborted } from '../waiting.js';
import { type Connection, openConnection } from './connection.js';

/**
 * Opens a TCP connection that carries TPKT packets.
 *
 * @throws TypeError or RangeError for a bad address or option, before anything is opened
 * @throws the system's error as it is when TCP or TLS cannot be had
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
export async function connect(addr: Address, options: ConnectOptions = {}): Promise<Connection> {
  const address = resolveAddress(addr, 1);
  const resolved = resolveOptions(CONNECT_OPTIONS, options);
  const { signal, timeout, tls } = resolved;
  signal?.throwIfAborted();
  const { stream, ready } = openClientStream(address, resolved);
  if (ready === undefined) {
    return openConnection(stream, socketEnds(stream, address), resolved, undefined);
  }
  return new Promise<Connection>((resolve, reject) => {
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
    const stopTimeout = startTimeout(timeout, () => {
      const message = `no TCP connection to ${formatAddress(address)} within ${timeout} ms`;
      fail(
        isTcpConnected(stream)
          ? tlsTimeout(timeout)
          : new TimeoutError(message, 'timeout', timeout, { phase: 'tcp' }),
      );
    });
    const stopWaiting = signal && whenAborted(signal, fail);
    const onError = (error: Error) => fail(tls === undefined ? error : clientTlsError(error));
    stream.once(ready, () => {
      // At once: the next event may be an error or an end, which the connection must see.
      const ends = socketEnds(stream, address);
      const connection = openConnection(stream, ends, resolved, undefined);
      settle();
      resolve(connection);
    });
    stream.once('error', onError);
    whenClosed(stream, () => {
      if (!isSettled) {
        fail(closedBefore(address));
      }
    });
  });
}

/** A stream of the caller's own may be destroyed without an error. */
function closedBefore(address: FullAddress): ConnectionClosedError {
  const message = `the stream to ${formatAddress(address)} was closed before it was connected`;
  return new ConnectionClosedError(message, { phase: 'tcp' });
}
