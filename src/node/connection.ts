/**
 * A COTP connection as users hold it.
 */
import type { Duplex } from 'node:stream';
import type { Engine } from '../core/engine.js';
import type { ConnectionInfo } from './connection-info.js';
import type { Driver } from './driver.js';
import { MessageConnection, type MessageConnectionOptions } from './message-connection.js';

/**
 * An open transport connection. One `write` is one TSDU of at least one octet, one `read` is one
 * TSDU, whatever TCP, TPKT and the TPDU size do in between (X.224 6.3, RFC 1006 §6).
 *
 * Connections come from {@link connect} and from the callback of {@link listen}.
 */
export class Connection extends MessageConnection {
  /** What both sides are and have agreed on. */
  readonly info: ConnectionInfo;
  readonly #stream: Duplex;

  /** @internal */
  constructor(
    driver: Driver,
    engine: Engine,
    options: MessageConnectionOptions,
    info: ConnectionInfo,
  ) {
    super(driver, engine, options);
    this.info = info;
    this.#stream = driver.stream;
  }

  /**
   * The byte stream beneath: a `net.Socket`, a `tls.TLSSocket` (whose `getPeerCertificate()` tells
   * who the peer is) or the caller's own. It is there to be asked, not to be read or written.
   */
  get socket(): Duplex {
    return this.#stream;
  }
}

/** Called with each connection that a server has opened; what it throws closes that connection. */
export type ConnectionCb = (conn: Connection) => void | Promise<void>;
