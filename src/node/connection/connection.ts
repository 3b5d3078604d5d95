/**
 * The public connection of COTP, and its `info`.
 */
import { noExpedited } from '../../core/connection/expedited.js';
import { noHalfClose } from '../../core/connection/failures.js';
import type { DisconnectHow, Disconnection } from '../../core/disconnection.js';
import type { Agreement, Engine } from '../../core/engine.js';
import type { Decoded, DiagnosticCode, RemoteDesktop } from '../../core/tpdu/types.js';
import { type Tsel, tselOf } from '../../core/tsel.js';
import type { FullAddress } from '../address.js';
import { copyToBuffer } from '../buffers.js';
import { runCallback } from '../callbacks.js';
import { disconnectData, flag, optional, resolveOptions, row } from '../options/rows.js';
import type { Driver } from '../stream/driver.js';
import type { ProxyInfo } from '../stream/incoming.js';
import { ExpeditedQueue } from './expedited-queue.js';
import {
  type Data,
  MessageConnection,
  type MessageConnectionOptions,
  resolveWait,
  type WaitOptions,
} from './message-connection.js';

/**
 * The two sides of a connection, and what they have agreed on. Frozen. A selector can be passed to `connect`
 * unchanged: it is a number if it has two octets, otherwise a Buffer, and `undefined` if the CR has none.
 */
export interface ConnectionInfo {
  /**
   * The address of this side: on a server behind a proxy the destination in the PROXY header. A stream without TCP
   * addresses has on a client the address given to `connect`, on a server the path on which it listens, or
   * `{ host: 'unknown', port: 0 }`.
   */
  readonly localAddr: FullAddress;
  /** Our T-selector: the calling one of a client, the called one of a server. */
  readonly localTsel: Tsel | undefined;
  /**
   * The address of the peer: on a server the source in the PROXY header if there is one, or what `server.accept` was
   * given; without TCP addresses the same as `localAddr`.
   */
  readonly remoteAddr: FullAddress;
  /** The peer's T-selector: the called one of a client, the calling one of a server. */
  readonly remoteTsel: Tsel | undefined;
  /**
   * The responding T-selector of the CC (0xC2); of a client only, and `undefined` if the CC has none. Some peers
   * answer with another one than was called.
   */
  readonly respondingTsel: Tsel | undefined;
  /** TPDU size that was agreed on, 128 to 65531 octets, header included: this side sends no larger TPDU. */
  readonly maxTpduSize: number;
  /** Transport class that CR and CC have agreed on. */
  readonly tpClass: 0 | 2;
  /** Expedited data was agreed on: `writeExpedited` and `readExpedited` can be used. */
  readonly expedited: boolean;
  /** Each expedited data unit is answered by an EA, and no data is sent until it comes; class 2 only. */
  readonly expeditedAck: boolean;
  /** The reference of this side, 1 to 65535, unique in this thread. */
  readonly localRef: number;
  /** The peer's reference, 0 to 65535; some peers of class 0 send 0. */
  readonly remoteRef: number;
  /** User data of the peer's CR or CC, 1 to 32 octets, in class 0 possibly more; `undefined` if there is none. */
  readonly connectData: Buffer | undefined;
  /**
   * The deviations from the standard in the peer's CR or CC that were tolerated, by the names of `docs/errors.md`; empty
   * if there are none.
   */
  readonly diagnostics: readonly DiagnosticCode[];
  /** The remote desktop fields of the peer's CR or CC; `undefined` if it has none. */
  readonly remoteDesktop: RemoteDesktop | undefined;
  /**
   * What the PROXY header of the connection says (the option `proxyProtocol` of `listen`); `undefined` without one, and
   * on a client.
   */
  readonly proxy: ProxyInfo | undefined;
  /** The `name` option; `undefined` without one. */
  readonly name: string | undefined;
}

/** A selector in the form of the options: a number if it has two octets. */
export function tselFromWire(octets: Uint8Array | undefined): Tsel | undefined {
  // A copy, so that a selector does not keep the buffer of the socket alive.
  return octets === undefined ? undefined : tselOf(copyToBuffer(octets));
}

