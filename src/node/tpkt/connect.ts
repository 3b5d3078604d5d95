/**
 * `connect` of bare TPKT.
 */
import { TimeoutError } from '../../core/errors.js';
import { type Address, formatAddress, resolveAddress } from '../address.js';
import { openClientStream } from '../client-stream.js';
import { CONNECT_OPTIONS, type ConnectOptions } from '../options/tpkt.js';
import { resolveOptions } from '../options/table.js';
import { clientTlsError, standsBeneathTls, tlsTimeout } from '../tls-errors.js';
import { type Connection, openConnection } from './connection.js';

/**
 * Opens a TCP connection that carries TPKT packets.
 *
 * @throws TypeError or RangeError for a bad address or option, before anything is opened
 * @throws the system's error as it is when TCP or TLS cannot be had
 * @throws TimeoutError (`ERR_COTP_TIMEOUT`) when `timeout` has passed
 * @throws the reason of `signal` when that aborts
 */
export async function connect(addr: Address, options: ConnectOptions = {}): Promise<Connection> {
  const address = resolveAddress(addr, 1);
  const resolved = resolveOptions(CONNECT_OPTIONS, options);
  const { signal, timeout, tls } = resolved;
  signal?.throwIfAborted();
  const { stream, ready } = openClientStream(address, resolved);
  if (ready === undefined) {
    return openConnection(stream, address, resolved, undefined);
  }
  return new Promise<Connection>((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `no TCP connection to ${formatAddress(address)} within ${timeout} ms`;
      fail(
        standsBeneathTls(stream)
          ? tlsTimeout(timeout)
          : new TimeoutError(message, 'timeout', timeout, { phase: 'tcp' }),
      );
    }, timeout);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stream.off('error', onError);
    };
    const fail = (error: unknown) => {
      settle();
      stream.on('error', () => {});
      stream.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal?.reason);
    const onError = (error: Error) => fail(tls === undefined ? error : clientTlsError(error));
    signal?.addEventListener('abort', onAbort, { once: true });
    stream.once(ready, () => {
      // At once: an error or an end may be the next event, and is the connection's to hear.
      const connection = openConnection(stream, address, resolved, undefined);
      settle();
      resolve(connection);
    });
    stream.once('error', onError);
  });
}
