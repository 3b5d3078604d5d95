/**
 * A TPKT connection as users hold it.
 */
import { TpktEngine } from '../../core/connection/tpkt-engine.js';
import { MAX_TPKT_PAYLOAD, MIN_TPKT_PAYLOAD } from '../../core/tpkt/header.js';
import type { FullAddress } from '../address.js';
import { allocate, sendPool, view } from '../buffers.js';
import { reportTo } from '../callbacks.js';
import {
  type ConnectionParts,
  MessageConnection,
  type MessageConnectionOptions,
  writeMark,
} from '../connection/message-connection.js';
import type { ReceiveBudget } from '../connection/receive-budget.js';
import type { ResolvedConnectOptions, ResolvedListenOptions } from '../options/tpkt.js';
import type { ServerCounts } from '../server/server-stats.js';
import { Driver, type DriverUser } from '../stream/driver.js';
import type { Incoming, ProxyInfo } from '../stream/incoming.js';
import { takeConnectionNumber } from '../trace/observer.js';

/** The two ends of a connection. Frozen. */
export interface ConnectionInfo {
  /**
   * The address of this side: on a server behind a proxy the destination in the PROXY header. A stream without TCP
   * addresses has on a client the address given to `connect`, on a server the path on which it listens, or
   * `{ host: 'unknown', port: 0 }`.
   */
  readonly localAddr: FullAddress;
  /**
   * The address of the peer: on a server the source in the PROXY header if there is one, or what `server.accept` was
   * given; without TCP addresses the same as `localAddr`.
   */
  readonly remoteAddr: FullAddress;
  /**
   * What the PROXY header of the connection says (the option `proxyProtocol` of `listen`); `undefined` without one, and
   * on a client.
   */
  readonly proxy: ProxyInfo | undefined;
  /** The `name` option; `undefined` without one. */
  readonly name: string | undefined;
}

/** A connection on which one `read` or `write` is the payload of one TPKT, 3 to 65531 octets. */
export class Connection extends MessageConnection<ConnectionInfo> {
  private constructor(...parts: ConnectionParts<ConnectionInfo>) {
    super(...parts);
  }

  /** @internal Makes one of its parts; users call {@link connect} or {@link listen}. */
  static of(...parts: ConnectionParts<ConnectionInfo>): Connection {
    return new Connection(...parts);
  }
}

/**
 * Called with each connection of a server. If it throws or rejects, the error is reported to `onError` and that
 * connection is closed.
 */
export type ConnectionCb = (conn: Connection) => void | Promise<void>;

/** What all connections of one server have in common. */
export interface TpktService {
  readonly receiveBudget: ReceiveBudget;
  readonly counts: ServerCounts<Connection>;
}

/** Creates a connection over a stream that is connected. */
export function openConnection(
  { stream, localAddr, remoteAddr, proxy }: Incoming,
  options: ResolvedConnectOptions | ResolvedListenOptions,
  service?: TpktService,
): Connection {
  const { reassemblyTimeout, closeTimeout } = options;
  const engine = new TpktEngine({ allocate, view, sendPool, reassemblyTimeout, closeTimeout });
  const info = Object.freeze({ localAddr, remoteAddr, proxy, name: options.name });
  const driver = new Driver(stream, engine, NOBODY, options);
  const report = reportTo(options.onError, remoteAddr);
  const messageOptions: MessageConnectionOptions = {
    ...options,
    writeHighWaterMark: writeMark(options),
    id: takeConnectionNumber(),
    minMessage: MIN_TPKT_PAYLOAD,
    maxMessage: MAX_TPKT_PAYLOAD,
    receiveBudget: service?.receiveBudget,
    onFailure: (error) => {
      service?.counts.failed(stream);
      report(error);
    },
  };
  return Connection.of(driver, engine, messageOptions, info);
}

/** Nothing is reported before the connection is made, a few lines further on. */
const NOBODY: DriverUser = {
  awaitsPeer: false,
  onChunkEnd: () => {},
  onEvent: () => {},
  onWritten: () => {},
  onTimeout: () => {},
  onStreamClosed: () => {},
};
