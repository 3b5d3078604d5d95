/**
 * `listen` of bare TPKT.
 */
import { reportTo } from '../callbacks.js';
import { ReceiveBudget } from '../connection/receive-budget.js';
import { resolveOptions, wrongType } from '../options/rows.js';
import { LISTEN_OPTIONS, type ListenOptions } from '../options/tpkt.js';
import {
  DEFAULT_LISTEN_ADDRESS,
  type ListenAddress,
  resolveListenAddress,
} from '../server/listen-address.js';
import { Server as AnyServer } from '../server/server.js';
import { type Connection, type ConnectionCb, openConnection } from './connection.js';

/** A listening server, returned by {@link listen}. */
export type Server = AnyServer<Connection>;
export const Server: typeof AnyServer = AnyServer;

/**
 * Listens for connections that carry TPKTs.
 *
 * @param connectionCb called with each connection, once TCP and TLS are connected; when it throws or rejects, that
 * connection is closed and the error is reported to `onError`
 * @param addr address to listen on; default: all IPv4 addresses, port 102. With port 0 the system chooses a free port.
 * Or `{ path }`, `{ fd }` or a `net.Server`, as in `listen` of `cotp`
 * @throws TypeError or RangeError for a bad argument, before anything is opened
 * @throws the error of the system (`EADDRINUSE`, `EACCES` …)
 * @throws the reason of `signal` when it aborts
 *
 * @example
 * ```ts
 * import { connect, listen } from 'cotp/tpkt';
 *
 * const server = await listen(
 *   async (conn) => {
 *     for await (const payload of conn) {
 *       conn.write(payload);
 *     }
 *   },
 *   { host: '127.0.0.1', port: 0 },
 * );
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
 * conn.write(Buffer.from('echo'));
 * console.log(String(await conn.read())); // echo
 * await conn.asyncClose();
 * await server.asyncClose();
 * ```
 */
export async function listen(
  connectionCb: ConnectionCb,
  addr: ListenAddress = DEFAULT_LISTEN_ADDRESS,
  options: ListenOptions = {},
): Promise<Server> {
  if (typeof connectionCb !== 'function') {
    throw wrongType('connectionCb', 'a function', connectionCb);
  }
  const resolved = resolveOptions(LISTEN_OPTIONS, options);
  const target = resolveListenAddress(addr, resolved);
  const receiveBudget = new ReceiveBudget(resolved.maxReceiveBuffer);
  return AnyServer.listen<Connection>(
    target,
    resolved,
    (incoming, server, isExcess) => {
      const { stream } = incoming;
      const { counts } = server;
      const connection = openConnection(incoming, resolved, { receiveBudget, counts });
      if (isExcess) {
        // TPKT has no words for a refusal.
        counts.dropped(stream);
        connection.destroy();
        return;
      }
      const report = reportTo(resolved.onError, incoming.remoteAddr);
      server.opened(stream, connection, connectionCb, report);
    },
    (error, peer) => reportTo(resolved.onError, peer)(error),
  );
}