/** User data in the form of `info`: `undefined` if there is none. */
export function connectDataFromWire(userData: Uint8Array): Buffer | undefined {
  return userData.length === 0 ? undefined : copyToBuffer(userData);
}

const NONE: readonly DiagnosticCode[] = Object.freeze([]);

/** A copy whose octets do not keep a buffer of the socket alive. */
export function remoteDesktopFromWire(form: RemoteDesktop | undefined): RemoteDesktop | undefined {
  return form?.correlationId === undefined
    ? form
    : { ...form, correlationId: copyToBuffer(form.correlationId) };
}

/** The tolerated deviations of a CR or CC. */
export function diagnosticsOf(tpdu: Decoded | undefined): readonly DiagnosticCode[] {
  return tpdu === undefined || tpdu.diagnostics.length === 0
    ? NONE
    : Object.freeze(tpdu.diagnostics.map(({ code }) => code));
}

/** Creates `info`. */
export function connectionInfo(
  agreement: Agreement,
  parts: Omit<ConnectionInfo, keyof Agreement>,
): ConnectionInfo {
  return Object.freeze({
    localAddr: parts.localAddr,
    localTsel: parts.localTsel,
    remoteAddr: parts.remoteAddr,
    remoteTsel: parts.remoteTsel,
    respondingTsel: parts.respondingTsel,
    maxTpduSize: agreement.maxTpduSize,
    tpClass: agreement.tpClass,
    expedited: agreement.expedited,
    expeditedAck: agreement.expeditedAck,
    localRef: agreement.localRef,
    remoteRef: agreement.remoteRef,
    connectData: parts.connectData,
    diagnostics: parts.diagnostics,
    remoteDesktop: parts.remoteDesktop,
    proxy: parts.proxy,
    name: parts.name,
  });
}

/** How {@link Connection.disconnect} ends a connection. */
export interface DisconnectOptions {
  /**
   * User data of the DR, 1 to 64 octets; class 2 only. The DR may be lost with TCP, and its user data with it. Default:
   * none.
   *
   * @defaultValue `undefined`
   */
  readonly userData?: Uint8Array | undefined;
  /**
   * Drops queued data instead of sending it first.
   *
   * @defaultValue `false`
   */
  readonly disruptive?: boolean | undefined;
}

const DISCONNECT_OPTIONS = {
  userData: optional(disconnectData),
  disruptive: row(flag, false),
};

/** A frozen copy without `undefined` fields. Its octets do not keep a buffer of the socket alive. */
function disconnectionOf(ended: Disconnection): Disconnection {
  const { ending, confirmed, unsent, reason, userData, additionalInfo, nonDisruptive } = ended;
  return Object.freeze({
    ending,
    confirmed,
    unsent,
    ...(reason === undefined ? {} : { reason }),
    ...(userData === undefined ? {} : { userData: copyToBuffer(userData) }),
    ...(additionalInfo === undefined ? {} : { additionalInfo: copyToBuffer(additionalInfo) }),
    ...(nonDisruptive === undefined ? {} : { nonDisruptive }),
  });
}

/**
 * For relays: closes a connection of class 2 by a DR with the reason and the additional information of the DR that
 * ended the other side. It is no method, because users cannot choose either.
 */
export let disconnectLike: (conn: Connection, how: DisconnectHow) => void;

/** Called with expedited data, 1 to 16 octets, and the connection that it came on. */
export type OnExpedited = (data: Buffer, conn: Connection) => void | Promise<void>;

/** The parts of a connection. */
export interface TransportParts {
  readonly driver: Driver;
  readonly engine: Engine;
  readonly options: MessageConnectionOptions;
  readonly info: ConnectionInfo;
  readonly onExpedited: OnExpedited | undefined;
  /** Gets what {@link onExpedited} throws. */
  readonly report: (error: unknown) => void;
  readonly context: unknown;
}

/**
 * An open transport connection. One `write` is one TSDU of at least one octet, one `read` is one
 * TSDU, whatever TCP, TPKT and the TPDU size do in between (X.224 6.3, RFC 1006 §6).
 *
 * Connections come from {@link connect} and from the callback of {@link listen}.
 */
export class Connection extends MessageConnection<ConnectionInfo> {
  /**
   * On a server the `context` that `request.accept` was given in `onConnectRequest`; otherwise `undefined`.
   *
   * @example
   * ```ts
   * import { connect, listen } from 'cotp';
   *
   * const units = new Map([[0x0102, 'boiler']]);
   * const server = await listen((conn) => void conn.write(Buffer.from(String(conn.context))), {
   *   host: '127.0.0.1',
   *   port: 0,
   * }, {
   *   onConnectRequest: (request) => {
   *     const context = units.get(Number(request.localTsel));
   *     context === undefined ? request.refuse(3) : request.accept({ context });
   *   },
   * });
   * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' }, { remoteTsel: 0x0102 });
   * console.log(String(await conn.read())); // boiler
   * await conn.asyncClose();
   * await server.asyncClose();
   * ```
   */
  readonly context: unknown;
  /** Exists if expedited data was agreed on. */
  readonly #expedited: ExpeditedQueue | undefined;
  readonly #onExpedited: OnExpedited | undefined;
  readonly #report: (error: unknown) => void;
  /** Created on the first request, once the connection is closed. */
  #disconnection: Disconnection | undefined;

  private constructor(parts: TransportParts, expedited: ExpeditedQueue | undefined) {
    const { driver, engine, options, info, onExpedited, report, context } = parts;
    super(driver, engine, options, info, expedited);
    this.context = context;
    this.#expedited = expedited;
    this.#onExpedited = onExpedited;
    this.#report = report;
  }

  static {
    disconnectLike = (conn, how) => conn.closeBy(how);
  }

  /** @internal Creates a connection from its parts; users call {@link connect} or {@link listen}. */
  static of(parts: TransportParts): Connection {
    return new Connection(parts, parts.info.expedited ? new ExpeditedQueue() : undefined);
  }

  /** @internal The user has the connection: `onExpedited` is called from now on. */
  startExpedited(): void {
    const onExpedited = this.#onExpedited;
    if (onExpedited !== undefined) {
      this.#expedited?.passTo((data) => this.#call(onExpedited, data));
    }
  }

  /** Calls the callback of the user; `false` if it has thrown. */
  #call(onExpedited: OnExpedited, data: Buffer): boolean {
    let hasFailed = false;
    const failed = (error: unknown) => {
      hasFailed = true;
      if (!this.hasEndedBy(error)) {
        this.#report(error);
      }
      this.close();
    };
    runCallback(() => onExpedited(data, this), failed);
    return !hasFailed;
  }

  /**
   * Sends expedited data. It overtakes everything that {@link write} has queued and TCP has not taken, and may arrive
   * inside a TSDU. If `info.expeditedAck` is true, neither data nor further expedited data is sent until the EA of the
   * peer arrives; without an EA the connection is reset after `writeTimeout`.
   *
   * @param data 1 to 16 octets; they are copied
   * @returns `false` when more than `writeHighWaterMark` octets wait: call {@link drain} before writing more
   * @throws TypeError when `data` is not a Uint8Array; RangeError when its length is not 1 to 16 octets
   * @throws CotpError (`ERR_COTP_NO_EXPEDITED`) when it was not agreed on: see `info.expedited`
   * @throws ConnectionClosedError (`ERR_COTP_CLOSED`) when closing has begun
   * @throws CotpError (`ERR_COTP_WRITE_OVERFLOW`) when `maxWriteBuffer` octets wait already
   *
   * @example
   * ```ts
   * import { connect, listen } from 'cotp';
   *
   * const server = await listen((peer) => void peer.readExpedited().then((data) => peer.write(data)), {
   *   host: '127.0.0.1',
   *   port: 0,
   * }, { expedited: true });
   * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' }, { expedited: true });
   * conn.writeExpedited(Buffer.from('attention'));
   * console.log(String(await conn.read())); // attention
   * await conn.asyncClose();
   * await server.asyncClose();
   * ```
   */
  //= X.224 6.11.1.4 para 1
  writeExpedited(data: Data): boolean {
    return this.sendExpedited(data);
  }

  /**
   * Returns the next expedited data of the peer. It may come before data that the peer has written earlier. Expedited
   * data that arrived before the connection ended can still be read. Several calls may wait at once; they are served in
   * order. All errors, also that of a bad option, reject the promise.
   *
   * Expedited data that nobody reads counts toward `readHighWaterMark`, with 128 octets for each. At the mark reading
   * from the socket pauses, which stops all data of the peer.
   *
   * @param options `signal` cancels the call; a call that is cancelled takes nothing
   * @returns a Buffer of 1 to 16 octets with memory of its own
   * @throws CotpError (`ERR_COTP_NO_EXPEDITED`) when it was not agreed on: see `info.expedited`
   * @throws TypeError when the option `onExpedited` is set, because that gets all expedited data; or for a bad option
   * @throws CotpError (`ERR_COTP_BUSY`) when the connection is relayed
   * @throws whatever ended the connection, as {@link read} does
   * @throws the reason of `signal` when that aborts
   *
   * @example
   * ```ts
   * import { connect, listen } from 'cotp';
   *
   * const server = await listen((peer) => void peer.writeExpedited(Buffer.from('attention')), {
   *   host: '127.0.0.1',
   *   port: 0,
   * }, { expedited: true });
   * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' }, { expedited: true });
   * const data = await conn.readExpedited({ signal: AbortSignal.timeout(5_000) });
   * console.log(String(data)); // attention
   * await conn.asyncClose();
   * await server.asyncClose();
   * ```
   */
  readExpedited(options: WaitOptions = {}): Promise<Buffer> {
    if (this.#onExpedited !== undefined) {
      return Promise.reject(
        new TypeError(
          'readExpedited() cannot be used with options.onExpedited, which gets all expedited data: leave one out',
        ),
      );
    }
    if (this.#expedited === undefined) {
      return Promise.reject(noExpedited(this.info.tpClass));
    }
    try {
      return this.#expedited.read(resolveWait(options).signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Ends writing: FIN follows what was written. Messages of the peer can still be read, and the connection closes
   * when the peer closes too. Class 0 only: class 2 ends both directions at once, by {@link close} or
   * {@link disconnect}.
   *
   * @throws CotpError (`ERR_COTP_NO_HALF_CLOSE`) in class 2
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('last'));
   * if (conn.info.tpClass === 0) {
   *   conn.end();
   * }
   * console.log(String(await conn.read())); // last
   * ```
   */
  override end(): void {
    if (this.info.tpClass === 2) {
      throw noHalfClose();
    }
    super.end();
  }

  /**
   * Closes the connection as {@link close} does. In class 2 a DR with reason 128 ends the
   * connection, and the peer confirms it by a DC; in class 0 the end of TCP ends it. On a connection that is closing
   * already only `disruptive` has an effect; on a closed one nothing has.
   *
   * @returns resolves when the connection is closed, at the latest after `closeTimeout`, to how it ended; never rejects
   * @throws TypeError for a bad option; RangeError for `userData` that is not 1 to 64 octets, or in class 0. Both are
   * thrown at once, and the connection stays open
   *
   * @example
   * ```ts
   * conn.write(Buffer.from('last'));
   * const { confirmed, unsent } = await conn.disconnect();
   * console.log(confirmed, unsent); // true 0
   * ```
   */
  disconnect(options: DisconnectOptions = {}): Promise<Disconnection> {
    const how = resolveOptions(DISCONNECT_OPTIONS, options);
    if (how.userData !== undefined && this.info.tpClass === 0) {
      throw new RangeError(
        'options.userData must be left out in class 0, which has no DR for it: see info.tpClass',
      );
    }
    this.closeBy(how);
    return this.waitClosed().then(() => this.#end);
  }

  /**
   * How the connection ended; `undefined` until it is closed. Frozen.
   *
   * @example
   * ```ts
   * await conn.asyncClose();
   * console.log(conn.disconnection?.ending); // local
   * ```
   */
  get disconnection(): Disconnection | undefined {
    return this.isClosed ? this.#end : undefined;
  }

  get #end(): Disconnection {
    this.#disconnection ??= disconnectionOf(this.ended);
    return this.#disconnection;
  }
}

/**
 * Called with each connection that a server has opened. If it throws or rejects, the error is reported to `onError` and
 * that connection is closed.
 */
export type ConnectionCb = (conn: Connection) => void | Promise<void>;
